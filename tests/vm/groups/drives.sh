#!/bin/bash
# Real drives, as QEMU's SCSI and NVMe disks report their failures: what is healed, and what is not to be mistaken for it.
# on: 6.12
# vm: drives=main:32M:scsi-blkdebug,twin:32M:scsi,spare:8M:scsi-blkdebug
# vm: drives=nmain:32M:nvme-blkdebug,nspare:8M:nvme-blkdebug
# vm: drives=big:32M:scsi-blkdebug:4kn,emu:32M:scsi-blkdebug:512e
# vm: modules=required timeout=1200 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x
UEVENTS=/run/uevents

# prepare MAIN SPARE [SPARE-SECTORS]: device x over these drives, both healthy and blank; the drives' nodes in $MAIN and $SPARE.
prepare() {
	MAIN=$(drive "$1") SPARE=$(drive "$2")
	defer "host heal $1; host heal $2"
	wipe "$MAIN" "$SPARE"
	remap_create x "$MAIN" "$SPARE${3:+:0:$3}"
	: >$UEVENTS
}

# Events leave from a worker that no I/O waits for.
event_wait() { wait_for "grep -qx DM_REMAP_EVENT=$1 $UEVENTS" '' "the event $1"; }
event_count() { grep -cx "DM_REMAP_EVENT=$1" $UEVENTS || true; }

# random_writes_start: writes to the middle of x that go on until one fails; some are done when this returns.
random_writes_start() {
	local before
	before=$(disk_stat $X 5)
	fio --name=load --filename=$X --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bsrange=512-8k --bs_unaligned=0 \
		--offset=8M --size=16M --time_based --runtime=300 --randseed="$(random_number 2147483647 load)" --output=/dev/shm/load.log &
	LOAD=$!
	wait_for "test \$(disk_stat $X 5) -ge $((before + 100))" '' 'the load to begin'
}
load_has_failed() {
	if wait "$LOAD"; then fail "the load has seen no error"; fi
	assert_match "$(</dev/shm/load.log)" 'Input/output error|No data available|Remote I/O error|No such device' 'what fio says'
}

fsync_through() { dd if=/dev/zero of=$X bs=512 count=1 seek="$1" oflag=direct conv=fsync,notrunc status=none; } # SECTOR

# --- single sectors

medium_writes() { # MAIN SPARE
	prepare "$1" "$2"
	pattern_write $X 20400 200 old
	request_errors_mark
	host bad "$1" 1000:8 5003 20480:64
	pattern_write $X 20470 84 new
	assert_eq '-61' "$(request_errors "$MAIN")"
	pattern_check $X 20470 84 new
	pattern_check "$MAIN" 20470 10 new
	pattern_check "$MAIN" 20544 10 new
	assert_eq '64 64 0 1 ok' "$(remap_get x remapped used pending extents mode)"
	pattern_write $X 990 30 new
	pattern_write $X 5003 1 new
	assert_eq '73 73 0 3 ok' "$(remap_get x remapped used pending extents mode)"
	event_wait first_remap
	remap_again x
	pattern_check $X 20470 84 new
	pattern_check $X 990 30 new
	host heal "$1"
	pattern_check "$MAIN" 20480 64 old
	pattern_check $X 20400 70 old 84 new 46 old
	assert_eq 1 "$(event_count first_remap)"
}

medium_reads() { # MAIN SPARE
	prepare "$1" "$2"
	pattern_write $X 992 32 old
	host bad "$1" 1000:8 read
	assert_fail_with 'No data available' read_sectors $X 992 32
	assert_eq '1000 1001 1002 1003 1004 1005 1006 1007' "$(failing_sectors $X 998 12)"
	assert_eq '0 0 8 ok' "$(remap_get x remapped used pending mode)"
	event_wait pending
	remap_again x
	assert_eq '1002 1003' "$(failing_sectors $X 1002 2)"
	pattern_write $X 1004 1 new
	assert_eq '1 1 7' "$(remap_get x remapped used pending)"
	host heal "$1"
	pattern_check $X 992 12 old 1 new 19 old
	pattern_check "$MAIN" 992 32 old
}

# Errors that might be the whole drive's: a control block tells.
other_errors() { # ERROR ERROR-NUMBER
	prepare main spare
	pattern_write $X 2990 40 old
	request_errors_mark
	host bad main 1000:4 write "$1"
	host bad main 3000:2 read "$1"
	pattern_write $X 990 30 new
	assert_eq "-$2" "$(request_errors "$MAIN")"
	pattern_check $X 990 30 new
	pattern_check "$MAIN" 990 10 new
	pattern_check "$MAIN" 1004 16 new
	assert_eq '4 4 0 ok' "$(remap_get x remapped used pending mode)"
	assert_eq '3000 3001' "$(failing_sectors $X 2997 8)"
	assert_eq '4 4 2 ok' "$(remap_get x remapped used pending mode)"
	remap_again x
	host heal main
	pattern_check $X 990 30 new
	pattern_check $X 2990 40 old
}

# An error that does not come again leaves no trace.
transient_errors() {
	prepare main spare
	pattern_write $X 1000 8 old
	host bad main 1000 read times=1
	pattern_check $X 1000 8 old
	host heal main
	host bad main 1003 write times=1
	pattern_write $X 1000 8 new
	pattern_check "$MAIN" 1000 8 new
	assert_eq '0 0 0 1 1 ok' "$(remap_get x remapped used pending read_errors write_errors mode)"
}

# What is adjacent and on its way at once the block layer sends in one command. That fails as a whole, and says nothing of
# the blocks beside the bad ones.
joined_by_the_block_layer() {
	local each=(--filename=$X --direct=1 --ioengine=libaio --iodepth=16 --iodepth_batch=16 --bs=512 --size=8k)
	prepare main spare
	host bad main 1205:2 2405:2
	request_errors_mark
	fio --name=joined "${each[@]}" --offset=600k --rw=read --continue_on_error=io --output=/dev/shm/fio.log || true
	assert_match "$(<$TRACE/trace)" ' 1200 \+ 16 [^[]*\[-61\]' 'what has failed'
	assert_eq '0 2 ok' "$(remap_get x remapped pending mode)"
	fio --name=joined "${each[@]}" --offset=1200k --rw=write --verify=crc32c --output=/dev/shm/fio.log || fail "$(</dev/shm/fio.log)"
	assert_match "$(<$TRACE/trace)" ' 2400 \+ 16 [^[]*\[-61\]' 'what has failed'
	assert_eq '2 2 ok' "$(remap_get x remapped pending mode)"
}

four_kilobyte_blocks() {
	prepare big spare
	assert_eq '4096 4096' "$(blockdev --getss --getpbsz $X | xargs)"
	pattern_write $X 992 40 old
	host bad big 1003 2000:17
	pattern_write $X 992 24 new
	pattern_check $X 992 24 new 16 old
	pattern_check "$MAIN" 992 8 new
	pattern_check "$MAIN" 1008 8 new
	assert_eq '8 8 0 1 ok' "$(remap_get x remapped used pending extents mode)"
	assert_fail read_sectors $X 1992 40
	assert_eq '8 8 24' "$(remap_get x remapped used pending)"
	pattern_write $X 2008 8 new
	assert_eq '2000 2016' "$(failing_sectors $X 1992 40)"
	remap_again x
	assert_eq '16 16 16 ok' "$(remap_get x remapped used pending mode)"
	pattern_check $X 992 24 new
	pattern_check $X 2008 8 new
	host heal big
	pattern_check "$MAIN" 1000 8 old
	pattern_check $X 992 24 new
}

emulated_sectors() {
	prepare emu spare
	assert_eq '512 4096' "$(blockdev --getss --getpbsz $X | xargs)"
	pattern_write $X 992 40 old
	host bad emu 1003
	pattern_write $X 1000 8 new
	pattern_check $X 1000 8 new
	assert_eq '8 8 0 1 ok' "$(remap_get x remapped used pending extents mode)"
	remap_again x
	pattern_check $X 1000 8 new
	host heal emu
	pattern_check "$MAIN" 1000 8 old
	pattern_check $X 1000 8 new
}

# --- main as a whole

# A main that refuses all writes, in the middle of many.
read_only_under_load() { # ERROR SPARE-BLOCKS-AT-MOST
	prepare main spare
	pattern_write $X 1000 64 old
	random_writes_start
	host bad main '*' write "$1"
	load_has_failed
	event_wait main_read_only
	assert_eq main_read_only "$(remap_get x mode)"
	# Many more that fail.
	fio --name=more --filename=$X --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bs=512 --offset=24M --size=16k \
		--continue_on_error=write --ignore_error=EIO,5:61:121 --output=/dev/shm/more.log || true
	assert_match "$(</dev/shm/more.log)" 'errors *: total=32,' 'what fio says'
	assert_num "$(remap_get x used)" -le "$2"
	assert_eq "0 main_read_only" "$(remap_get x pending mode)"
	assert_eq 1 "$(event_count main_read_only)"
	pattern_check $X 1000 64 old
	remap_again x
	pattern_check $X 1000 64 old
	host heal main
	pattern_write $X 1000 64 new
	assert_num "$(remap_get x used)" -le "$2"
	assert_eq ok "$(remap_get x mode)"
}

# The same, as a drive says it that has locked itself: DATA PROTECT, write protected.
write_protected_under_load() {
	SPARE=$(drive spare)
	MAIN=$(scsi_debug_create dev_size_mb=32)
	defer scsi_debug_remove
	wipe "$SPARE"
	remap_create x "$MAIN" "$SPARE"
	: >$UEVENTS
	pattern_write $X 1000 64 old
	random_writes_start
	echo 1 >/sys/module/scsi_debug/parameters/wp
	load_has_failed
	event_wait main_read_only
	assert_fail pattern_write $X 1000 64 new
	assert_eq '0 0 0 main_read_only' "$(remap_get x used remapped pending mode)"
	pattern_check $X 1000 64 old
	echo 0 >/sys/module/scsi_debug/parameters/wp
	pattern_write $X 1000 64 new
	# What main is like is known from the last test; a new table has not asked yet.
	remap_again x
	assert_eq '0 ok' "$(remap_get x used mode)"
	pattern_check $X 1000 64 new
}

# gone_under_load MAIN SPARE TAKE-AWAY BRING-BACK: both are commands.
gone_under_load() {
	prepare "$1" "$2"
	defer "drive_now $1 >&2 || $4"
	host bad "$1" 1000:8
	pattern_write $X 990 30 old
	random_writes_start
	eval "$3"
	drive_gone "$1"
	load_has_failed
	# A drive on its way out is "offline", which is passed up as it is: ask it once more.
	assert_fail pattern_write $X 2000 8 new
	event_wait main_gone
	assert_fail read_sectors $X 990
	assert_fail pattern_write $X 990 10 new
	assert_fail fsync_through 990
	assert_eq '8 8 0 main_gone' "$(remap_get x remapped used pending mode)"
	assert_eq 1 "$(event_count main_gone)"
	pattern_check $X 1000 8 old
	dmsetup remove x
	eval "$4"
	MAIN=$(drive "$1")
	remap_create x "$MAIN" "$SPARE"
	assert_eq '8 8 0 ok' "$(remap_get x remapped used pending mode)"
	pattern_check $X 990 30 old
}

delete_disk() { echo 1 >"/sys/block/${MAIN##*/}/device/delete"; }
rescan_disks() {
	local scan
	for scan in /sys/class/scsi_host/host*/scan; do echo '- - -' >"$scan"; done
}

# Main goes on without its spare; only what lives on that fails.
spare_gone_under_load() { # MAIN SPARE
	prepare "$1" "$2"
	defer "drive_now $2 >&2 || host plug $2"
	host bad "$1" 1000:8
	pattern_write $X 990 30 old
	random_writes_start
	host unplug "$2"
	drive_gone "$2"
	pattern_write $X 2000 64 new
	assert_fail read_sectors $X 1000 8
	assert_fail pattern_write $X 1000 8 new
	host bad "$1" 3000
	assert_fail pattern_write $X 3000 1 new
	kill -0 "$LOAD"
	kill "$LOAD"
	wait "$LOAD" || true
	assert_not_contains "$(</dev/shm/load.log)" 'error=' 'what fio says'
	pattern_check $X 2000 64 new
	dmsetup remove x
	host plug "$2"
	SPARE=$(drive "$2")
	remap_create x "$MAIN" "$SPARE"
	pattern_check $X 990 30 old
	assert_eq ok "$(remap_get x mode)"
}

# --- flushes

main_fails_flushes() { # MAIN SPARE ERROR
	prepare "$1" "$2"
	fsync_through 100
	host bad "$1" flush "$3"
	assert_fail_with 'fsync failed' fsync_through 100
	event_wait flush_failed
	assert_fail_with 'fsync failed' fsync_through 100
	assert_eq '0 0 ok' "$(remap_get x used pending mode)"
	host heal "$1" flush
	fsync_through 100
}

spare_fails_flushes() { # MAIN SPARE ERROR
	prepare "$1" "$2"
	host bad "$1" 1000:64
	pattern_write $X 1000 8 old
	fsync_through 1000
	host bad "$2" flush "$3"
	# Nothing new is on the spare: its cache is no concern of theirs.
	fsync_through 100
	assert_eq 0 "$(event_count flush_failed)"
	assert_fail_with 'fsync failed' fsync_through 1000
	event_wait flush_failed
	assert_fail_with 'fsync failed' fsync_through 100
	# A remap whose data is not known to be durable is none.
	assert_fail pattern_write $X 1008 8 new
	assert_eq '8 8' "$(remap_get x remapped used)"
	pattern_check $X 1001 7 old
	host heal "$2" flush
	# The flush that failed for the remap may have lost what was acknowledged before: the next one says so, once.
	assert_fail_with 'fsync failed' fsync_through 100
	fsync_through 100
	pattern_write $X 1008 8 new
	pattern_check $X 1008 8 new
	assert_eq '16 16 ok' "$(remap_get x remapped used mode)"
}

# --- the rest

metadata_area_fails() { # MAIN SPARE
	local area
	prepare "$1" "$2" 4096
	host bad "$1" 1000:64 3000
	pattern_write $X 1000 8 old
	# Nothing in the spare's cache that a failed write of metadata might have taken along.
	fsync_through 100
	area=$((4096 - $(remap_get x total)))
	host bad "$2" "0:$area" write
	assert_fail pattern_write $X 1008 8 new
	event_wait member_failed
	assert_eq '8 metadata_failed' "$(remap_get x remapped mode)"
	pattern_check $X 1000 8 old
	pattern_write $X 1000 8 newer -- conv=fsync
	pattern_check $X 1000 8 newer
	assert_fail pattern_write $X 3000 1 new
	assert_eq '8 metadata_failed' "$(remap_get x remapped mode)"
	pattern_write $X 2998 2 new
	dmsetup remove x
	host heal "$2"
	remap_create x "$MAIN" "$SPARE:0:4096"
	assert_eq ok "$(remap_get x mode)"
	pattern_check $X 1000 8 newer
	pattern_check $X 2998 2 new
	pattern_write $X 1008 8 newest
	remap_again x
	pattern_check $X 1008 8 newest
}

# partition DISK [START SECTORS]...: a DOS table.
partition() {
	perl -e 'print pack("x440Vx2a64a2", 0xD15C0001, join("", map { pack("x4Cx3VV", 0x83, @ARGV[2 * $_, 2 * $_ + 1]) }
		0 .. $#ARGV / 2), "\x55\xaa");' -- "${@:2}" | write_sectors "$1" 0
	blockdev --rereadpt "$1"
}
forget_partitions() { wipe "$@" && for disk in "$@"; do blockdev --rereadpt "$disk"; done; }

sum_outside_partition_1() { cat <(head -c $((2049 * 512)) "$1") "${1}2" | md5sum; }

partitions() {
	local bare spare around_main around_spare
	bare=$(drive main) spare=$(drive spare)
	defer "forget_partitions $bare $spare; host heal main"
	wipe "$bare" "$spare"
	# Not aligned to anything.
	partition "$bare" 2049 20001 22050 20001
	partition "$spare" 2048 1001 3049 12000
	assert_eq '20001 20001 12000' "$(sectors_of "${bare}1") $(sectors_of "${bare}2") $(sectors_of "${spare}2")"
	around_main=$(sum_outside_partition_1 "$bare")
	around_spare=$(head -c $((3049 * 512)) "$spare" | md5sum)
	remap_create x "${bare}1" "${spare}2"
	pattern_write $X 980 60 old
	host bad main $((2049 + 1000)):8 $((2049 + 20000)) $((22050 + 5)) $((2049 + 7000))
	pattern_write $X 990 30 new
	pattern_write $X 19990 11 new
	assert_fail read_sectors $X 7000
	assert_eq '9 9 1 ok' "$(remap_get x remapped used pending mode)"
	remap_again x
	pattern_check $X 980 10 old 30 new 20 old
	pattern_check $X 19990 11 new
	cmp <(read_sectors "$bare" $((2049 + 990)) 10) <(pattern new 990 10)
	cmp <(read_sectors "$bare" $((2049 + 1008)) 12) <(pattern new 1008 12)
	host heal main
	cmp <(read_sectors "$bare" $((2049 + 1000)) 8) <(pattern old 1000 8)
	pattern_check $X 990 30 new
	blockdev --flushbufs "$bare"
	blockdev --flushbufs "$spare"
	assert_eq "$around_main" "$(sum_outside_partition_1 "$bare")" 'main outside its partition'
	assert_eq "$around_spare" "$(head -c $((3049 * 512)) "$spare" | md5sum)" 'the spare outside its partition'
	dmsetup remove x
	# The same size, on the same disk, but another partition.
	klog_mark
	assert_fail remap_create x "${bare}2" "${spare}2"
	assert_klog "table refused: spare [0-9:]+ belongs to main 'partuuid:[^']+', this main is 'partuuid:"
}

# A disk is known by what it says of itself, not by where it is plugged in.
identity() {
	local twin
	prepare main spare
	host bad main 1000:8
	pattern_write $X 990 30 new
	dmsetup remove x
	twin=$(drive twin)
	host unplug main
	host unplug twin
	drive_gone main
	drive_gone twin
	host plug twin
	twin=$(drive twin)
	host plug main
	MAIN=$(drive main)
	say "main is now $MAIN, its twin $twin"
	klog_mark
	assert_fail remap_create x "$twin" "$SPARE"
	assert_klog "table refused: spare [0-9:]+ belongs to main 'wwid:[^']+', this main is 'wwid:[^']+': name that main"
	assert_fail remap_create x "$twin" "$SPARE" format
	remap_create x "$MAIN" "$SPARE"
	pattern_check $X 990 30 new
}

stdbuf -oL udevadm monitor --kernel --property --subsystem-match=block >>$UEVENTS &
monitor=$!
modules_load
wait_for "grep -q KERNEL $UEVENTS" '' 'udevadm to listen'
test_case 'scsi: medium errors on writes are remapped, exactly' medium_writes main spare
test_case 'nvme: medium errors on writes are remapped, exactly' medium_writes nmain nspare
test_case 'scsi: medium errors on reads become pending' medium_reads main spare
test_case 'nvme: medium errors on reads become pending' medium_reads nmain nspare
test_case 'plain I/O errors are recovered after a test' other_errors io 5
test_case 'target errors are recovered after a test' other_errors errno=121 121
test_case 'errors that pass leave no trace' transient_errors
test_case 'a healthy block is not blamed for its neighbours' joined_by_the_block_layer
test_case 'a 4Kn main' four_kilobyte_blocks
test_case 'a 512e main' emulated_sectors
test_case 'main turns read-only under load: I/O errors' read_only_under_load io 0
test_case 'main turns read-only under load: target errors' read_only_under_load errno=121 0
test_case 'main turns read-only under load: medium errors' read_only_under_load medium 8
test_case 'main turns write-protected under load' write_protected_under_load
test_case 'scsi: main is unplugged under load' gone_under_load main spare 'host unplug main' 'host plug main'
test_case 'nvme: main is unplugged under load' gone_under_load nmain spare 'host unplug nmain' 'host plug nmain'
test_case 'main is deleted under load' gone_under_load main nspare delete_disk rescan_disks
test_case 'the spare is unplugged under load' spare_gone_under_load main spare
test_case 'scsi: main fails flushes' main_fails_flushes main spare io
test_case 'nvme: main fails flushes' main_fails_flushes nmain spare medium
test_case 'scsi: the spare fails flushes' spare_fails_flushes main spare medium
test_case 'nvme: the spare fails flushes' spare_fails_flushes main nspare medium
test_case 'the metadata cannot be written' metadata_area_fails main spare
test_case 'partitions as main and as spare' partitions
test_case 'a disk is known by its WWID' identity
modules_unload
kill $monitor
