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

# Where sectors go bad is the seed's choice; how many have by then is the machine's. What is remapped in the end depends on
# neither: what has gone bad and was written since, and nothing else.
#
# A reader is promised what was written through the device, and of what never was, what the bare disk gives. mkfs, fsck and
# the kernel do read what nobody has written: xfs_repair the first 128 KiB of each allocation group, the page cache whole
# clusters around what is asked for. So what goes bad anywhere refuses writes, and can be read; what cannot be read either
# lies where the next to come is a write that covers it.

BAD=() STEPS=0 # the ranges that have gone bad in this test, and in how many steps

# goes_bad write|read|rw RANGE...: the next step, on drive main. QEMU takes long for thousands of bad sectors: its time
# grows with their square.
goes_bad() { host bad main "${@:2}" "$1" && BAD+=("${@:2}") STEPS=$((STEPS + 1)); }

# while_running PID DEVICE SECTORS COMMAND...: runs the command, at once and again whenever DEVICE has had SECTORS more
# written to it, until the process has ended.
while_running() {
	local pid=$1 device=$2 sectors=$3 next
	shift 3
	next=$(disk_stat "$device" 7)
	while kill -0 "$pid" 2>/dev/null; do
		if (($(disk_stat "$device" 7) >= next)); then
			"$@"
			next=$((next + sectors))
		else
			sleep 0.05
		fi
	done
	wait "$pid"
}

# --- fio

# verify_fio ZONE PASS [OPTION...]: writes the zone (4 MiB) at random, each sector once, and verifies it. No two passes
# write the same.
verify_fio() {
	fio --name=zone --filename=$X --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bsrange=512-16k \
		--bs_unaligned=0 --offset="$(($1 * 4))M" --size=4M --randseed="$(random_number 2147483647 zone "$1" pass "$2")" \
		--verify=crc32c --verify_fatal=1 --output=/dev/shm/fio.log "${@:3}" || fail "$(</dev/shm/fio.log)"
}
zone_ranges() { random_ranges "$2" "$3" $(($1 * 8192)) $((($1 + 1) * 8192)) "${@:4}"; } # ZONE COUNT LENGTH WORD...

null_goes_bad() { # ZONE
	local range ranges
	mapfile -t ranges < <(zone_ranges "$1" 3 3 step $STEPS)
	for range in "${ranges[@]}"; do nullb_bad main "${range%:*}" $((${range%:*} + 2)); done
	BAD+=("${ranges[@]}") STEPS=$((STEPS + 1))
}

# Here a bad sector gives nothing and takes nothing: what goes bad is the part that is written next.
fio_over_null() {
	local zone
	MAIN=$(nullb_create main 12)
	defer nullb_remove main
	prepare "$MAIN" "$(drive spare)"
	null_goes_bad 0
	for zone in 0 1 2; do
		verify_fio $zone 1 &
		if ((zone < 2)); then while_running $! $X 1024 null_goes_bad $((zone + 1)); else wait $!; fi
	done
	say "$STEPS steps: $(remap_get x remapped extents pending mode)"
	assert_eq "$(count_sectors "${BAD[@]}") 0 ok" "$(remap_get x remapped pending mode)"
	remap_again x
	for zone in 0 1 2; do verify_fio $zone 1 --verify_only; done
}

zone_goes_bad() { # ZONE
	local ranges
	mapfile -t ranges < <(zone_ranges "$1" 3 3 step $STEPS)
	goes_bad write "${ranges[@]}"
}

# Here they go bad under the very blocks that are being written; what was written before can still be read.
fio_over_drive() {
	local zone pass
	defer 'host heal main'
	prepare "$(drive main)" "$(drive spare)"
	for zone in 0 1 2; do
		# A slow machine gets fewer steps into a pass.
		for ((pass = 1; pass == 1 || STEPS < 3 * (zone + 1); pass++)); do
			verify_fio $zone $pass &
			while_running $! $X 1024 zone_goes_bad $zone
		done
		# Also over what went bad behind the writer's back.
		verify_fio $zone last --do_verify=0
	done
	say "$STEPS steps: $(remap_get x remapped extents pending mode)"
	assert_eq "$(count_sectors "${BAD[@]}") 0 ok" "$(remap_get x remapped pending mode)"
	remap_again x
	host heal main
	for zone in 0 1 2; do verify_fio $zone last --verify_only; done
}

# Data that is lost may be missing, but never be replaced by something else; and it comes when the disk gives it again.
# Meanwhile others write. A healthy block is not moved for its neighbour's sake, whatever I/O has failed with it.
read_or_error() {
	local round range ranges expected found
	defer 'host heal main'
	prepare "$(drive main)" "$(drive spare)"
	pattern_write $X 0 8192 old
	for round in 1 2; do
		verify_fio 1 $round &
		mapfile -t ranges < <(zone_ranges 0 12 2 round $round)
		goes_bad read "${ranges[@]}"
		# Blocks of 4 KiB, from 0; those that cannot be read are zeroes in dd's output.
		expected=$(for range in "${BAD[@]}"; do echo $((${range%:*} / 8)) $(((${range%:*} + 1) / 8)); done | xargs -n 1 | sort -nu)
		found=$(dd if=$X bs=4k count=1024 iflag=direct conv=noerror,sync status=none 2>/dev/null | cmp -l - <(pattern old 0 8192) |
			awk '$2 != 0 { print "not even zero" } { print int(($1 - 1) / 4096) }' | sort -nu)
		assert_eq "$(xargs <<<"$expected")" "$(xargs <<<"$found")" "blocks without their data in round $round"
		wait $!
	done
	assert_eq "0 $(count_sectors "${BAD[@]}") ok" "$(remap_get x remapped pending mode)"
	host heal main
	pattern_check $X 0 8192 old
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
write_file() { # NAME MEBIBYTES [TEXT]: also over an old one, in place; its checksum goes to the host
	pattern "${3:-$1}" 0 $(($2 * 2048)) >/dev/shm/"$1"
	(cd /dev/shm && md5sum "$1") >"/state/$1.md5"
	dd if=/dev/shm/"$1" of=$MOUNT/"$1" bs=64k oflag=direct conv=notrunc,fsync status=none
	rm /dev/shm/"$1"
}
main_decays() { # [RUNS]: anywhere
	local ranges
	mapfile -t ranges < <(random_ranges "${1:-8}" 4 0 131072 step $STEPS)
	goes_bad write "${ranges[@]}"
}
write_decaying() { # NAME MEBIBYTES
	write_file "$@" &
	while_running $! $X 1536 main_decays
}
check_files() { (cd $MOUNT && cat /state/*.md5 | md5sum -c --quiet); }

# The blocks of a file of 6 MiB die, and it is written anew, in place. How many sectors is then in $REPLACED.
overwrite_dead() { # NAME
	local extent ranges
	extent=$(xfs_io -r -c fiemap $MOUNT/"$1" | awk '$3 ~ /^[0-9]+\.\./ {
		split($3, at, /\.\./)
		if (at[2] - at[1] > length_) { length_ = at[2] - at[1]; largest = at[1] " " at[2] + 1 }
	} END { print largest }')
	# shellcheck disable=SC2086
	mapfile -t ranges < <(random_ranges 12 9 $extent beneath "$1")
	goes_bad rw "${ranges[@]}"
	REPLACED=$(count_sectors "${ranges[@]}")
	write_file "$1" 6 "$1 again"
}
# Clusters of 128 KiB of which no file has a block: a file that gets one writes it first.
free_space_dies() { # WORD...
	local clusters ranges=() at i
	mapfile -t clusters < <(dumpe2fs $X 2>/dev/null | sed -n 's/^  Free blocks: //p' | tr -s ', ' '\n' |
		awk -F- 'NF == 2 { for (b = int(($1 + 31) / 32) * 32; b + 31 <= $2; b += 32) print b * 8 }')
	assert_num ${#clusters[@]} -gt 12
	draw_for free space "$@"
	for ((i = 0; i < 12; i++)); do
		draw_next ${#clusters[@]} && at=${clusters[DRAWN]}
		draw_next 248 && ranges+=("$((at + DRAWN)):9")
	done
	goes_bad rw "${ranges[@]}"
}

fill_dying_disk() { # TYPE MKFS...
	local type=$1 i
	shift
	rm -f /state/*.md5
	host heal main
	prepare "$(drive main)" "$(drive spare)"
	main_decays 40
	"$@" $X
	mount_x "$type"
	for i in 1 2 3 4; do
		write_decaying "file$i" 6
		[[ $type != ext4 ]] || free_space_dies after "file$i"
	done
	overwrite_dead file2
	cp $MOUNT/file1 $MOUNT/copy
	rm $MOUNT/file3 /state/file3.md5
	write_decaying file5 6
	umount_x
	check_x "$type"
	say "$STEPS steps: $(remap_get x remapped extents pending mode)"
	assert_num "$(remap_get x remapped)" -ge "$REPLACED"
	assert_num "$(remap_get x remapped)" -le "$(count_sectors "${BAD[@]}")" 'remapped: more than has gone bad'
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
	# What is written on the way out may meet a bad block as well.
	umount_x
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
	pattern file2 0 12288 >/dev/shm/file2
	(while :; do cat /dev/shm/file2 >$MOUNT/file2; done) &
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
