#!/bin/bash
# The part of crash_test.py that runs in the virtual machine while the journal is written: a filesystem on a remap device over
# disks that go bad.
#
# record.sh FS SECONDS SEED THREADS SPARES WORKLOAD
# vm: modules=required smp=1
# shellcheck source=/dev/null
. "$VM_LIB"
# shellcheck source=/dev/null
. "${VM_LIB%/*}/remap.sh"
. tests/crash/table.sh
set -eu
fs=$1 seconds=$2 seed=$3 threads=$4 spares=$5 workload=$6

X=/dev/mapper/x
MOUNT=/mnt/x

mark=$(drive mark)
dmesg -n 4
modprobe dm-remap
table_line "$spares" >/dev/shm/table
dmsetup create x </dev/shm/table
case $fs in
ext4) mkfs.ext4 -q -F -b 4096 -J size=4 -E nodiscard $X ;;
xfs) mkfs.xfs -q -f -K --unsupported $X ;;
esac
mkdir -p $MOUNT
# What is not synced gets to the disks soon, and has not been flushed then.
echo 50 >/proc/sys/vm/dirty_writeback_centisecs
echo 50 >/proc/sys/vm/dirty_expire_centisecs
mount -t "$fs" $X $MOUNT

# Where spare blocks begin: what lies before is metadata, which the disks go on taking.
decaying=("main:0:$(sectors_of "$(drive main)")")
for ((i = 0; i < spares; i++)); do
	size=$(sectors_of "$(drive "spare$i")")
	decaying+=("spare$i:$((size / 2)):$((size / 2))")
done
cp "$workload" /dev/shm/workload
/dev/shm/workload $MOUNT "$mark" "$seconds" "$seed" "$threads" "${decaying[@]}" &
workload=$!

# Tables are replaced beneath it meanwhile.
reloads=0
until timeout 8 tail --pid=$workload -f /dev/null; do
	if ((reloads++ % 2)); then
		dmsetup suspend x
	else
		dmsetup load x </dev/shm/table
		dmsetup suspend --nolockfs --noflush x
	fi
	dmsetup resume x
done
wait $workload

read -r remapped extents pending mode < <(remap_get x remapped extents pending mode)
echo "recorded: remapped_sectors=$remapped extents=$extents pending=$pending mode=$mode reloads=$reloads"
[[ $mode == ok ]] && ((remapped > 0))
umount $MOUNT
dmsetup remove x
