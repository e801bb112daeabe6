#!/bin/bash
# Proves that the harness itself does what groups rely on.
# on: 6.12
# vm: drives=main:64M:scsi-blkdebug,spare:32M:nvme-blkdebug,plain:16M:virtio,sata:16M:ahci-blkdebug
# vm: drives=big:16M:scsi:4kn,emu:16M:scsi:512e:nowce
# vm: modules=none smp=1
. "$VM_LIB"

drives_resolve() {
	local name device
	for name in main spare plain sata big emu; do
		device=$(drive "$name")
		[[ -b $device ]]
	done
	assert_eq 131072 "$(sectors_of "$(drive main)")"
	assert_match "$(drive spare)" '^/dev/nvme'
	assert_match "$(drive plain)" '^/dev/vd'
	assert_fail drive_now nobody
}

block_sizes() {
	assert_eq "4096 4096" "$(blockdev --getss --getpbsz "$(drive big)" | xargs)"
	assert_eq "512 4096" "$(blockdev --getss --getpbsz "$(drive emu)" | xargs)"
	assert_eq "write through" "$(cat "/sys/block/$(basename "$(drive emu)")/queue/write_cache")"
	assert_eq "write back" "$(cat "/sys/block/$(basename "$(drive main)")/queue/write_cache")"
}

exact_sector() { # DRIVE STEP ERROR-NUMBER ERROR
	local device step=$2
	device=$(drive "$1")
	pattern_write "$device" 80 48 before
	request_errors_mark
	host bad "$1" 100
	assert_eq "$((100 / step * step))" "$(failing_sectors "$device" 96 16)"
	assert_eq "-$3" "$(request_errors "$device")"
	assert_fail_with "$4" pattern_write "$device" "$((100 / step * step))" "$step" after
	pattern_check "$device" 80 16 before
	host heal "$1" 100
	pattern_check "$device" 80 48 before
}

directions() {
	local device
	device=$(drive main)
	host bad main 200:2 write
	read_sectors "$device" 200 2 >/dev/null
	assert_fail pattern_write "$device" 200 1 x
	host bad main 300 read
	pattern_write "$device" 300 1 written
	assert_fail read_sectors "$device" 300
	host heal main 300
	pattern_check "$device" 300 1 written
	assert_fail pattern_write "$device" 201 1 x
	host heal main
	pattern_write "$device" 200 2 x
}

errno_5_is_no_medium_error() {
	request_errors_mark
	host bad main 400 read io
	assert_fail read_sectors "$(drive main)" 400
	assert_eq '-5' "$(request_errors "$(drive main)")"
	host heal main
}

transient_error() {
	host bad main 500 read times=1
	assert_fail read_sectors "$(drive main)" 500
	read_sectors "$(drive main)" 500 >/dev/null
	host heal main
}

flush_fails() {
	local device
	device=$(drive main)
	host bad main flush
	assert_fail dd if=/dev/zero of="$device" bs=4096 count=1 oflag=direct conv=fsync,notrunc status=none
	host heal main flush
	dd if=/dev/zero of="$device" bs=4096 count=1 oflag=direct conv=fsync,notrunc status=none
}

many_rules() {
	host bad main 1000:2000
	assert_fail read_sectors "$(drive main)" 2999
	read_sectors "$(drive main)" 3000 >/dev/null
	host heal main 1000:1999
	assert_fail read_sectors "$(drive main)" 2999
	host heal main
}

whole_drive() {
	host bad sata '*'
	assert_fail read_sectors "$(drive sata)" 5
	assert_fail read_sectors "$(drive sata)" 30000
	host heal sata '*'
	read_sectors "$(drive sata)" 5 >/dev/null
}

unplugged() {
	local name
	for name in main spare; do
		host unplug "$name"
		drive_gone "$name"
		assert_fail_with 'already' host unplug "$name"
		host plug "$name"
		pattern_check "$(drive "$name")" 80 16 before
	done
}

bit_rot() {
	pattern_write "$(drive plain)" 0 8 clean
	host rot plain 3
	pattern_check "$(drive plain)" 0 3 clean
	assert_fail_with 'sector 3 is not' pattern_check "$(drive plain)" 0 8 clean
}

bad_requests_are_refused() {
	assert_fail_with "no drive 'nobody'" host bad nobody 1
	assert_fail_with 'no range' host bad main 1-2
	assert_fail_with 'not on a drive' host bad main 131072
	assert_fail_with 'knows no' host dance
}

slow_drive() {
	local before
	host slow main 4
	before=$SECONDS
	dd if="$(drive main)" of=/dev/null bs=512 count=12 iflag=direct status=none
	assert_num $((SECONDS - before)) -ge 1
	host slow main off
}

dm_errors() {
	local device
	device=$(drive plain)
	bad_create bad_plain "$device" 10:2 11:3 40
	assert_eq '10 11 12 13 40' "$(failing_sectors /dev/mapper/bad_plain 8 34)"
	bad_change bad_plain "$device" 9
	assert_eq 9 "$(failing_sectors /dev/mapper/bad_plain 8 4)"
	bad_change bad_plain "$device"
	assert_eq "0 32768 linear" "$(dmsetup table bad_plain | cut -d' ' -f1-3)"
}

null_disks() {
	local device
	device=$(nullb_create disk 16)
	defer nullb_remove disk
	pattern_write "$device" 8 8 memory
	nullb_bad disk 9 10
	assert_eq '9 10' "$(failing_sectors "$device" 8 8)"
	nullb_heal disk 9 10
	pattern_check "$device" 8 8 memory
}

loop_disks() {
	local device
	device=$(loop_create 8M --sector-size 4096)
	defer loop_remove "$device"
	assert_eq 4096 "$(blockdev --getss "$device")"
	pattern_write "$device" 8 8 looped
	pattern_check "$device" 8 8 looped
}

scsi_debug_disk() {
	local device
	device=$(scsi_debug_create dev_size_mb=8 opts=2 medium_error_start=100 medium_error_count=2)
	defer scsi_debug_remove
	assert_eq '100 101' "$(failing_sectors "$device" 98 6)"
}

events() {
	dm_create linear "0 1024 linear $(drive plain) 0"
	local before
	before=$(dm_event_nr linear)
	assert_fail_with 'no event' dm_wait_event linear "$before" 1
}

failures_are_seen() {
	assert_fail_with 'expected: a' assert_eq a b
	assert_fail_with 'vain' wait_for false 1
	assert_fail_with 'vain' klog_wait 'nothing says this' 1
	assert_fail assert_fail true
	assert_fail assert_ok false
}

keeps() {
	pattern_write "$(drive main)" 64 8 "phase$PHASE"
	echo "$PHASE" >>/state/phases
	# Left bad for the next phase.
	host bad main 700
}

kept() {
	pattern_check "$(drive main)" 64 8 "phase$((PHASE - 1))"
	assert_eq "$(seq $((PHASE - 1)))" "$(cat /state/phases)"
	assert_eq 700 "$(failing_sectors "$(drive main)" 698 4)"
}

udev_runs() {
	local device
	udev_start
	device=$(drive plain)
	assert_eq "$device" "$(readlink -f /dev/disk/by-id/virtio-plain)"
	dm_create udev_linear "0 1024 linear $device 0"
	[[ -e /dev/disk/by-id/dm-name-udev_linear ]]
}

case $PHASE in
1)
	test_case 'drives resolve by name' drives_resolve
	test_case 'block sizes and write caches are as asked for' block_sizes
	test_case 'scsi: a bad sector is a medium error, exactly there' exact_sector main 1 61 'No data available'
	test_case 'nvme: a bad sector is a medium error, exactly there' exact_sector spare 1 61 'No data available'
	test_case 'ahci: a bad sector fails, exactly there' exact_sector sata 1 5 'Input/output error'
	test_case 'scsi 4Kn: the whole block fails' exact_sector big 8 61 'No data available'
	test_case 'read and write errors are independent' directions
	test_case 'errno 5 is not a medium error' errno_5_is_no_medium_error
	test_case 'an error that goes away' transient_error
	test_case 'flush errors' flush_fails
	test_case 'thousands of bad sectors' many_rules
	test_case 'a whole drive goes bad' whole_drive
	test_case 'drives can be unplugged and come back' unplugged
	test_case 'bits can rot' bit_rot
	test_case 'nonsense is refused' bad_requests_are_refused
	test_case 'a slow drive' slow_drive
	test_case 'dm tables with bad sectors' dm_errors
	test_case 'null_blk' null_disks
	test_case 'loop' loop_disks
	test_case 'scsi_debug' scsi_debug_disk
	test_case 'waiting for events' events
	test_case 'assertions fail when they should' failures_are_seen
	test_case 'phase 1 leaves something behind' keeps
	next_phase
	;;
2)
	test_case 'a power-down keeps drives, rules and state' kept
	test_case 'phase 2 leaves something behind' keeps
	power_cut
	;;
3)
	test_case 'a power cut keeps drives, rules and state' kept
	test_case 'udev, when it is asked for' udev_runs
	;;
esac
