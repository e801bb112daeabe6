#!/bin/bash
# The patrol beside dd, and what it takes from others, on a disk of 16 MiB a second.
# vm: drives=spare:16M:virtio modules=required timeout=1800 smp=2
#
#   tests/vm/run_group.py --kernel 6.12 --stream --script tests/bench/patrol_bench.sh
#
# Prints two ratios, of three rounds each, the best of each: how fast a scrub reads an idle disk, as part of what 'dd iflag=direct bs=1M'
# reaches; and what others read while a scrub is under way, as part of what they read alone. To reach: 0.95 both. The disk is null_blk with
# a bandwidth, so that neither the processor's speed nor a cache counts. Exit status 1 below that.
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

now() { date +%s%N; }
# When the kernel last said this, in milliseconds.
said_at() { dmesg | sed -n "s/^\[ *\([0-9]*\)\.\([0-9]\{3\}\)[0-9]*\].*$1.*/\1\2/p" | tail -n 1; }
# best_of NAME VALUE: keeps the largest.
declare -A best
best_of() { ((${best[$1]:-0} >= $2)) || best[$1]=$2; }

scrub_state() { dmsetup message x 0 scrub status | tr ' ' '\n' | sed -n 's/^state=//p'; }
# foreground: KiB that two readers at random read of the device in ten seconds.
foreground() {
	fio --name=user --filename=/dev/mapper/x --direct=1 --ioengine=psync --rw=randread --bs=64k --runtime=10 --time_based --numjobs=2 \
		--group_reporting --minimal --randrepeat=1 | cut -d';' -f6
}

main() {
	local MAIN SPARE sectors round begun
	modules_load
	MAIN=$(nullb_create main 96 512 mbps=16 irqmode=2 completion_nsec=200000) SPARE=$(drive spare)
	wipe "$SPARE"
	remap_create x "$MAIN" "$SPARE"
	sectors=$(sectors_of "$MAIN")
	for round in 1 2 3; do
		begun=$(now)
		dd if=/dev/mapper/x of=/dev/null bs=1M iflag=direct status=none
		best_of dd $((sectors * 1000000000 / ($(now) - begun)))
		dmsetup message x 0 scrub start
		wait_for '[[ $(scrub_state) == none ]]' '' 'the scrub to end'
		best_of scrub $((sectors * 1000 / ($(said_at 'the scrub is complete') - $(said_at 'a scrub begins'))))
		best_of alone "$(foreground)"
		dmsetup message x 0 scrub start
		best_of beside "$(foreground)"
		[[ $(scrub_state) == running ]] || say "the scrub was over before the others"
		dmsetup message x 0 scrub stop 2>/dev/null || true
		say "round $round: dd ${best[dd]}, scrub ${best[scrub]} sectors/s; others alone ${best[alone]} KiB, beside a scrub ${best[beside]} KiB"
	done
	awk -v d="${best[dd]}" -v s="${best[scrub]}" -v a="${best[alone]}" -v b="${best[beside]}" 'BEGIN {
		printf "idle: %.3f of dd, to reach 0.95\nothers keep %.3f, to reach 0.95\n", s / d, b / a
		exit !(s / d >= 0.95 && b / a >= 0.95) }'
}
main
