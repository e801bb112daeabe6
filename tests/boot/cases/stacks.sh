#!/bin/bash
# Three sets: a filesystem, LVM and md on them, whose mains hold the same. All of it comes up on the sets, without a word from LVM.
# boot: layout=stacks order=main,vmain,rmain,spare,vspare,rspare,sys;spare,vspare,rspare,sys,main,vmain,rmain timeout=900
# boot-never: Failed (un)?mounting|Could not detach
. "$BOOT_LIB"

all_is_on_the_sets() {
	nothing_failed
	mounted_from /dev/mapper/safe /data
	the_true_file /data/which
	mounted_from /dev/vg/lv /volume
	the_true_file /volume/which
	assert_eq /dev/mapper/vol "$(pvs --noheadings -o pv_name | xargs)" 'the volume group lies on'
	the_true_file /raid/which
	assert_eq "$(dm_of raid)" "$(basename "$(readlink -f /sys/block/"$(basename "$(readlink -f "$(findmnt -rno SOURCE /raid)")")"/slaves/*)")" \
		'the array lies on'
}
lvm_says_nothing() {
	assert_eq '' "$(pvs 2>&1 >/dev/null)$(vgs 2>&1 >/dev/null)$(vgchange -ay 2>&1 >/dev/null)" 'what LVM warns of'
	assert_not_contains "$(journalctl -b --no-pager)" 'PV duplicates'
	assert_not_contains "$(journalctl -b --no-pager)" 'duplicate PVs'
}

test_case "boot $PHASE of $BOOTS: all of it is on the sets" all_is_on_the_sets
test_case "boot $PHASE of $BOOTS: LVM warns of nothing" lvm_says_nothing
((PHASE >= BOOTS)) || next_boot
