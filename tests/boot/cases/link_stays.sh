#!/bin/bash
# While the device is busy, main's events come again and again, and somebody writes to main's node: the link by UUID stays the device's.
# boot: layout=data timeout=900
. "$BOOT_LIB"

events_of_main() {
	local main before i load
	main=$(drive main)
	before=$(readlink /dev/disk/by-uuid/"$DATA")
	( while :; do dd if=/dev/zero of=/data/load bs=1M count=16 conv=fsync status=none; done ) &
	load=$!
	defer "kill $load"
	for ((i = 0; i < 20; i++)); do
		udevadm trigger --action=change --settle "$main"
		assert_eq "$before" "$(readlink /dev/disk/by-uuid/"$DATA")" "the link after event $i"
		udevadm trigger --action=add --settle "$main"
		assert_eq "$before" "$(readlink /dev/disk/by-uuid/"$DATA")" "the link after event $i"
		# The watch: closed after it was open for writing.
		: 3<>"$main"
		udevadm settle
		assert_eq "$before" "$(readlink /dev/disk/by-uuid/"$DATA")" "the link after it was closed, $i"
	done
	link_is "$DATA" /dev/mapper/safe
	assert_eq "$(readlink -f /dev/mapper/safe)" "$(readlink -f "$(blkid -U "$DATA")")" 'what blkid finds'
	mounted_from /dev/mapper/safe /data
	nothing_failed
}
test_case 'events of main change nothing' events_of_main
