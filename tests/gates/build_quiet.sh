#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build_quiet.sh <release> | --log <file>
#
# A full build from nothing, in a temporary directory, must print no warning of
# compiler, modpost, objtool or kbuild, and must leave the source tree alone.
# With --log, judges the log of another build.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)

quiet() {
	if grep -inE 'warning|\.o: error:|\bERROR:' "$1" | sed 's/^/FAIL build-quiet /' | grep .; then
		return 1
	fi
}

if [[ ${1-} == --log ]]; then
	quiet "$2"
	exit
fi

release=${1:?usage: build_quiet.sh <release> | --log <file>}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if ! make -C "$top" modules KVER="$release" BUILD="$tmp/build" >"$tmp/log" 2>&1; then
	tail -n 30 "$tmp/log"
	echo "FAIL build: make modules KVER=$release"
	exit 1
fi
quiet "$tmp/log"
litter=$(cd "$top" && find src include Kbuild \
	\( -name '*.o' -o -name '*.ko' -o -name '*.su' -o -name '.*.cmd' -o -name '*.mod' -o -name '*.mod.c' \) -print) || true
if [[ $litter ]]; then
	echo "FAIL clean-source: $litter"
	exit 1
fi
echo "ok   build of $release is quiet and leaves the sources clean"
