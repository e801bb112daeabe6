#!/bin/bash
# Main is missing: the boot goes on without the set, and says what is missing. When it comes, the set is started.
# boot: layout=data timeout=900 absent=main
. "$BOOT_LIB"

boot_went_on() {
	assert_fail findmnt /data
	assert_contains "$(dmremap status safe 2>&1)" OFFLINE
	assert_contains "$(journalctl -b --no-pager -u 'dm-remap-assemble@*')" main
}
main_comes() {
	host plug main
	wait_for '[[ -b /dev/mapper/safe ]]'
	udevadm settle
	mountpoint -q /data || mount /data
	mounted_from /dev/mapper/safe /data
	the_true_file /data/which
}
test_case 'the boot went on' boot_went_on
test_case 'main comes: the set is started' main_comes
