#!/bin/bash
# The sets of the layout "stacks": one with a filesystem, one with LVM on it, one with md on it. On each main itself is something else.
. "$REPO/tests/boot/make/lib.sh"
mkdir -p /run/mnt

filled() { # DEVICE UUID DRIVE
	mkfs.ext4 -q -U "$2" "$1"
	mount "$1" /run/mnt
	stale_file /run/mnt/which "$3"
	umount /run/mnt
}
make_plain() {
	set_create safe main spare
	filled /dev/mapper/safe 5a5e0002-0000-4000-8000-000000000002 main
	dmremap close safe
}
make_lvm() {
	set_create vol vmain vspare
	pvcreate -q /dev/mapper/vol
	vgcreate -q vg /dev/mapper/vol
	lvcreate -qy -n lv -l 90%VG vg
	BAD_OFFSET=$(dmsetup table vg-lv | cut -d ' ' -f 5) filled /dev/vg/lv 5a5e0004-0000-4000-8000-000000000004 vmain
	vgchange -qan vg
	dmremap close vol
}
make_md() {
	set_create raid rmain rspare
	mdadm --create /dev/md9 --run --force --level=1 --raid-devices=1 --metadata=1.2 --homehost=boot --name=arr /dev/mapper/raid
	BAD_OFFSET=$(cat /sys/block/md9/md/dev-*/offset) filled /dev/md9 5a5e0005-0000-4000-8000-000000000005 rmain
	mdadm --stop /dev/md9
	dmremap close raid
}
test_case 'a set with a filesystem' make_plain
test_case 'a set with a volume of LVM' make_lvm
test_case 'a set with an array of md' make_md
sets_done
