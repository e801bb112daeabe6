#!/bin/bash
# fio, badblocks and filesystems on disks that go bad beneath them, across reboots and power cuts.
# on: 6.1
# vm: drives=main:64M:scsi-blkdebug,spare:16M:virtio,disk:8M:scsi-blkdebug,rest:4M:virtio smp=1
# vm: modules=required timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x
MOUNT=/mnt/x

# prepare MAIN SPARE: device x over these; the nodes in $MAIN and $SPARE.
prepare() {
	MAIN=$1 SPARE=$2
	wipe "$MAIN" "$SPARE"
	remap_create x "$MAIN" "$SPARE"
}

# QEMU takes long for thousands of bad sectors: its time grows with their square.
# random_ranges COUNT LENGTH FIRST LAST: COUNT ranges of LENGTH sectors somewhere in FIRST..LAST, for bad. Others each
# time: bash seeds RANDOM anew in every subshell.
random_ranges() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "$(($3 + (RANDOM * 32768 + RANDOM) % ($4 - $3 - $2))):$2"
	done
}

# while_running PID DEVICE SECTORS COMMAND...: runs the command, and again whenever DEVICE has had SECTORS more
# written to it, until the process has ended. How often it was run is then in $STEPS.
while_running() {
	local pid=$1 device=$2 sectors=$3 next
	shift 3
	STEPS=0
	next=$(disk_stat "$device" 7)
	while kill -0 "$pid" 2>/dev/null; do
		if (($(disk_stat "$device" 7) >= next)); then
			"$@"
			STEPS=$((STEPS + 1)) next=$((next + sectors))
		else
			sleep 0.05
		fi
	done
	wait "$pid"
}

# --- fio

# verify_fio ZONE [OPTION...]: writes the zone (4 MiB) at random and verifies it.
verify_fio() {
	fio --name=zone --filename=$X --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bsrange=512-16k \
		--bs_unaligned=0 --offset="$(($1 * 4))M" --size=4M --randseed="$(($1 + 3))" --verify=crc32c --verify_fatal=1 \
		--output=/dev/shm/fio.log "${@:2}" || fail "$(</dev/shm/fio.log)"
}
zone_ranges() { random_ranges "$2" "$3" $(($1 * 8192)) $((($1 + 1) * 8192)); } # ZONE COUNT LENGTH

null_goes_bad() { # ZONE
	local range
	for range in $(zone_ranges "$1" 3 3); do nullb_bad main "${range%:*}" $((${range%:*} + 2)); done
}

# Here a bad sector gives nothing and takes nothing: what goes bad is the part that is written next.
fio_over_null() {
	local zone steps=0
	MAIN=$(nullb_create main 12)
	defer nullb_remove main
	prepare "$MAIN" "$(drive spare)"
	null_goes_bad 0
	for zone in 0 1 2; do
		verify_fio $zone &
		if ((zone < 2)); then while_running $! $X 1024 null_goes_bad $((zone + 1)); else wait $!; fi
		steps=$((steps + STEPS))
	done
	say "$steps steps: $(remap_get x remapped extents pending mode)"
	assert_num $steps -ge 6
	assert_num "$(remap_get x remapped)" -ge 60
	assert_eq '0 ok' "$(remap_get x pending mode)"
	remap_again x
	for zone in 0 1 2; do verify_fio $zone --verify_only; done
}

main_goes_bad() { # ZONE: all over it, but what was written before can still be read
	# shellcheck disable=SC2046
	host bad main $(zone_ranges "$1" 3 3) write
}

# Here they go bad under the very blocks that are being written.
fio_over_drive() {
	local zone steps=0
	defer 'host heal main'
	prepare "$(drive main)" "$(drive spare)"
	for zone in 0 1 2; do
		verify_fio $zone &
		while_running $! $X 1024 main_goes_bad $zone
		steps=$((steps + STEPS))
	done
	say "$steps steps: $(remap_get x remapped extents pending mode)"
	assert_num $steps -ge 6
	assert_num "$(remap_get x remapped)" -ge 10
	assert_eq '0 ok' "$(remap_get x pending mode)"
	remap_again x
	host heal main
	for zone in 0 1 2; do verify_fio $zone --verify_only; done
}

# Data that is lost may be missing, but never be replaced by something else; and it comes when the disk gives it again.
# Meanwhile others write.
read_or_error() {
	local file round range bad=() expected found
	file=$(random_file 4)
	defer "rm $file; host heal main"
	prepare "$(drive main)" "$(drive spare)"
	file_write "$file" $X
	for round in 1 2; do
		verify_fio 1 &
		mapfile -t range < <(zone_ranges 0 12 2)
		host bad main "${range[@]}" read
		bad+=("${range[@]}")
		# Blocks of 4 KiB, from 0; those that cannot be read are zeroes in dd's output.
		expected=$(for range in "${bad[@]}"; do echo $((${range%:*} / 8)) $(((${range%:*} + 1) / 8)); done | xargs -n 1 | sort -nu)
		found=$(dd if=$X bs=4k count=1024 iflag=direct conv=noerror,sync status=none 2>/dev/null | cmp -l - "$file" |
			awk '$2 != 0 { print "not even zero" } { print int(($1 - 1) / 4096) }' | sort -nu)
		assert_eq "$(xargs <<<"$expected")" "$(xargs <<<"$found")" "blocks without their data in round $round"
		wait $!
	done
	assert_num "$(remap_get x pending)" -ge 40
	assert_eq '0 ok' "$(remap_get x remapped mode)"
	host heal main
	cmp -n 4194304 $X "$file"
}

# --- badblocks

# These 73 sectors are in 12 blocks of 4 KiB.
DISK_BAD=(2500 3000:8 5003 8000:60 12345:3)

found_by_badblocks() { # DEVICE
	badblocks -wsv -b 4096 "$1" 2>&1 >/dev/null | tr '\b\r' '\n\n' | sed -n 's/^Pass completed, \([0-9]*\) bad.*/\1/p'
}

badblocks_finds_none() {
	defer 'host heal disk'
	MAIN=$(drive disk)
	host bad disk "${DISK_BAD[@]}"
	assert_eq 12 "$(found_by_badblocks "$MAIN")" 'on the bare disk'
	host heal disk
	prepare "$MAIN" "$(drive rest)"
	host bad disk "${DISK_BAD[@]}"
	assert_eq 0 "$(found_by_badblocks $X)" 'on the device'
	assert_eq '73 73 0 ok' "$(remap_get x remapped used pending mode)"
}

mke2fs_finds_none() {
	defer 'host heal disk'
	MAIN=$(drive disk)
	host bad disk "${DISK_BAD[@]}"
	mke2fs -q -F -b 4096 -cc "$MAIN" >/dev/null
	assert_eq '312 375 625 1000 1001 1002 1003 1004 1005 1006 1007 1543' "$(dumpe2fs -b "$MAIN" 2>/dev/null | xargs)"
	host heal disk
	prepare "$MAIN" "$(drive rest)"
	host bad disk "${DISK_BAD[@]}"
	mke2fs -q -F -b 4096 -cc $X >/dev/null
	assert_eq '' "$(dumpe2fs -b $X 2>/dev/null)"
	e2fsck -fn $X
	assert_eq '73 73 0 ok' "$(remap_get x remapped used pending mode)"
}

# --- filesystems

mount_x() { # TYPE
	mkdir -p $MOUNT
	mount -t "$1" $X $MOUNT
	defer "umount_x"
}
umount_x() { ! mountpoint -q $MOUNT || umount $MOUNT; }
check_x() { # TYPE
	case $1 in
	ext4) assert_ok e2fsck -fn $X ;;
	xfs) assert_ok xfs_repair -n $X ;;
	esac
}
# Some runs anywhere refuse writes.
main_decays() {
	# shellcheck disable=SC2046
	host bad main $(random_ranges 8 4 0 131072) write
}
write_file() { # NAME MEBIBYTES: its checksum goes to the host
	local file=/dev/shm/$1
	head -c "$2M" /dev/urandom >"$file"
	(cd /dev/shm && md5sum "$1") >"/state/$1.md5"
	dd if="$file" of=$MOUNT/"$1" bs=64k oflag=direct conv=fsync status=none
	rm "$file"
}
write_decaying() { # NAME MEBIBYTES
	write_file "$@" &
	while_running $! $X 1536 main_decays
}
check_files() { (cd $MOUNT && cat /state/*.md5 | md5sum -c --quiet); }
# Blocks that no file has yet need not be readable either.
free_space_dies() {
	local ranges
	mapfile -t ranges < <(dumpe2fs $X 2>/dev/null | sed -n 's/^  Free blocks: //p' | tr -s ', ' '\n' |
		awk -F- 'NF == 2 && $2 - $1 > 40 { for (b = $1 + 9; b < $2; b += 700) print b * 8 + 3 ":9" }')
	((${#ranges[@]} == 0)) || host bad main "${ranges[@]}"
}

fill_dying_disk() { # TYPE MKFS...
	local type=$1 i steps=0
	shift
	rm -f /state/*.md5
	host heal main
	prepare "$(drive main)" "$(drive spare)"
	# shellcheck disable=SC2046
	host bad main $(random_ranges 40 4 0 131072)
	"$@" $X
	mount_x "$type"
	for i in 1 2 3 4; do
		write_decaying "file$i" 6
		steps=$((steps + STEPS))
		[[ $type != ext4 ]] || free_space_dies
	done
	cp $MOUNT/file1 $MOUNT/copy
	rm $MOUNT/file3 /state/file3.md5
	write_decaying file5 6
	umount_x
	check_x "$type"
	say "$steps steps: $(remap_get x remapped extents pending mode)"
	assert_num $steps -ge 5
	assert_num "$(remap_get x remapped)" -ge 100
	assert_eq ok "$(remap_get x mode)"
	remap_again x
	mount_x "$type"
	check_files
	cmp $MOUNT/file1 $MOUNT/copy
}

xfs_on_dying_disk() {
	defer 'host heal main'
	fill_dying_disk xfs mkfs.xfs -q -f --unsupported
}

ext4_on_dying_disk() {
	fill_dying_disk ext4 mkfs.ext4 -q -F -b 4096
	remap_get x remapped extents >/state/map
}

ext4_after_reboot() {
	MAIN=$(drive main) SPARE=$(drive spare)
	remap_create x "$MAIN" "$SPARE"
	assert_eq "$(</state/map)" "$(remap_get x remapped extents)" 'the map'
	check_x ext4
	mount_x ext4
	check_files
	# A disk that can read and write again is not believed.
	host heal main
	echo 3 >/proc/sys/vm/drop_caches
	check_files
}

# In the midst of writing. No test of its own: that would clean up.
ext4_until_power_cut() {
	local until
	say 'the power is cut while ext4 is written to'
	remap_create x "$(drive main)" "$(drive spare)"
	mkdir -p $MOUNT
	mount $X $MOUNT
	write_decaying file6 4
	rm /state/file2.md5
	(while :; do head -c 6M /dev/urandom >$MOUNT/file2; done) &
	until=$(($(disk_stat $X 7) + 8192))
	main_decays
	wait_for "test \$(disk_stat $X 7) -ge $until"
	remap_get x remapped >/state/map
	power_cut
}

ext4_after_power_cut() {
	remap_create x "$(drive main)" "$(drive spare)"
	assert_num "$(remap_get x remapped)" -ge "$(</state/map)"
	assert_eq ok "$(remap_get x mode)"
	mount_x ext4
	check_files
	umount_x
	check_x ext4
}

modules_load
case $PHASE in
1)
	test_case 'fio verify while the disk goes bad: null_blk' fio_over_null
	test_case 'fio verify while the disk goes bad: scsi' fio_over_drive
	test_case 'a reader gets its data or an error, never other data' read_or_error
	test_case 'badblocks finds them on the disk, and none on the device' badblocks_finds_none
	test_case 'mke2fs -cc finds no bad block' mke2fs_finds_none
	test_case 'xfs on a disk going bad' xfs_on_dying_disk
	test_case 'ext4 on a disk going bad' ext4_on_dying_disk
	next_phase
	;;
2)
	test_case 'ext4 after a reboot: the same files' ext4_after_reboot
	(set -e && ext4_until_power_cut)
	exit 1
	;;
3)
	test_case 'ext4 after a power cut: the same files' ext4_after_power_cut
	modules_unload
	;;
esac
