#!/bin/bash
# The part of tools/demo that runs in the virtual machine. Its drives are real ones to the kernel there: QEMU answers
# I/O to the bad sectors with the sense data of a medium error.
# vm: drives=main:64M:scsi:nowce,spare:8M:virtio modules=required timeout=900
. "$VM_LIB"
set -eu
# What the kernel says of each bad sector is not for this screen.
dmesg -n 1

bold='' plain=''
[[ ${1:-} != color ]] || bold=$'\e[1m' plain=$'\e[0m'
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '  $ %s\n' "$*"; }
main=$(drive main)
spare=$(drive spare)
cp "${VM_LIB%/*/*}/dmremap" /dev/shm/dmremap
PATH+=:/dev/shm

bad_blocks() { # DEVICE: how many 4 KiB blocks does badblocks find?
	badblocks -wsv -b 4096 "$1" 2>&1 | sed -n 's/.*, \([0-9]*\) bad blocks found.*/\1/p'
}
# What is typed, and what comes.
do_it() {
	show "$*"
	"$@" 2>&1 | sed 's/^/  /'
}

if [[ $PHASE == 1 ]]; then
	title "1. A failing disk: $main, 64 MiB, with bad sectors the drive cannot replace any more"
	host bad main 2000:8 20000:24 65536:1 100001:3 rw medium
	show "badblocks -wsv -b 4096 $main"
	echo "  $(bad_blocks "$main") bad blocks on the bare disk"

	title "2. dm-remap over it, with a spare of 8 MiB: $spare"
	do_it dmremap create my_remap --main "$main" --spare "$spare"
	show "badblocks -wsv -b 4096 /dev/mapper/my_remap"
	echo "  $(bad_blocks /dev/mapper/my_remap) bad blocks on the device"

	title "3. An ext4 on the device, while more sectors fail beneath it"
	show "mkfs.ext4 /dev/mapper/my_remap; mount; 24 files of 1 MiB"
	mkfs.ext4 -q /dev/mapper/my_remap
	mkdir -p /mnt/demo
	mount /dev/mapper/my_remap /mnt/demo
	for ((i = 0; i < 24; i++)); do
		# They can still be read: what was written there before must not be lost, and mkfs.ext4 puts things where it likes.
		((i % 6)) || host bad main $((30000 + i * 3000)):16 write medium
		pattern "file$i" 0 2048 | dd of=/mnt/demo/file$i bs=1M iflag=fullblock conv=fsync status=none
	done
	(cd /mnt/demo && sha256sum file*) >/state/sums
	echo "  $(grep -c . /state/sums) files written and synced, no error"
	umount /mnt/demo

	title "4. What it has done"
	do_it dmremap status my_remap
	do_it dmremap map my_remap --draw
	show 'dmsetup status my_remap'
	echo "  $(dmsetup status my_remap)"
	dmremap map my_remap --csv >/state/map
	do_it dmremap close my_remap

	title "5. The machine reboots"
	next_phase
else
	title "6. After the reboot: what is on the disks is enough to bring the same device back"
	do_it dmremap assemble --scan
	dmremap map my_remap --csv | cmp - /state/map || { echo "  the map has changed"; exit 1; }
	show 'e2fsck -fn /dev/mapper/my_remap; mount; sha256sum -c'
	e2fsck -fn /dev/mapper/my_remap >/run/fsck.log 2>&1 || { cat /run/fsck.log; exit 1; }
	mkdir -p /mnt/demo
	mount -o ro /dev/mapper/my_remap /mnt/demo
	(cd /mnt/demo && sha256sum -c /state/sums >/run/sums.log) || { cat /run/sums.log; exit 1; }
	echo "  the filesystem is clean, and all $(grep -c OK /run/sums.log) files have the checksums of before"
	umount /mnt/demo
	do_it dmremap close my_remap
	do_it dmremap check "$spare"
	title "Done. To see it on a disk of your own: README.md"
fi
