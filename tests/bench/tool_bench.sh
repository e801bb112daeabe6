#!/bin/bash
# dmremap check and dump of a set, against thin_check and thin_dump of a pool with as many mappings; in one run, each as often as the
# other and the best of each.
#
#   tests/bench/tool_bench.sh [EXTENTS [ROUNDS]]      1000000 and 5; build/host has to be built; tools/setup stack
#
# Prints the times in seconds, the ratios, and how much memory map --json takes. Exit status 1 beyond: check 2, dump 4, memory 64 MiB.
set -eu
extents=${1:-1000000} rounds=${2:-5}
host=$(dirname "$(readlink -f "$0")")/../../build/host
dmremap=$host/tools/dmremap/dmremap
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/dmremap-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

"$host/tests/cli/cli_large" "$scratch" "$extents" 2
# Neighbours in the pool's space are none on its disk, as with blocks that go bad here and there.
awk -v n="$extents" 'BEGIN {
	printf "<superblock uuid=\"\" time=\"0\" transaction=\"1\" data_block_size=\"128\" nr_data_blocks=\"%d\">\n", 2 * n
	printf "<device dev_id=\"1\" mapped_blocks=\"%d\" transaction=\"0\" creation_time=\"0\" snap_time=\"0\">\n", n
	for (i = 0; i < n; i++)
		printf "<single_mapping origin_block=\"%d\" data_block=\"%d\" time=\"0\"/>\n", 4 * i, 2 * i
	print "</device>\n</superblock>"
}' >"$scratch/thin.xml"
truncate -s $((64 * extents + 16777216)) "$scratch/thin"
thin_restore -q -i "$scratch/thin.xml" -o "$scratch/thin"
rm "$scratch/thin.xml"

# Seconds of the fastest round.
declare -A best
measure() { # NAME COMMAND...
	local name=$1 before after took
	shift
	before=$(date +%s.%N)
	"$@" >/dev/null
	after=$(date +%s.%N)
	took=$(awk -v a="$after" -v b="$before" 'BEGIN { print a - b }')
	if [[ ! -v best[$name] ]] || awk -v a="$took" -v b="${best[$name]}" 'BEGIN { exit a >= b }'; then best[$name]=$took; fi
}
for ((round = 0; round < rounds; round++)); do
	measure thin_check thin_check -q "$scratch/thin"
	measure check "$dmremap" check "$scratch"/spare?.img
	measure thin_dump thin_dump "$scratch/thin"
	measure dump "$dmremap" dump "$scratch"/spare?.img
done
memory=$( (/usr/bin/time -f %M "$dmremap" map --json "$scratch"/spare?.img >/dev/null) 2>&1)
awk -v c="${best[check]}" -v tc="${best[thin_check]}" -v d="${best[dump]}" -v td="${best[thin_dump]}" -v m="$memory" 'BEGIN {
	printf "check %.2f thin_check %.2f ratio %.2f\ndump %.2f thin_dump %.2f ratio %.2f\nmap_json_mib %.1f\n", c, tc, c / tc, d, td, d / td, m / 1024
	exit c > 2 * tc || d > 4 * td || m > 65536
}'
