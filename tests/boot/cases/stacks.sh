#!/bin/bash
# Three sets: a filesystem, LVM and md on them, whose mains hold the same. All of it comes up on the sets, and once LVM has the line that
# the doctor gives, without a word from it.
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
	# At the first boot it had not got its line.
	((PHASE > 1)) || return 0
	assert_not_contains "$(journalctl -b --no-pager)" 'PV duplicates'
	assert_not_contains "$(journalctl -b --no-pager)" 'duplicate PVs'
}

# The kernel keeps LVM from main, but it sees each volume twice.
as_the_doctor_says() {
	local filter said
	said=$(dmremap doctor vol) || true
	filter=$(sed -n "s/.*write '\(devices { global_filter.*}\)'.*/\1/p" <<<"$said")
	[[ $filter ]] || fail "the doctor has no line for LVM: $said"
	# Nothing of LVM is wanted in the initramfs of this machine.
	echo "$filter" >/etc/lvm/lvmlocal.conf
}

test_case "boot $PHASE of $BOOTS: all of it is on the sets" all_is_on_the_sets
((PHASE > 1)) || test_case 'LVM gets the line that the doctor gives' as_the_doctor_says
test_case "boot $PHASE of $BOOTS: LVM warns of nothing" lvm_says_nothing
((PHASE >= BOOTS)) || next_boot
