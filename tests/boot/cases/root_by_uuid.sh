#!/bin/bash
# root=UUID=: main itself has the same, and the device that is mounted is the set.
# boot: layout=root timeout=900 order=main,spare,second;second,spare,main
. "$BOOT_LIB"

boots_from_the_set() {
	nothing_failed
	mounted_from /dev/mapper/safe /
	link_is "$ROOT_UUID" /dev/mapper/safe
	assert_eq "$ROOT_UUID" "$(blkid -p -s UUID -o value "$(drive main)")" 'the UUID on main itself'
}

test_case "boot $PHASE of $BOOTS: / is on the set" boots_from_the_set
((PHASE >= BOOTS)) || next_boot
