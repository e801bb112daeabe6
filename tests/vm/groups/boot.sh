#!/bin/bash
# From power-on, under udev and our rules: main is hidden and held, its set is started when all of it is there. Without systemd: what its
# units would run is run by hand.
# on: 6.12
# vm: drives=main:64M:scsi,spare:32M:scsi,two:16M:scsi,three:64M:scsi,nameless:64M:virtio modules=required timeout=2400
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"
. "${VM_LIB%/*}/hidden_main.sh"

# --- while the set runs

link_stays() {
	start_fresh
	make_set
	assert_hidden "$MAIN"
	assert_leads_to $LINK $X
	assert_leads_to /dev/disk/by-label/home $X
	assert_eq set "$(prop "$MAIN" DM_REMAP_MAIN_USE)"
	assert_contains "$(props "$SPARE")" 'ID_FS_TYPE=dm_remap_member'
	for _ in 1 2 3; do
		look_again "$MAIN"
		assert_leads_to $LINK $X
		# As somebody who writes to it by itself would have it.
		true 1<>"$MAIN" && settle
		assert_leads_to $LINK $X
	done
	mount UUID=$ROOT_UUID /run/mnt
	assert_contains "$(grep ' /run/mnt ' /proc/self/mounts)" "$X"
	umount /run/mnt
	assert_contains "$(<$DM_REMAP_CONFIG)" ' identity=wwid:'
}

# --- while it does not

main_is_busy() {
	start_fresh
	make_set
	said 0 close x
	wait_held
	assert_hidden "$MAIN"
	assert_fail test -e $LINK
	assert_fail mount UUID=$ROOT_UUID /run/mnt
	assert_fail mount "$MAIN" /run/mnt
	assert_fail dmsetup create y --table "0 8 linear $MAIN 0"
	said 4 create y --main "$MAIN" --spare "$TWO"
	assert_contains "$ERR" 'dmremap release-main x'
	# Whoever starts it takes main over.
	said 0 open x
	settle
	assert_leads_to $LINK $X
	wait_for "! test -e $RUN/hold-$SET"
	# In whatever way it ends.
	dmsetup remove x
	wait_held
	# One that the kernel refuses leaves main held.
	said 1 open x --read-retries 4000000000
	assert_contains "$ERR" 'read_retries'
	assert_fail dmsetup info x
	wait_held
	said 0 open x
}

stacks_are_busy() {
	local filter
	start_fresh
	make_set
	pvcreate -qqffy $X
	# A scan sees main, too: with the line that is advised it does not.
	said 1 doctor x
	filter=$(sed -n "s/.*write '\(devices { global_filter.*}\)'.*/\1/p" <<<"$OUT")
	defer "echo '$LVM_BASE' >/etc/lvm/lvmlocal.conf"
	echo "$LVM_BASE $filter" >/etc/lvm/lvmlocal.conf
	assert_eq '' "$(vgcreate -qq vg $X 2>&1)"
	lvcreate -qq -an -Zn -Wn -L 4M -n lv vg 2>/dev/null
	echo "$LVM_BASE" >/etc/lvm/lvmlocal.conf
	said 0 close x
	wait_held
	assert_fail vgchange -ay vg
	assert_fail test -e /dev/mapper/vg-lv
	echo "$LVM_BASE $filter" >/etc/lvm/lvmlocal.conf
	said 0 open x
	assert_eq '' "$(vgchange -qq -ay vg 2>&1)"
	assert_contains "$(dmsetup deps -o devname vg-lv)" '(x)'
	vgchange -qqan vg
	wipefs -qa $X
	settle
	mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --metadata=1.2 $X missing
	mdadm --stop /dev/md9
	settle
	said 0 close x
	wait_held
	assert_fail mdadm --assemble --run /dev/md9 "$MAIN"
	assert_fail mdadm --assemble --scan --no-degraded
	assert_fail grep -q md9 /proc/mdstat
	said 0 open x
	mdadm --assemble --run /dev/md9 $X
	mdadm --stop /dev/md9
}

# --- who comes first

main_first() {
	start_fresh
	make_set
	said 0 close x
	unplug spare
	unplug main
	rm -rf $RUN
	udevadm monitor --udev --property --subsystem-match=block >/run/events &
	defer "kill $! 2>/dev/null"
	wait_for 'grep -q UDEV /run/events' '' 'udevadm to listen'
	plug main
	MAIN=$(drive main)
	wait_held
	assert_hidden "$MAIN"
	# Never, not even for a moment.
	assert_fail grep -q "$ROOT_UUID" /run/events
	assert_fail test -e $LINK
	plug spare
	assert_contains "$(prop "$(drive spare)" SYSTEMD_WANTS)" "dm-remap-assemble@$SET.service"
	said 0 assemble --automatic "$SET"
	settle
	assert_leads_to $LINK $X
}

spare_first() {
	start_fresh
	make_set
	forget_set
	plug spare
	assert_contains "$(<"$RUN/set-$SET")" 'IDENTITY=wwid:'
	assert_eq '' "$(prop "$(drive spare)" SYSTEMD_WANTS)"
	plug main
	MAIN=$(drive main)
	wait_held
	assert_hidden "$MAIN"
	assert_fail test -e $LINK
	said 0 open "$SET"
	settle
	assert_leads_to $LINK $X
}

unknown_main_first() {
	start_fresh
	make_set
	forget_set
	plug main
	MAIN=$(drive main)
	assert_shown "$MAIN"
	assert_leads_to $LINK "$MAIN"
	plug spare
	wait_held
	settle
	assert_hidden "$MAIN"
	assert_fail test -e $LINK
}

# What udev knows of it comes from its second event on.
named_by_its_link() {
	local link
	start_fresh
	MAIN=$(drive nameless)
	wipe "$MAIN"
	# Other tests have a filesystem of the same UUID.
	defer "wipe $MAIN"
	make_set
	link=$(sed -n 's/.* main=\([^ ]*\) .*/\1/p' $DM_REMAP_CONFIG)
	assert_contains "$link" /dev/disk/by-
	assert_hidden "$MAIN"
	said 0 close x
	wait_held
	assert_fail test -e $LINK
}

# --- partitions

partitions() {
	local part
	start_fresh
	printf 'label: gpt\nsize=16M\nsize=16M\n' | sfdisk -q --no-tell-kernel "$MAIN"
	blockdev --rereadpt "$MAIN"
	part=${MAIN}1
	wait_for "test -b $part"
	settle
	mkfs.ext4 -qFU $ROOT_UUID "$part"
	look_again "$part"
	assert_leads_to $LINK "$part"
	partuuid=$(prop "$part" ID_PART_ENTRY_UUID)
	said 0 create x --main "$MAIN" --spare "$SPARE" --json
	SET=$(field "$OUT" set)
	settle
	assert_hidden "$MAIN"
	assert_hidden "$part"
	assert_leads_to $LINK /dev/mapper/x1
	assert_leads_to "/dev/disk/by-partuuid/$partuuid" /dev/mapper/x1
	mount UUID=$ROOT_UUID /run/mnt
	said 4 close x
	assert_contains "$ERR" '/run/mnt'
	umount /run/mnt
	said 0 close x
	assert_fail test -e /dev/mapper/x1
	wait_held
	assert_fail mount "$part" /run/mnt
	assert_fail mount UUID=$ROOT_UUID /run/mnt
	said 0 open x
	settle
	assert_leads_to $LINK /dev/mapper/x1
	said 0 close x
	wait_held
}

partition_as_main() {
	local disk
	start_fresh
	disk=$MAIN
	printf 'label: gpt\nsize=16M\nsize=16M\n' | sfdisk -q --no-tell-kernel "$disk"
	blockdev --rereadpt "$disk"
	MAIN=${disk}2
	wait_for "test -b $MAIN"
	settle
	partuuid=$(prop "$MAIN" ID_PART_ENTRY_UUID)
	make_set
	assert_contains "$(<$DM_REMAP_CONFIG)" " identity=partuuid:$partuuid "
	assert_match "$(<$DM_REMAP_CONFIG)" ' first=[0-9]+'
	assert_hidden "$MAIN"
	assert_leads_to $LINK $X
	assert_leads_to "/dev/disk/by-partuuid/$partuuid" $X
	assert_shown "$disk"
	assert_shown "${disk}1"
	said 0 close x
	wait_held
	assert_fail mount "$MAIN" /run/mnt
	assert_free "${disk}1"
}

# --- starting by itself

spare_late() {
	start_fresh
	make_set
	said 0 close x
	unplug spare
	dmremap assemble --automatic x >/run/assembled &
	host plug spare
	wait $!
	assert_eq 'x: started' "$(</run/assembled)"
	settle
	assert_leads_to $LINK $X
	assert_fail test -e "$RUN/waiting-$SET"
}

waits_and_says_why() {
	start_fresh
	make_set
	said 0 close x
	sed -i 's/$/ wait=1/' $DM_REMAP_CONFIG
	unplug spare
	said 1 assemble --automatic
	assert_contains "$OUT" 'none of its spares is there'
	said 0 status x
	assert_contains "$OUT" 'not started by itself: x: none of its spares is there'
	wait_held
	plug spare
	said 0 assemble --automatic
	said 0 status x
	assert_not_contains "$OUT" 'by itself'
	said 0 close x
	sed -i 's/$/ auto=no/' $DM_REMAP_CONFIG
	said 0 assemble --automatic
	assert_eq '' "$OUT"
	look_again "$SPARE"
	assert_eq '' "$(prop "$SPARE" SYSTEMD_WANTS)"
	assert_fail dmsetup info x
	sed -i 's/ auto=no/ root=yes/' $DM_REMAP_CONFIG
	said 0 assemble --automatic --root
	dmsetup info x
}

degraded() {
	start_fresh
	make_set "$SPARE" "$TWO"
	said 0 close x
	sed -i 's/$/ wait=1/' $DM_REMAP_CONFIG
	unplug two
	# It is active: it may know more than the other does.
	said 1 assemble --automatic
	assert_contains "$OUT" 'not there'
	assert_fail dmsetup info x
	said 0 open x --degraded --force --yes
	said 0 close x
	# Now the other has recorded that it was dropped.
	sed -i 's/degraded=dropped/degraded=never/' $DM_REMAP_CONFIG
	said 1 assemble --automatic
	assert_fail dmsetup info x
	sed -i 's/degraded=never/degraded=dropped/' $DM_REMAP_CONFIG
	said 0 assemble --automatic
	dmsetup info x
	assert_contains "$(<$DM_REMAP_CONFIG)" ' wait=1'
	said 0 close x
}

one_of_many_starts() {
	local i
	start_fresh
	make_set
	said 0 close x
	# Of one that was killed a device without a table is left.
	dmsetup create x --notable -u "REMAP-$SET"
	for i in 1 2 3 4; do dmremap assemble --automatic x >"/run/started$i" 2>&1 & done
	wait
	assert_eq 1 "$(cat /run/started? | grep -c 'x: started')"
	assert_eq 4 "$(grep -l 'x: started\|x: runs already' /run/started? | wc -l)" "$(cat /run/started?)"
	said 0 close x
}

two_sets() {
	start_fresh
	make_set "$SPARE@0+16384"
	said 0 create y --main "$THREE" --spare "$SPARE@16384" --json
	local y
	y=$(field "$OUT" set)
	settle
	assert_contains "$(props "$THREE")" "DM_REMAP_MAIN=$y"
	said 0 close x
	said 0 close y
	wait_held
	wait_for "held $y $THREE"
	look_again "$SPARE"
	assert_contains "$(prop "$SPARE" SYSTEMD_WANTS)" "dm-remap-assemble@$SET.service"
	said 0 assemble --automatic
	assert_eq $'x: started\ny: started' "$OUT"
	said 0 close x
	wait_held
	assert_contains "$(dmsetup info -c --noheadings -o open,name y)" y
	said 0 close y
}

# --- let go

released() {
	start_fresh
	make_set
	said 4 release-main x --yes
	said 0 close x
	wait_held
	said 5 release-main x
	held "$SET" "$MAIN"
	said 0 release-main x --yes
	settle
	assert_free "$MAIN"
	assert_shown "$MAIN"
	assert_leads_to $LINK "$MAIN"
	mount -o ro,noload UUID=$ROOT_UUID /run/mnt
	said 4 open x
	umount /run/mnt
	# Nothing starts it over the head of whoever works on main.
	said 1 assemble --automatic
	assert_contains "$OUT" 'main was released'
	said 0 release-main x --undo
	settle
	wait_held
	assert_hidden "$MAIN"
	said 0 release-main x --yes
	said 0 open x
	assert_contains "$ERR" 'main was released'
	settle
	assert_leads_to $LINK $X
	said 0 close x
	wait_held
}

# A main that is in use already is not taken away from its user.
in_use_already() {
	start_fresh
	make_set
	said 0 close x
	wait_held
	said 0 release-main x --yes
	mount "$MAIN" /run/mnt
	rm $RUN/released-*
	look_again "$MAIN"
	assert_eq other "$(prop "$MAIN" DM_REMAP_MAIN_USE)"
	assert_eq '' "$(prop "$MAIN" SYSTEMD_READY)"
	assert_eq '' "$(prop "$MAIN" DM_REMAP_MAIN_AUTO)"
	said 1 assemble --automatic
	assert_contains "$OUT" 'is mounted on /run/mnt'
	umount /run/mnt
	look_again "$MAIN"
	wait_held
}

tool_install
install -D $TOOL /usr/sbin/dmremap
cp "$REPO"/tools/boot/udev/*.rules /usr/lib/udev/rules.d/
mkdir -p /etc/lvm
# udev runs here; but nothing is to activate or assemble beside the tests.
LVM_BASE='devices { use_devicesfile = 0 } global { event_activation = 0 }'
echo "$LVM_BASE" >/etc/lvm/lvmlocal.conf
mkdir -p /etc/udev/rules.d
ln -sf /dev/null /etc/udev/rules.d/64-md-raid-assembly.rules
modules_load
udev_start
test_case 'the link by UUID stays' link_stays
test_case 'main is busy' main_is_busy
test_case 'LVM and md get busy' stacks_are_busy
test_case 'main first' main_first
test_case 'spare first' spare_first
test_case 'an unknown main first' unknown_main_first
test_case 'a main known by its link' named_by_its_link
test_case 'partitions of main' partitions
test_case 'a partition as main' partition_as_main
test_case 'a late spare' spare_late
test_case 'waits, and says why' waits_and_says_why
test_case 'degraded' degraded
test_case 'started once' one_of_many_starts
test_case 'two sets' two_sets
test_case 'released' released
test_case 'in use already' in_use_already
modules_unload
