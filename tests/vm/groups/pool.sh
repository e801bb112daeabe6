#!/bin/bash
# A pool of several spares: made, printed, grown and shrunk under I/O.
# on: 6.12
# vm: drives=main:16M:virtio,one:8M:virtio,two:8M:virtio,three:8M:virtio,slow:8M:scsi,big:16M:scsi:4kn modules=required timeout=1800 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/pool.sh"

# --- tables

two_spares() {
	prepare ONE TWO
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$ONE") 0 16384 4 spare $(number_of "$TWO") 0 16384" \
		"$(dmsetup table x)"
	assert_eq "$(numbers /dev/mapper/bad "$ONE" "$TWO")" "$(deps)"
	pattern_write $X 990 40 new
	assert_eq '8 8 2 ok' "$(remap_get x remapped used members mode)"
	assert_eq '8 0' "$(used_of "$ONE") $(used_of "$TWO")"
	reload
	pattern_check $X 990 40 new
	remap_again x
	pattern_check $X 990 40 new
	assert_eq 'active active' "$(state "$ONE") $(state "$TWO")"
	# In any order: the slots are the set's.
	dmsetup remove x
	# shellcheck disable=SC2046
	remap_create x /dev/mapper/bad "$TWO" $(named "$ONE") read_retries 2
	pattern_check $X 990 40 new
	assert_contains "$(dmsetup table x)" " 6 spare $(number_of "$ONE") 0 16384 read_retries 2"
	reload
	pattern_check $X 990 40 new
}

limited_map() {
	prepare ONE
	dmsetup remove x
	wipe "$ONE"
	remap_create x /dev/mapper/bad "$ONE" max_extents 128
	assert_eq 128 "$(remap_get x max_extents)"
	assert_contains "$(dmsetup table x)" ' 2 max_extents 128'
	dmsetup message x 0 add_spare "$TWO"
	assert_contains "$(dmsetup table x)" " 6 spare $(number_of "$TWO") 0 16384 max_extents 128"
	remap_again x
	assert_eq '128 2' "$(remap_get x max_extents members)"
	dmsetup remove x
	klog_mark
	# shellcheck disable=SC2046
	assert_fail remap_create x /dev/mapper/bad "$ONE" $(named "$TWO") max_extents 256
	assert_klog 'max_extents 256: set .* was formatted with 128'
}

on_4kn() {
	local main
	main=$(drive big) ONE=$(drive one) TWO=$(drive two)
	wipe "$main" "$ONE" "$TWO"
	bad_create bad "$main" 1000:16
	# shellcheck disable=SC2046
	remap_create x /dev/mapper/bad "$ONE" $(named "$TWO")
	pattern_write $X 992 32 new
	assert_eq '16 16 2' "$(remap_get x remapped used members)"
	dmsetup message x 0 remove_spare "$ONE"
	removal_wait
	assert_eq 16 "$(used_of "$TWO")"
	pattern_check $X 992 32 new
	remap_again x
	pattern_check $X 992 32 new
}

# --- add_spare, remove_spare

added_under_io() {
	prepare ONE
	random_load_start
	dmsetup message x 0 add_spare "$TWO"
	assert_eq 'active 2' "$(state "$TWO") $(remap_get x members)"
	dmsetup message x 0 add_spare "$(number_of "$THREE")" 8192 8192
	loading
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$ONE") 0 16384 8 spare $(number_of "$TWO") 0 16384 \
spare $(number_of "$THREE") 8192 8192" "$(dmsetup table x)"
	assert_eq "$(numbers /dev/mapper/bad "$ONE")" "$(deps)"
	load_ok
	# Held as device-mapper holds its own: by no one else, and by the next table.
	assert_fail mkfs.ext4 -q "$TWO"
	reload
	assert_eq "$(numbers /dev/mapper/bad "$ONE" "$TWO" "$THREE")" "$(deps)"
	for device in "$ONE" "$TWO" "$THREE"; do
		assert_contains "$(lsblk -rno NAME "$device")" x
	done
	remap_again x
	assert_eq 'active active active ok' "$(state "$ONE") $(state "$TWO") $(state "$THREE") $(remap_get x mode)"
	assert_no_klog 'WARNING|BUG'
}

removed_unused() {
	prepare ONE TWO
	pattern_write $X 1000 8 new
	dmsetup message x 0 remove_spare "$TWO"
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$ONE") 0 16384" "$(dmsetup table x)"
	assert_eq 1 "$(remap_get x members)"
	# Its range is free, but the device stays device-mapper's until the table goes.
	wipe "$THREE"
	assert_fail mkfs.ext4 -q "$TWO"
	reload
	assert_eq "$(numbers /dev/mapper/bad "$ONE")" "$(deps)"
	wipe "$TWO"
	dmsetup message x 0 add_spare "$TWO"
	dmsetup message x 0 remove_spare "$(number_of "$TWO")"
	pattern_check $X 1000 8 new
	assert_refused "it is the only spare that takes metadata: add another one first" dmsetup message x 0 remove_spare "$ONE"
	assert_refused "$TWO ($(number_of "$TWO")) is no spare of this device; 'status' lists them" \
		dmsetup message x 0 remove_spare "$TWO"
	pattern_check $X 1000 8 new
}

removed_under_io() {
	prepare ONE TWO
	pattern_write $X 30000 16 kept
	random_load_start
	wait_for '(( $(used_of "$ONE") >= 24 ))' '' 'remaps'
	klog_mark
	dmsetup message x 0 remove_spare "$ONE"
	removal_wait
	load_ok
	assert_klog 'is being removed: its blocks move to the others'
	assert_klog 'spare 0 is removed: [1-9][0-9]* blocks were moved to the others'
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$TWO") 0 16384" "$(dmsetup table x)"
	assert_eq '1 0 ok' "$(remap_get x members pending mode)"
	pattern_check $X 30000 16 kept
	# The first place in the table is the next one's.
	reload
	assert_eq "$(numbers /dev/mapper/bad "$TWO")" "$(deps)"
	wipe "$ONE"
	pattern_check $X 30000 16 kept
	load_again
}

cancelled() {
	prepare ONE SLOW
	# Single sectors, far from each other: as many moves.
	bad_change bad "$MAIN" $(seq 100 100 20000)
	for at in $(seq 0 2048 20000); do pattern_write $X "$at" 2048 new; done
	assert_eq '200 0' "$(used_of "$ONE") $(used_of "$SLOW")"
	# So slow that the job lasts minutes: a second for each block.
	host slow slow 4
	defer 'host slow slow off'
	dmsetup message x 0 remove_spare "$ONE"
	assert_eq removing "$(state "$ONE")"
	assert_contains "$(dmsetup message x 0 status)" "removing number=0 device=$(number_of "$ONE")"
	assert_fail dmsetup message x 0 remove_spare "$SLOW"
	assert_fail dmsetup message x 0 add_spare "$THREE"
	# A table that is loaded now would find the set changed when it is resumed.
	klog_mark
	assert_fail_with 'Device or resource busy' eval 'dmsetup table x | dmsetup load x'
	assert_klog 'table refused: a spare of the device is being added or removed'
	dmsetup message x 0 remove_spare "$ONE" cancel
	host slow slow off
	assert_eq 'active active' "$(state "$ONE") $(state "$SLOW")"
	assert_num "$(used_of "$ONE")" -gt 0
	assert_eq 200 $(($(used_of "$ONE") + $(used_of "$SLOW")))
	for at in $(seq 0 2048 20000); do pattern_check $X "$at" 2048 new; done
	assert_refused 'it is not being removed' dmsetup message x 0 remove_spare "$ONE" cancel
	remap_again x
	for at in $(seq 0 2048 20000); do pattern_check $X "$at" 2048 new; done
	dmsetup message x 0 remove_spare "$ONE"
	removal_wait
	assert_eq '200 1' "$(used_of "$SLOW") $(remap_get x members)"
}

add_refused() {
	local limit='a table is loaded: resume or clear it first' before
	prepare ONE
	before=$(dmsetup table x)
	mkfs.ext4 -qF "$TWO"
	assert_refused "spare $(number_of "$TWO") holds an ext4 filesystem (magic at byte 1080 of its range): name another spare; to use \
it all the same and lose that, load a table that names it, with 'format'" dmsetup message x 0 add_spare "$TWO"
	e2fsck -fn "$TWO"
	mkdir -p /run/two
	mount "$TWO" /run/two
	assert_refused "spare $TWO cannot be opened (-EBUSY): it is mounted, or part of another device" \
		dmsetup message x 0 add_spare "$TWO"
	umount /run/two
	wipe "$TWO"
	assert_refused "$(number_of "$ONE") sectors 0..16383 are in use by this device" dmsetup message x 0 add_spare "$ONE"
	assert_refused "spare $X is this device itself" dmsetup message x 0 add_spare $X
	remap_create y "$TWO" "$THREE:8192:8192"
	assert_refused "$(number_of "$THREE") sectors 8192..16383 are in use by remap device 'y'" \
		dmsetup message x 0 add_spare "$THREE"
	assert_refused "$(number_of "$TWO") sectors 0..16383 are in use by remap device 'y'" dmsetup message x 0 add_spare "$TWO"
	dmsetup remove y
	wipe "$THREE"
	assert_refused "4000 sectors at 16000 go beyond the end of spare $TWO, which has 16384" \
		dmsetup message x 0 add_spare "$TWO" 16000 4000
	klog_mark
	assert_fail dmsetup message x 0 add_spare "$TWO" 0 8
	assert_klog 'message refused: .*are too few'
	assert_fail dmsetup message x 0 add_spare /dev/none
	assert_klog 'message refused: spare /dev/none cannot be opened \(-ENOENT\)'
	blockdev --setro "$TWO"
	assert_refused "spare $TWO is read-only: make it writable, or load a read-only table" dmsetup message x 0 add_spare "$TWO"
	blockdev --setrw "$TWO"

	dmsetup suspend x
	assert_refused 'the device is suspended; resume it first' dmsetup message x 0 add_spare "$TWO"
	assert_refused 'the device is suspended; resume it first' dmsetup message x 0 remove_spare "$ONE"
	dmsetup resume x
	dmsetup table x | dmsetup load x
	assert_refused "$limit" dmsetup message x 0 add_spare "$TWO"
	assert_refused "$limit" dmsetup message x 0 remove_spare "$ONE"
	dmsetup clear x
	assert_eq "$before" "$(dmsetup table x)"
	assert_eq "$(numbers /dev/mapper/bad "$ONE")" "$(deps)"
	# Nothing is held of what was refused.
	mkfs.ext4 -qF "$TWO"
	wipe "$TWO"
	dmsetup message x 0 add_spare "$TWO"
	assert_eq active "$(state "$TWO")"
}

tightening() {
	local null
	prepare ONE
	null=$(nullb_create tight 8 512 max_sectors=8 2>/dev/null) || {
		nullb_remove tight || rmdir /sys/kernel/config/nullb/tight
		null=$(nullb_create tight 8 512)
	}
	defer 'nullb_remove tight'
	klog_mark
	assert_fail dmsetup message x 0 add_spare "$null"
	assert_klog "message refused: spare $null would tighten the device's limits \\([a-z_]+\\): load a table that names it"
	dmsetup load x --table "$(remap_line /dev/mapper/bad "$ONE" spare "$null" 0 "$(sectors_of "$null")")"
	dmsetup resume x
	assert_eq 2 "$(remap_get x members)"
	pattern_write $X 990 40 new
	pattern_check $X 990 40 new
	dmsetup remove x
}

uevents_start
modules_load
test_case 'two spares, and the table that says so' two_spares
test_case 'max_extents' limited_map
test_case 'several spares under 4Kn' on_4kn
test_case 'add_spare under I/O' added_under_io
test_case 'remove_spare of an unused one' removed_unused
test_case 'remove_spare under I/O' removed_under_io
test_case 'remove_spare, cancelled' cancelled
test_case 'add_spare, refused' add_refused
test_case 'add_spare must not tighten limits' tightening
modules_unload
uevents_stop
