#!/bin/bash
# What `dmremap metrics` costs on a machine with 16 devices of 16 spares each, counted in instructions.
# vm: modules=required memory=3G timeout=1800 smp=1 icount=1
#
#   make modules KVER=$(tools/lib/kernels.sh release 6.12) && make host
#   tests/vm/run_group.py --kernel 6.12 --stream --script tests/bench/metrics_bench.sh
#
# Prints a line for each command, and one "name: measured, to reach: target". An emulated processor tells no milliseconds, so the instructions are counted, the
# kernel's and those of modinfo too; nearly the same each time. How many a real one does in a millisecond depends: `dmremap --version`, which is in the list to
# compare with, takes 3.4 ms of an AMD EPYC (Zen 4), and so four million are taken for one. Mains and spares are in memory; each spare is a range of a disk that
# has one of each set; all is in sets.conf.
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

DEVICES=16 SPARES=16
RANGE=16384 # sectors of a spare
A_MILLISECOND=4 # million instructions
TIMEFORMAT='%U %S'

# cost COMMAND...: sets COST to its million instructions, the least of five runs: the first fills caches. A nanosecond is one.
cost() {
	local i
	COST=$(for i in 1 2 3 4 5; do { time "$@" >/run/said; } 2>&1; done |
		awk '{ all = ($1 + $2) * 1000 } NR == 1 || all < least { least = all } END { printf "%.0f\n", least }')
	say "$*: $COST million instructions"
}

main() {
	local i j spares
	modprobe brd rd_nr=$((DEVICES + SPARES)) rd_size=$((RANGE * DEVICES / 2 + 1024))
	modules_load
	tool_install
	for ((i = 0; i < DEVICES; i++)); do
		spares=()
		for ((j = 0; j < SPARES; j++)); do spares+=("/dev/ram$((DEVICES + j))@$((i * RANGE))+$RANGE"); done
		said 0 create "set$i" --yes --main-id "main$i" --main "/dev/ram$i" --spare "${spares[@]}"
	done
	cost /bin/true
	cost "$TOOL" --version
	cost modinfo dm_remap dm_remap_stats
	cost "$TOOL" metrics
	assert_eq $DEVICES "$(grep -c '^dm_remap_health_score{' /run/said)"
	assert_eq $((DEVICES * SPARES)) "$(grep -c '^dm_remap_member_bytes{' /run/said)"
	awk -v million="$COST" -v one=$A_MILLISECOND \
		'BEGIN { printf "dmremap metrics of 16 devices with 16 spares each, milliseconds: %.1f, to reach: 20\n", million / one }'
}
set -eE
main
