#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# apply.sh NAME DIR: the files that the deliberate mistake NAME.patch touches, as copies under DIR, with the mistake made.
# Exit status 1 if the patch does not fit the sources exactly: then it is to be made anew.
set -eu
here=$(dirname "$(readlink -f "$0")")
source=$here/../..
patch=$here/$1.patch
to=$2

[[ -e $patch ]] || { echo "no such mistake: $1. There are: $(cd "$here" && printf '%s ' *.patch)" >&2; exit 1; }
while read -r file; do
	mkdir -p "$to/$(dirname "$file")"
	# It may be a link into the sources.
	rm -f "$to/$file"
	cp "$source/$file" "$to/$file"
done < <(sed -n 's/^+++ b\///p' "$patch")
patch --quiet --batch --forward --fuzz=0 --no-backup-if-mismatch -p1 -d "$to" <"$patch" ||
	{ echo "tests/mutants/$1.patch does not apply any more: make the same mistake in the sources as they are now" >&2; exit 1; }
