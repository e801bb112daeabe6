#!/bin/bash
# Both spares are there before main.
# boot: layout=root timeout=900
# boot-late: main 10 Attached SCSI disk
. "$BOOT_LIB"

boots_from_the_set() {
	nothing_failed
	mounted_from /dev/mapper/safe /
}
test_case 'it boots from the set' boots_from_the_set
