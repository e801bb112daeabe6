#!/bin/bash
# /data is mounted by UUID, and main itself has the same: what is mounted is the set, in whatever order the disks are found.
# boot: layout=data order=sys,main,spare,second;second,spare,main,sys;spare,sys,main,second;main,second,sys,spare timeout=900
# boot-never: Failed (un)?mounting|Could not detach
. "$BOOT_LIB"

the_set_is_mounted() {
	local main
	nothing_failed
	mounted_from /dev/mapper/safe /data
	link_is "$DATA" /dev/mapper/safe
	the_true_file /data/which
	main=$(drive main)
	say "main is $main"
	assert_eq "$DATA" "$(blkid -p -s UUID -o value "$main")" 'the UUID on main itself'
	assert_eq dm_remap_main "$(udevadm info --query=property --property=ID_FS_TYPE --value "$main")" 'the type of main'
}

test_case "boot $PHASE of $BOOTS: what is mounted is the set" the_set_is_mounted
((PHASE >= BOOTS)) || next_boot
