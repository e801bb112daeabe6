#!/bin/bash
# The patrol: what it finds on a real drive, beside users, suspends and removals, and where two mains share a disk.
# on: 6.1 6.12
# vm: drives=emu:32M:scsi-blkdebug:512e,main:16M:virtio,one:8M:virtio,two:8M:virtio,three:8M:virtio,slow:8M:virtio,disk:32M:virtio
# vm: modules=required timeout=1200 smp=2
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/pool.sh"

scrub() { dmsetup message "${SCRUBBED:-x}" 0 scrub "$@"; }
scrub_told() { scrub status | tr ' ' '\n' | sed -n "s/^$1=//p"; }
scrub_wait() { wait_for "[[ \$(scrub_told state) == $1 ]]" '' "the scrub of ${SCRUBBED:-x} to be $1"; }

finds_bad_blocks() {
	MAIN=$(drive emu) ONE=$(drive one)
	defer host heal emu
	wipe "$MAIN" "$ONE"
	remap_create x "$MAIN" "$ONE"
	pattern_write $X 0 12000 old
	host bad emu 1000:8 40000:16
	request_errors_mark
	: >$UEVENTS
	klog_mark
	scrub start
	event_wait scrub_begun
	event_wait scrub_ended
	assert_eq -61 "$(request_errors "$MAIN")" 'errors of the drive'
	assert_eq '24 0 ok' "$(remap_get x pending remapped mode)"
	assert_eq "none 0 24 0" "$(scrub_told state) $(scrub_told at) $(scrub_told pending_sectors) $(scrub_told rescued_sectors)"
	assert_num "$(scrub_told last_complete)" -ge "$(scrub_told begun)"
	assert_klog 'the scrub is complete: 0 sectors rescued, 24 became pending'
	# Known now, so that nothing fails any more.
	request_errors_mark
	scrub start
	wait_for "[[ \$(scrub_told state) == none ]]" '' 'the second scrub to end'
	assert_eq '' "$(request_errors "$MAIN")" 'errors of the drive'
	pattern_check $X 0 1000 old
	pattern_check $X 1008 10992 old
	host heal emu
}

goes_on_after_a_restart() {
	local at
	prepare ONE
	scrub rate 2048
	scrub start
	wait_for "((\$(scrub_told at) > 2048))" '' 'the scrub to begin'
	dmsetup remove x
	modules_unload
	modules_load
	remap_create x /dev/mapper/bad "$ONE"
	at=$(scrub_told at)
	assert_num "$at" -gt 2048
	assert_eq "running 2048" "$(scrub_told state) $(scrub_told rate)"
	scrub pause
	scrub rate 0
	remap_again x
	assert_eq paused "$(scrub_told state)"
	assert_fail_with 'Device or resource busy' scrub start
	scrub resume
	scrub_wait none
	# Those that it had come across before it was interrupted, and after.
	assert_eq 89 "$(remap_get x pending)"
}

beside_everything() {
	local i
	prepare ONE TWO
	random_load_start
	scrub start
	for ((i = 0; i < 5; i++)); do
		dmsetup suspend x
		dmsetup resume x
	done
	[[ $(scrub_told state) != none ]] || scrub start
	dmsetup message x 0 remove_spare "$ONE"
	removal_wait
	reload
	loading
	[[ $(scrub_told state) != none ]] || scrub start
	load_ok
	scrub_wait none
	load_again
	assert_eq 16 "$(remap_get x pending)" 'what nobody has written'
	scrub rate 512
	scrub start
	dmsetup remove x
}

one_after_the_other() {
	local disk a b
	disk=$(drive disk) ONE=$(drive one) TWO=$(drive two)
	wipe "$disk" "$ONE" "$TWO"
	sfdisk -q "$disk" < <(printf 'label: gpt\nsize=12M\nsize=12M\n')
	a=${disk}1 b=${disk}2
	wait_for "[[ -b $a && -b $b ]]" '' 'the partitions'
	remap_create x "$a" "$ONE"
	remap_create y "$b" "$TWO"
	defer dm_remove_if_there y
	scrub rate 2048
	scrub start
	wait_for "((\$(scrub_told at) > 0))" '' 'the first scrub to begin'
	SCRUBBED=y scrub start
	SCRUBBED=y scrub_wait waiting
	scrub rate 0
	scrub_wait none
	SCRUBBED=y scrub_wait none
	assert_num "$(SCRUBBED=y scrub_told read_sectors)" -eq "$(sectors_of "$b")"
	dmsetup remove y
}

modules_load
uevents_start
test_case 'a scrub finds bad blocks' finds_bad_blocks
test_case 'a scrub goes on after a restart' goes_on_after_a_restart
test_case 'a scrub beside users, suspends and a spare that leaves' beside_everything
test_case 'a disk is scrubbed by one main at a time' one_after_the_other
uevents_stop
