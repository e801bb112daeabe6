#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# collect.sh <header> <result...>
#
# Writes one DMR_HAVE_* per probe, after the two controls have shown that
# probes can tell present from absent on this kernel.

header=$1
shift
controls=

{
	echo "/* Generated from src/shim/probes. */"
	for result; do
		name=$(basename "$result" .result)
		read -r value <"$result" || exit 1
		case $name:$value in
		control_present:1 | control_absent:0) controls=x$controls; continue ;;
		control_*)
			echo "error: probes broken: $name gave $value" >&2
			exit 1 ;;
		esac
		echo "#define DMR_HAVE_$(echo "$name" | tr a-z A-Z) $value"
	done
} >"$header.tmp" || exit 1

[ "$controls" = xx ] || { echo "error: probes broken: a control is missing" >&2; exit 1; }
mv "$header.tmp" "$header"
