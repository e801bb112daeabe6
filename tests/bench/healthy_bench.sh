#!/bin/bash
# What the healthy path costs beside dm-linear's, and what one remap costs, in instructions.
# vm: modules=required memory=2G timeout=3000 smp=1 icount=1
#
#   make modules KVER=$(tools/lib/kernels.sh release 6.12) && make host
#   tests/vm/run_group.py --kernel 6.12 --stream --script tests/bench/healthy_bench.sh
#
# Prints a line for each figure, "name: measured, to reach: target", and before it the instructions that it comes from. A layer's
# cost is a third of what an I/O of 4 KiB costs more through four of them than through one; all over one disk in memory. One remap
# is a write of 4 KiB, alone, that main refuses at once with an I/O error, from the system call to its end; main and spare are in
# memory that was written before.
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

COST=$REPO/build/host/tests/bench/io_cost
REMAPS=20000 STEP=16 # sectors from one remap to the next
AREA=$((REMAPS * STEP)) FAR=$((1 << 26)) NEAR=32768 # where remaps are, and where none are; how much of that is used
SPARE_SECTORS=524288
COUNT=4000

# layers KIND NUMBER: the topmost is $TOP.
layers() {
	local kind=$1 i
	TOP=/dev/ram0
	for ((i = 1; i <= $2; i++)); do
		case $kind in
		linear) dm_create "layer$i" "0 $(sectors_of $TOP) linear $TOP 0" ;;
		remap) remap_create "layer$i" $TOP "/dev/ram$i:0:$SPARE_SECTORS" ;;
		esac
		TOP=/dev/mapper/layer$i
	done
}
no_layers() {
	local i
	for i in 4 3 2 1; do dm_remove_if_there "layer$i"; done
}

# cost_of KIND: sets COSTS to what a layer of it adds to a read, a write, and a read of 64, at the places that the other arguments tell
# (START SECTORS [STEP], as io_cost's).
cost_of() {
	local kind=$1 number i at=0 all=() said
	for number in 1 4; do
		layers "$kind" $number
		for i in 'r 1' 'w 1' 'r 64'; do
			# shellcheck disable=SC2086
			said=$("$COST" $TOP $i $COUNT "${@:2}")
			all+=("$said")
		done
		no_layers
	done
	COSTS=()
	for ((at = 0; at < 3; at++)); do COSTS+=($(((all[at + 3] - all[at]) / 3))); done
	say "$kind at $2: through 1 layer ${all[*]:0:3}, through 4 ${all[*]:3}, a layer ${COSTS[*]}"
}

# beside NAME TARGET: COSTS as part of LINEAR.
beside() {
	local i what=('QD1 read' 'QD1 write' 'QD64 read')
	for i in 0 1 2; do
		awk -v name="$1, ${what[i]}" -v a="${COSTS[i]}" -v b="${LINEAR[i]}" -v target="$2" \
			'BEGIN { printf "%s: %.3f, to reach: %s\n", name, a / b, target }'
	done
}

# one_remap: prints what one costs, of a thousand.
one_remap() {
	local bad=$((1000 * STEP)) good=131072 spare=65536
	"$COST" /dev/ram0 w 128 0 $bad $good >/dev/null
	dd if=/dev/zero of=/dev/ram5 bs=1M count=$((spare / 2048)) oflag=direct status=none
	dm_create bad "0 $bad error
$bad $good linear /dev/ram0 $bad"
	remap_create one /dev/mapper/bad "/dev/ram5:0:$spare"
	"$COST" /dev/mapper/one w 1 0 0 $bad $STEP
	dm_remove one
	dm_remove bad
}

# fill NUMBER: remaps on that spare, by writes to a main that fails there.
fill() {
	dm_create bad "0 $AREA error
$AREA $(($(sectors_of /dev/ram0) - AREA)) linear /dev/ram0 $AREA"
	remap_create filled /dev/mapper/bad "/dev/ram$1:0:$SPARE_SECTORS"
	"$COST" /dev/mapper/filled w 128 0 0 $AREA $STEP >/dev/null
	say "spare $1: $(remap_get filled extents remapped mode)"
	dm_remove filled
	dm_remove bad
}

main() {
	local LINEAR COSTS TOP i
	modprobe brd rd_nr=6 rd_size=$((1 << 26)) # KiB; memory for what is written
	modules_load
	echo "instructions of one remap of 4 KiB: $(one_remap), to reach: 60000"
	# So that no I/O finds its page missing.
	"$COST" /dev/ram0 w 128 0 $FAR $NEAR >/dev/null
	"$COST" /dev/ram0 w 128 0 8 $((NEAR * 8)) $STEP >/dev/null
	cost_of linear $FAR $NEAR
	LINEAR=("${COSTS[@]}")
	cost_of remap $FAR $NEAR
	beside 'healthy layer beside dm-linear' 1.05
	for i in 1 2 3 4; do fill $i; done
	cost_of remap $FAR $NEAR
	beside "the same, $REMAPS remaps elsewhere" 1.07
	cost_of remap 8 $((NEAR * 8)) $STEP
	beside 'between remaps' 1.15
}
set -eE
main
