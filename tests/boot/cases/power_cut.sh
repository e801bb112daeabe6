#!/bin/bash
# The power goes in the middle of a boot, four times, in different places; the disk loses sectors meanwhile. The fifth boot is whole.
# boot: layout=root timeout=1500
# boot-bad: main journal write
# boot-cut: Attached SCSI disk
# boot-cut: EXT4-fs .*mounted filesystem
# boot-cut: systemd\[1\]: .*(Load|Remount)
# boot-cut: Reached target
. "$BOOT_LIB"

boots_from_the_set() {
	nothing_failed
	mounted_from /dev/mapper/safe /
	assert_num "$(remapped safe)" -gt 0 'remapped sectors'
	assert_no_klog 'EXT4-fs error'
}
test_case "boot $PHASE: it boots from the set" boots_from_the_set
