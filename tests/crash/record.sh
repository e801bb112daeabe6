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

# Where spare blocks begin: what lies before is metadata, which the disks go on taking. And not the first block of main:
# were one of the two sectors of an ext4 superblock remapped by itself, a cut could tear it (state.hh).
decaying=("main:8:$(($(sectors_of "$(drive main)") - 8))")
for ((i = 0; i < spares; i++)); do
	size=$(sectors_of "$(drive "spare$i")")
	decaying+=("spare$i:$((size / 2)):$((size / 2))")
done
cp "$workload" /dev/shm/workload
/dev/shm/workload $MOUNT "$mark" "$seconds" "$seed" "$threads" "${decaying[@]}" &
workload=$!

alive() { kill -0 $workload 2>/dev/null; }
told() { dmsetup message x 0 status | grep -q "^$1 .*state=$2"; }
# job MESSAGE...: to its end, which a new table is as well. A disk that refuses a block in its midst is no mistake.
job() {
	dmsetup message x 0 "$@" || return 0
	while alive && told job running; do timeout 0.2 tail --pid=$workload -f /dev/null || true; done
}

# The patrol goes round; the filesystem's first blocks are guarded and given back; others move to a spare and back.
administer() {
	local scrubs=0 guards=0 round at
	for ((round = 0; ; round++)); do
		alive || break
		if told scrub none && dmsetup message x 0 scrub start; then scrubs=$((scrubs + 1)); fi
		at=$((64 * $(random_number 2000 moved $round)))
		job guard 0 64 4096 16
		# Where main has refused a guard it is not complete.
		if dmsetup message x 0 status | grep -q '^guard state='; then guards=$((guards + 1)); fi
		job remap $at 64
		job unguard
		job unremap $at 64
	done
	echo "scrubs=$scrubs guards=$guards" >/dev/shm/administered
}
administer &
administrator=$!

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
wait $administrator

read -r administered </dev/shm/administered
read -r remapped extents pending mode < <(remap_get x remapped extents pending mode)
echo "recorded: remapped_sectors=$remapped extents=$extents pending=$pending mode=$mode reloads=$reloads $administered"
[[ $mode == ok ]] && ((remapped > 0)) && [[ $administered =~ ^scrubs=[1-9][0-9]*\ guards=[1-9] ]]
umount $MOUNT
dmsetup remove x
