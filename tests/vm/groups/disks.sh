#!/bin/bash
# Disks of all kinds as main and as spare, I/O of all kinds, and who may use what.
# on: 6.1
# vm: drives=main:16M:virtio,spare:8M:virtio,two:16M:virtio,room:8M:virtio modules=required timeout=1200
# vm: drives=emu:16M:scsi:512e,big:16M:scsi:4kn,parts:32M:scsi,twin:32M:scsi smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x Y=/dev/mapper/y

# --- where it lies

# The second target of a table, and another remap target behind it.
not_at_0() {
	local two
	MAIN=$(drive main) SPARE=$(drive spare) two=$(drive two)
	wipe "$MAIN" "$SPARE" "$two" "$(drive room)"
	bad_create bad "$MAIN" 0:2 1000:8 8191
	bad_create bad2 "$two" 0 4095
	dm_create x <<-END
		0 1001 linear $two 20480
		1001 8192 remap /dev/mapper/bad $SPARE 0 16384
		9193 4096 remap /dev/mapper/bad2 $(drive room) 0 16384
	END
	pattern_write $X 990 1200 new
	pattern_write $X 9100 4189 new
	pattern_check $X 990 1200 new
	pattern_check $X 9100 4189 new
	cmp <(read_sectors $X 1003 900) <(read_sectors "$MAIN" 2 900)
	assert_eq '11 11 2 2' "$(dmsetup status x | awk '$3 == "remap" { print $6, $10 }' | xargs)"
	assert_eq '11 2' "$(cat /sys/kernel/dm_remap/devices/{x,x@9193}/total_remaps | xargs)"
	dmsetup table x >/dev/shm/table
	dmsetup remove x
	dmsetup create x </dev/shm/table
	pattern_check $X 990 1200 new
	pattern_check $X 9100 4189 new
}
# mbr_write DEVICE START:SECTORS...: a partition table. mbr, with the same words: which the kernel is told of.
mbr_write() {
	perl -e 'my $t = "\0" x 440 . pack("V", 0x12345678) . "\0\0";
		for (@ARGV) { my ($s, $n) = split /:/; $t .= pack("C4 C4 V V", 0, 0, 0, 0, 0x83, 0, 0, 0, $s, $n); }
		print $t, "\0" x (510 - length $t), "\x55\xaa";' "${@:2}" | write_sectors "$1" 0 1
}
mbr() { mbr_write "$@" && blockdev --rereadpt "$1"; }

partitions() {
	local disk main spare
	disk=$(drive parts)
	wipe "$disk"
	mbr "$disk" 2049:16384 18433:16384
	main=${disk}1 spare=${disk}2
	wait_for "test -b $main -a -b $spare"
	pattern_write "$disk" 2000 49 before
	host bad parts 2049 3049:8 18432
	defer 'host heal parts'
	remap_create x "$main" "$spare"
	pattern_write $X 0 100 new
	pattern_write $X 900 200 new
	pattern_write $X 16300 84 new
	host heal parts
	assert_eq 10 "$(remap_get x remapped)"
	pattern_check $X 0 100 new
	pattern_check $X 900 200 new
	pattern_check $X 16300 84 new
	pattern_check "$disk" 2000 49 before
	cmp <(read_sectors "$disk" 2050 99) <(read_sectors $X 1 99)
	# The first sector of the spare is its superblock, not a write gone astray.
	remap_again x
	pattern_check $X 16300 84 new
	assert_refused "main $disk cannot be opened (-EBUSY): it is mounted, or part of another device" \
		remap_create y "$disk" "$(drive room)"
	dmsetup remove x
	# The same partition, another partition table: the identity tells.
	mbr "$disk" 18433:16384 2049:16384
	wait_for "test -b $main -a -b $spare"
	klog_mark
	assert_fail remap_create x "$spare" "$main"
	assert_klog "belongs to main 'partuuid:12345678-01', this main is 'partuuid:12345678-02'"
}

# Of a partition of which it was told by BLKPG the kernel knows no UUID. Neither its disk nor its neighbour is taken for it.
nameless() {
	local disk spare before name="''"
	disk=$(drive parts) spare=$(drive spare)
	! kernel_names_disks || name="'wwid:"
	wipe "$disk" "$spare"
	mbr "$disk"
	mbr_write "$disk" 2048:16384 18432:16384
	partx --add "$disk"
	defer "partx --delete $disk"
	wait_for "test -b ${disk}1 -a -b ${disk}2"
	host bad parts $((2048 + 1000)):8
	defer 'host heal parts'
	remap_create x "${disk}1" "$spare"
	pattern_write $X 992 24 old
	dmsetup remove x
	host heal parts
	before=$(sum_of "$spare")
	klog_mark
	assert_fail dm_create x "0 16384 remap $disk $spare 0 $(sectors_of "$spare")"
	assert_klog "belongs to a main that is a partition, 'start:2048', this one is a whole disk: name that main"
	klog_mark
	assert_fail remap_create x "${disk}2" "$spare"
	assert_klog "belongs to main 'start:2048', this main is 'start:18432': name that main"
	assert_eq "$before" "$(sum_of "$spare")"
	# The kernel learns its UUID from the partition table, and so does the set.
	partx --delete "$disk"
	mbr "$disk" 2048:16384 18432:16384
	wait_for "test -b ${disk}1"
	remap_create x "${disk}1" "$spare"
	pattern_check $X 992 24 old
	assert_klog "x: main is recorded as 16384 sectors, identity 'partuuid:12345678-01', disk $name"
	dmsetup remove x
}

# A copy of a whole disk has the same partitions, by their UUIDs, too. It passes for main only if it is told to.
cloned() {
	local disk twin spare before of_disk=() of_twin=()
	disk=$(drive parts) twin=$(drive twin) spare=$(drive spare)
	kernel_names_disks || of_disk=(main_id DISK) of_twin=(main_id TWIN)
	wipe "$disk" "$twin" "$spare"
	mbr "$disk" 2048:16384
	wait_for "test -b ${disk}1"
	host bad parts $((2048 + 1000)):8
	defer 'host heal parts'
	remap_create x "${disk}1" "$spare" "${of_disk[@]}"
	pattern_write $X 992 24 old
	host bad parts $((2048 + 2000)):1
	assert_fail read_sectors $X 2000
	dmsetup remove x
	host heal parts
	dd if="$disk" of="$twin" bs=1M oflag=direct status=none
	blockdev --rereadpt "$twin"
	wait_for "test -b ${twin}1"
	before=$(sum_of "$spare")
	klog_mark
	assert_fail remap_create x "${twin}1" "$spare" "${of_twin[@]}"
	assert_klog "table refused: spare .*: its main is on disk '(wwid:[0-9a-f]+|DISK)', this one, of the same PARTUUID, on '(wwid:[0-9a-f]+|TWIN)': a copy; name the one that was in use"
	assert_eq "$before" "$(sum_of "$spare")"
	# A raw copy of main and the spare of main are a good set.
	remap_create x "${twin}1" "$spare" "${of_twin[@]}" new_main
	assert_klog "x: main is another disk \('new_main'\): 1 blocks of 512 bytes that could not be read from the old one are lost"
	pattern_check $X 992 24 old
	# But what could not be read is on nobody's disk, whatever the copy has there.
	assert_fail read_sectors $X 2000
	assert_contains "$(dmsetup message x 0 status)" 'pending_sectors=0 lost_sectors=1'
	assert_not_contains "$(dmsetup table x)" new_main
	remap_again x
	pattern_check $X 992 24 old
	dmsetup remove x
	assert_fail remap_create x "${disk}1" "$spare" "${of_disk[@]}"
}

# Where the kernel knows nothing of a disk, the table does.
known_by_the_table() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	remap_create x "$MAIN" "$SPARE" main_id VENDOR_MODEL_1 read_retries 1
	assert_contains "$(dmsetup table x)" ' 4 main_id VENDOR_MODEL_1 read_retries 1'
	remap_again x
	dmsetup remove x
	assert_refused "spare $(number_of "$SPARE") belongs to main 'VENDOR_MODEL_1', this main is 'VENDOR_MODEL_2': name that main; \
if this is a raw copy of it, to be main from now on, add 'new_main'; to give its map up: docs/administration.md" \
		remap_create x "$(drive two)" "$SPARE" main_id VENDOR_MODEL_2
	remap_create x "$(drive two)" "$SPARE" main_id VENDOR_MODEL_2 new_main
	remap_again x
	dmsetup remove x
	assert_fail remap_create x "$MAIN" "$SPARE" main_id VENDOR_MODEL_1
}

# kind DRIVE LOGICAL PHYSICAL BAD EXPECTED: a write over a bad sector, and what it takes along.
kind_of_main() {
	local main spare
	main=$(drive "$1") spare=$(drive spare)
	wipe "$main" "$spare"
	host bad "$1" 1003
	defer "host heal $1"
	remap_create x "$main" "$spare"
	assert_eq "$2 $3" "$(blockdev --getss --getpbsz $X | xargs)"
	pattern_write $X 992 32 new
	host heal "$1"
	pattern_check $X 992 32 new
	assert_eq "$4" "$(remap_get x remapped)"
	remap_again x
	pattern_check $X 992 32 new
	pattern_write $X 1000 8 newer
	pattern_check $X 1000 8 newer
	assert_eq "$4" "$(remap_get x remapped)"
}

small_main_large_spare() {
	assert_refused "spare $(drive big) has logical blocks of 4096 bytes, larger than main's of 512" \
		remap_create x "$(drive main)" "$(drive big)"
}

ranges_of_4kn() {
	local main spare
	main=$(drive big) spare=$(drive spare)
	assert_refused "start 4 on spare $spare is not a multiple of main's block of 8 sectors" \
		remap_create x "$main" "$spare:4:8192"
	assert_refused "length 8190 on spare $spare is not a multiple of main's block of 8 sectors" \
		remap_create x "$main" "$spare:8:8190"
	assert_refused "length 1004 of the table is not a multiple of main's block of 8 sectors" \
		dm_create x "0 1004 remap $main $spare 0 8192"
}

# --- discard, write-zeroes, NOWAIT

# raw_prepare RANGE...: over the drive itself, since dm's error target has no NOWAIT, and on 6.1 no discards.
raw_prepare() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	host bad main "$@"
	defer 'host heal main'
	remap_create x "$MAIN" "$SPARE"
}

discards() {
	raw_prepare 1000:4
	pattern_write $X 992 32 new
	host heal main
	pattern_write "$MAIN" 1000 4 old
	blkdiscard -o $((990 * 512)) -l $((40 * 512)) $X
	assert_eq '4 4 0' "$(remap_get x remapped used pending)"
	# The discard has not reached main's blocks that are remapped.
	pattern_check "$MAIN" 1000 4 old
	pattern_write $X 1000 4 newer
	pattern_check $X 1000 4 newer
	pattern_check "$MAIN" 1000 4 old
}

zeroes() {
	remap_over_bad 1000:4 1010:2
	pattern_write $X 992 32 new
	assert_eq 6 "$(remap_get x remapped)"
	bad_change bad "$MAIN" 1010:2 1020:2
	pattern_write "$MAIN" 1000 4 old
	assert_fail read_sectors $X 1020 2
	fallocate --zero-range --offset $((992 * 512)) --length $((32 * 512)) $X
	cmp <(read_sectors $X 992 32) <(head -c 16384 /dev/zero)
	pattern_check "$MAIN" 1000 4 old
	assert_eq '8 0' "$(remap_get x remapped pending)"
}

nowait() {
	raw_prepare 1000:4
	pattern_write $X 1000 1 new
	# On main, on the spare: served. On a bad block: recovered, or the caller is told to come again.
	xfs_io -d -c "pwrite -q -V 1 -N -S 0x41 $((900 * 512)) 512" -c "pwrite -q -V 1 -N -S 0x41 $((1000 * 512)) 512" $X
	xfs_io -d -c "pwrite -q -V 1 -N -S 0x41 $((1001 * 512)) 512" $X 2>&1 | tee /dev/shm/nowait
	[[ ! -s /dev/shm/nowait ]] || assert_contains "$(</dev/shm/nowait)" 'Resource temporarily unavailable'
	cmp <(read_sectors $X 900 1) <(head -c 512 /dev/zero | tr '\0' A)
	cmp <(read_sectors $X 1000 1) <(head -c 512 /dev/zero | tr '\0' A)
	pattern_write $X 1001 1 new
	pattern_check $X 1001 1 new
}

# --- who may use what

claims() {
	local main spare two
	remap_over_bad
	two=$(drive two) main=$(number_of /dev/mapper/bad) spare=$(number_of "$SPARE")
	assert_refused "$spare sectors 0..16383 are in use by remap device 'x'" remap_create y "$two" "$SPARE"
	assert_refused "$spare sectors 8192..12287 are in use by remap device 'x'" remap_create y "$two" "$SPARE:8192:4096"
	assert_refused "$main sectors 0..32767 are in use by remap device 'x'" \
		remap_create y /dev/mapper/bad "$(drive room)"
	assert_refused "$main sectors 0..16383 are in use by remap device 'x'" \
		remap_create y "$two" "/dev/mapper/bad:0:16384"
	assert_refused "$spare sectors 0..16383 are in use by remap device 'x'" \
		remap_create y "$SPARE" "$(drive room)"
	assert_refused "$(number_of "$two") sectors 8192..16383 are named twice in this table" \
		remap_create y "$two" "$two:8192:8192"
	dmsetup remove x
	wipe "$SPARE"
	remap_create x /dev/mapper/bad "$SPARE:0:8192"
	assert_refused "$spare sectors 8184..8191 are in use by remap device 'x'" remap_create y "$two" "$SPARE:8184:8200"
	remap_create y "$two" "$SPARE:8192:8192"
	pattern_write $X 0 8 x
	pattern_write $Y 0 8 y
}

copies() {
	remap_over_bad 1000
	pattern_write $X 1000 1 new
	wipe "$(drive two)" "$(drive room)"
	dd if="$SPARE" of="$(drive room)" bs=1M oflag=direct status=none
	klog_mark
	assert_fail remap_create y "$(drive two)" "$(drive room)"
	assert_klog "table refused: member 0, UUID [0-9a-f-]{36}, is a copy of one in use by remap device 'x': name the one that was"
}

mounted() {
	local spare
	spare=$(drive spare)
	wipe "$spare" "$(drive main)"
	mkfs.ext4 -qF "$spare"
	mkdir -p /run/mounted
	mount "$spare" /run/mounted
	defer 'umount /run/mounted'
	assert_refused "spare $spare cannot be opened (-EBUSY): it is mounted, or part of another device" \
		remap_create x "$(drive main)" "$spare" format
}

modules_load
test_case 'tables that do not start at 0' not_at_0
test_case 'partitions as main and as spare' partitions
test_case 'a partition without PARTUUID is known by its place' nameless
test_case 'a copy of a disk is no main' cloned
test_case 'a disk that only the table knows' known_by_the_table
test_case '4Kn: the block is 4 KiB' kind_of_main big 4096 4096 8
test_case '512e: the block is 512 bytes, and 8 of them fail as one' kind_of_main emu 512 4096 8
test_case 'a spare with larger blocks is refused' small_main_large_spare
test_case '4Kn: ranges are whole blocks' ranges_of_4kn
test_case 'discards never change the map' discards
test_case 'zeroes across remaps' zeroes
test_case 'NOWAIT' nowait
test_case 'no two devices use one disk' claims
test_case 'a copy of a spare in use is refused' copies
test_case 'a mounted spare is refused' mounted
modules_unload
