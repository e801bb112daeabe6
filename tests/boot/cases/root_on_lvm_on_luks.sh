#!/bin/bash
# The root filesystem is on a volume of LVM, on LUKS, on a set: main itself has the same LUKS header, and nobody opens that.
# boot: layout=luks timeout=900 order=main,spare,second;second,spare,main
. "$BOOT_LIB"

boots_from_the_set() {
	nothing_failed
	mounted_from /dev/mapper/sysvg-root /
	assert_eq 'crypt
safe' "$(lsblk -snro NAME,TYPE /dev/mapper/sysvg-root | awk '$2 == "crypt" || $2 == "remap" { print $1 }')" 'what root lies on'
	assert_eq '' "$(pvs 2>&1 >/dev/null)" 'what LVM warns of'
}
test_case "boot $PHASE: root is on LUKS on the set" boots_from_the_set
((PHASE >= 2)) || next_boot
