#!/bin/bash
# The set of the layout "data": a filesystem with a file that is another one on main itself.
. "$REPO/tests/boot/make/lib.sh"

make_set() {
	set_create safe main spare second
	mkfs.ext4 -q -U 5a5e0002-0000-4000-8000-000000000002 -L data /dev/mapper/safe
	mkdir -p /run/mnt
	mount /dev/mapper/safe /run/mnt
	stale_file /run/mnt/which main
	umount /run/mnt
	dmremap close safe
}
test_case 'the set is made, with data on it' make_set
sets_done
