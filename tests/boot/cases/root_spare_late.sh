#!/bin/bash
# A spare appears ten seconds after the other disks: the boot waits for it.
# boot: layout=root timeout=900
# boot-late: second 10 Attached SCSI disk
. "$BOOT_LIB"

boots_from_the_set() {
	nothing_failed
	mounted_from /dev/mapper/safe /
	assert_eq 'active active' "$(spare_states safe)"
}
test_case 'it boots from the set, with both spares' boots_from_the_set
