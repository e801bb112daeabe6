#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# promtool must accept all_stats in silence, whole and truncated, and must object to a text that is torn.
# usage: promtool_check.sh <promtool_sample>
set -u
sample=$1
failed=0

command -v promtool >/dev/null || { echo "promtool is missing: apt-get install prometheus"; exit 1; }

# accept <what> <arguments of the generator>
accept() {
	what=$1
	shift
	: >"$said"
	if "$sample" "$@" >"$out" && [ -s "$out" ] &&
	   promtool check metrics <"$out" >"$said" 2>&1 && [ ! -s "$said" ]; then
		echo "ok   $what ($(grep -c '^# TYPE' "$out") metrics, $(wc -c <"$out") bytes)"
	else
		echo "FAIL $what"
		cat "$said" "$out"
		failed=1
	fi
}

out=$(mktemp) said=$(mktemp)
trap 'rm -f "$out" "$said"' EXIT

accept "one device" 4096 data
accept "three devices" 65536 data backup root
accept "names that need escaping" 65536 'back\slash' 'quo"te' 'new
line' 'grün' "$(printf 'bad\377utf')"
accept "truncated to a page" 4096 first second third fourth fifth
accept "truncated to almost nothing" 300 data

# The check itself must be able to fail.
"$sample" 65536 data | head -c 1000 >"$out"
if promtool check metrics <"$out" >"$said" 2>&1; then
	echo "FAIL promtool accepted a torn text"
	failed=1
else
	echo "ok   a torn text is refused"
fi
exit $failed
