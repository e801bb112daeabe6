#!/bin/bash
# The part of crash_test.py that runs in the virtual machine when states are checked by the kernel that wrote them: each is put
# into the disks, the device is made by the same table line, the filesystem mounted and checked, every synced file read.
#
# replay.sh FS SPARES PLAN-DIRECTORY VERIFY
# vm: modules=required smp=1
# shellcheck source=/dev/null
. "$VM_LIB"
. tests/crash/table.sh
set -eu
fs=$1 spares=$2 plan=$3 verify=$4

X=/dev/mapper/x
MOUNT=/mnt/x

mark=$(drive mark)
dmesg -n 2
modprobe dm-remap
mkdir -p $MOUNT
cp "$verify" /dev/shm/verify
cp "$plan/marks" /dev/shm/
table_line "$spares" >/dev/shm/table
good=0 bad=0

# The order to the disks: text in a block of the mark disk.
put_state() { # CUT SEED
	printf 'state %s %s' "$1" "$2" >/dev/shm/order
	truncate -s 4096 /dev/shm/order
	dd if=/dev/shm/order of="$mark" bs=4096 oflag=direct conv=notrunc status=none
}

clean() {
	case $fs in
	ext4) e2fsck -fn $X ;;
	xfs) xfs_repair -n $X ;;
	esac
}

check_state() { # CUT
	dmsetup create x </dev/shm/table || return
	if mount -t "$fs" $X $MOUNT; then
		/dev/shm/verify /dev/shm/marks "$1" $MOUNT >/dev/shm/said && umount $MOUNT && clean >/dev/shm/said 2>&1
	else
		echo 'cannot be mounted' >/dev/shm/said
		false
	fi
}

while read -r cut seed; do
	put_state "$cut" "$seed"
	if check_state "$cut"; then
		good=$((good + 1))
	else
		bad=$((bad + 1))
		echo "BAD: cut $cut, seed $seed, in the machine: $(head -n 20 /dev/shm/said)"
	fi
	! mountpoint -q $MOUNT || umount $MOUNT
	! dmsetup info x >/dev/null 2>&1 || dmsetup remove x
done <"$plan/states"
echo "mounted=$((good + bad)) bad=$bad"
((bad == 0))
