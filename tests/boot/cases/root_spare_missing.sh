#!/bin/bash
# A spare is missing of which nobody knows that it was given up: what only it has would be lost. The boot stops, says why, and goes on
# when the spare is there.
# boot: layout=root absent=second goes_on=1 timeout=900
# boot-stops: dm-remap: root is on a set that was not started
# boot-stops: type 'exit': it is tried again
# boot-type: cat /run/dm-remap/waiting-*; mkdir -p /m; mount -t ext4 -o ro /dev/disk/by-id/wwn-0x50000000bf28cd64 /m => resource busy|already mounted
# boot-type: host plug second
# boot-type: exit
. "$BOOT_LIB"

boots_from_the_set() {
	nothing_failed
	mounted_from /dev/mapper/safe /
	assert_eq 'active active' "$(spare_states safe)"
}
test_case 'with the spare plugged in it boots from the set' boots_from_the_set
