#!/bin/bash
# The system's own disk loses sectors, from its first boot on the set: it boots, again and again, and what was written is there.
# boot: layout=root root=/dev/mapper/safe timeout=900
# boot-bad: main journal write
. "$BOOT_LIB"

boots_from_the_set() {
	nothing_failed
	mounted_from /dev/mapper/safe /
	link_is "$ROOT_UUID" /dev/mapper/safe
}
loses_sectors() {
	assert_num "$(remapped safe)" -gt 0 'remapped sectors'
	echo "written in boot $PHASE" >"/root/$PHASE"
	sync
}
has_what_was_written() {
	assert_eq 'written in boot 1' "$(cat /root/1)"
	# What main refuses to give as well was moved: it is not read there.
	assert_no_klog 'EXT4-fs error|Remounting filesystem read-only|recovery complete'
}

test_case "boot $PHASE: / is on the set, and nothing has failed" boots_from_the_set
if ((PHASE == 1)); then
	test_case 'writes that main refuses went to the spare' loses_sectors
	next_boot
fi
test_case 'a clean shutdown: the next boot finds all of it' has_what_was_written
