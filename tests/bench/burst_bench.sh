#!/bin/bash
# A burst of failing writes on a spare that is slow: 1,000 of 4 KiB, 128 at a time, each to a block that main refuses at once; the
# spare takes 10 ms for a write and for a flush.
# vm: modules=required timeout=1200 smp=1 icount=1
#
#   make modules KVER=$(tools/lib/kernels.sh release 6.12)
#   tests/vm/run_group.py --kernel 6.12 --stream --script tests/bench/burst_bench.sh
#
# Prints a line for each figure, "name: measured, to reach: target": how long all of them take, and how many commits. A nanosecond
# is one instruction here, so that the time is the delays' and what the processor does meanwhile, and the same each time.
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

BAD=32768 GOOD=131072 # sectors

main() {
	local spare sectors ms commits
	modprobe brd rd_nr=1 rd_size=$((1 << 20))
	modules_load
	# A disk with a cache: otherwise no flush would get as far.
	spare=$(nullb_create spare 64 512 cache_size=16 irqmode=0)
	sectors=$(sectors_of "$spare")
	dm_create slow "0 $sectors delay $spare 0 0 $spare 0 10 $spare 0 10"
	dm_create bad "0 $BAD error
$BAD $GOOD linear /dev/ram0 $BAD"
	remap_create x /dev/mapper/bad /dev/mapper/slow
	ms=$(fio --name=burst --filename=/dev/mapper/x --direct=1 --ioengine=libaio --iodepth=128 --rw=write:4k --bs=4k --size=8000k \
		--number_ios=1000 --minimal | cut -d';' -f50)
	assert_eq 8000 "$(remap_get x remapped)" 'sectors that were remapped'
	commits=$(dmsetup message x 0 stats | tr ' ' '\n' | sed -n 's/^commits=//p')
	say "writes to the spare: $(disk_stat /dev/mapper/slow 5), flushes: $(disk_stat /dev/mapper/slow 16)"
	awk -v ms="$ms" 'BEGIN { printf "seconds of 1,000 failing writes at once, 128 at a time: %.3f, to reach: 1.3\n", ms / 1000 }'
	echo "commits of them: $commits, to reach: 40"
	dm_remove x
}
set -eE
main
