#!/bin/bash
# What one bad physical block costs in commands to the drive: each that fails takes a real one seconds.
# on: 6.12
# vm: drives=emu:32M:scsi-blkdebug:512e,sata:32M:ahci-blkdebug:512e,spare:8M:virtio modules=required timeout=900 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x
TRACE=/sys/kernel/tracing
BLOCK=$TRACE/events/block
mountpoint -q $TRACE || mount -t tracefs tracefs $TRACE

# cost COMMAND...: how many reads and writes were sent to $MAIN meanwhile, and how many I/Os failed: of one that fails some drivers
# send the command again and again.
cost() {
	local events=(block_rq_issue block_rq_complete) event
	for event in "${events[@]}"; do
		echo "dev == $((($(stat -c '0x%t' "$MAIN") << 20) + $(stat -c '0x%T' "$MAIN")))" >$BLOCK/$event/filter
	done
	: >$TRACE/trace
	for event in "${events[@]}"; do echo 1 >$BLOCK/$event/enable; done
	"$@" >/dev/null
	for event in "${events[@]}"; do echo 0 >$BLOCK/$event/enable; done
	echo "$(grep -c ' block_rq_issue: [0-9,]* [RW]' $TRACE/trace) $(grep -c ' block_rq_complete: [0-9,]* [RW].*\[-[0-9]*\]$' $TRACE/trace || true)"
}

costs() { # WHAT MOST-COMMANDS MOST-FAILING COMMAND...
	local commands failing
	read -r commands failing < <(cost "${@:4}")
	echo "# $MAIN, $1: $commands commands, $failing failures; at most $2 and $3"
	assert_num "$commands" -le "$2" "commands for a $1"
	assert_num "$failing" -le "$3" "failures for a $1"
	assert_num "$failing" -ge 1 "failures for a $1"
}

bad_read() { assert_fail read_sectors $X "$1" "$2"; } # START COUNT

# one_bad_block DRIVE PHYSICAL-BLOCK TIMES OTHERS: TIMES is how often this driver sends a command that fails, OTHERS how many it
# takes to see that it is not the whole disk, where the driver's error does not say so.
one_bad_block() {
	local physical=$(($2 / 512)) times=$3 others=$4
	MAIN=$(drive "$1")
	defer "host heal $1"
	wipe "$MAIN" "$(drive spare)"
	remap_create x "$MAIN" "$(drive spare)"
	assert_contains "$(dmsetup message x 0 status)" " physical_block_bytes=$2"$'\n'
	pattern_write $X 0 12000 old
	host bad "$1" "1000:$physical" "4000:$physical" "8000:$physical" "9000:$physical"
	costs 'read of 128 KiB' $((14 + 6 * times + others)) 6 bad_read 960 256
	costs 'read of that block' $((5 * times + others)) 5 bad_read 9000 "$physical"
	costs 'read of a pending block' "$times" 1 bad_read 1000 "$physical"
	costs 'write of 128 KiB' $((13 + 3 * times + others)) 3 pattern_write $X 3960 256 new
	costs 'write of that block' $((3 + 2 * times + others)) 2 pattern_write $X 8000 "$physical" new
	assert_eq "$((2 * physical)) $((2 * physical)) ok" "$(remap_get x remapped pending mode)"
	pattern_check $X 3960 256 new
	pattern_check $X 8000 "$physical" new
	pattern_check $X 960 40 old
	pattern_check $X $((1000 + physical)) 216 old
	remap_again x
	pattern_check $X 3960 256 new
	host heal "$1"
	pattern_check $X 960 256 old
}

modules_load
test_case 'a SCSI drive with 4096-byte physical blocks' one_bad_block emu 4096 1 0
test_case 'an AHCI drive with 4096-byte physical blocks' one_bad_block sata 4096 6 2
