#!/bin/bash
# What went wrong in another project that does the same job: each of its mistakes, and that it is none of ours.
# on: 6.1
# vm: drives=main:256M:virtio-blkdebug,spare:4M:virtio-blkdebug,large:8M:virtio,other:24M:virtio modules=required timeout=1200 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x

# prepare [RANGE...]: device x over a main with these bad sectors, that holds 'old' at 960..1087, and a blank spare.
#
# With each write that fails the engine asks five blocks of its own choice whether main is there, and one that answers is
# enough. A 64th of main at most is bad here: all five are, of thousands of times, once in some million runs.
prepare() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	pattern_write "$MAIN" 960 128 old
	bad_create bad "$MAIN" "$@"
	remap_create x /dev/mapper/bad "$SPARE"
}

write_is_not_lost() {
	prepare 1000
	pattern_write $X 1000 1 new
	pattern_check $X 1000 1 new
}

lost_data_is_an_error() {
	prepare 1000:2
	assert_fail_with 'No data available' read_sectors $X 1000
	remap_again x
	assert_fail_with 'No data available' read_sectors $X 1000
	# Never read before this life:
	assert_fail_with 'No data available' read_sectors $X 1001
}

# The pool to its last block: all data lies behind the area, all metadata in it.
data_and_metadata_apart() {
	local total start file
	prepare 2048:8192
	total=$(remap_get x total) start=$(data_start "$SPARE" x)
	file=$(mktemp /dev/shm/pattern.XXXXXX)
	defer "rm $file"
	pattern new 2048 "$total" >"$file"
	write_sectors $X 2048 "$total" <"$file"
	assert_eq "$total $total spare_exhausted" "$(remap_get x remapped used mode)"
	assert_fail pattern_write $X $((2048 + total)) 1 more
	assert_eq 0 "$(read_sectors "$SPARE" 0 "$start" | grep -ac 'pattern new')"
	remap_again x
	assert_eq "$total" "$(remap_get x remapped)"
	cmp "$file" <(read_sectors $X 2048 "$total")
	cmp <(sort "$file") <(read_sectors "$SPARE" "$start" "$total" | sort)
	# Another million bytes of commits do not reach the data.
	write_sectors $X 2048 "$total" <"$file"
	assert_fail read_sectors $X $((2048 + total)) 512
	remap_again x
	cmp "$file" <(read_sectors $X 2048 "$total")
}

neighbours_stay() {
	prepare 1000
	pattern_write $X 1000 1 new
	pattern_write $X 1000 64 newer
	assert_eq '1 1' "$(remap_get x remapped used)"
	pattern_check "$MAIN" 1001 63 newer
	pattern_check $X 1000 64 newer
	pattern_write $X 960 41 newest
	assert_eq '1 1' "$(remap_get x remapped used)"
	pattern_check "$MAIN" 960 40 newest
	pattern_check $X 960 41 newest
}

spanning_bio_is_cut() {
	prepare 1000:2 1010
	pattern_write $X 1000 2 new
	pattern_write $X 1010 1 new
	bad_change bad "$MAIN"
	pattern_write $X 960 128 newer
	pattern_check "$MAIN" 1000 2 old
	pattern_check "$MAIN" 1010 1 old
	pattern_check "$MAIN" 1002 8 newer
	pattern_check $X 960 128 newer
	assert_eq 3 "$(remap_get x remapped)"
}

# raw_prepare: without a table of several targets below, each of which would get every flush.
raw_prepare() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	defer 'host heal main; host heal spare'
	host bad main 1000
	remap_create x "$MAIN" "$SPARE"
	pattern_write $X 1000 1 new
}
flushes() { echo "$(disk_stat "$MAIN" 16) $(disk_stat "$SPARE" 16)"; }

fsync_reaches_both() {
	local main spare
	raw_prepare
	pattern_write $X 1000 1 newer conv=notrunc,fsync
	read -r main spare < <(flushes)
	pattern_write $X 1000 1 newest conv=notrunc,fsync
	assert_eq "$((main + 1)) $((spare + 1))" "$(flushes)"
	# Nothing was written to the spare since.
	pattern_write $X 900 1 new conv=notrunc,fsync
	assert_eq "$((main + 2)) $((spare + 1))" "$(flushes)"
}

failed_flush_is_told() {
	local drive
	raw_prepare
	for drive in spare main; do
		klog_mark
		host bad $drive flush
		assert_fail pattern_write $X 999 2 newer conv=notrunc,fsync
		klog_wait 'dm-remap: x: .* failed a flush'
		host heal $drive flush
		pattern_write $X 999 2 newest conv=notrunc,fsync
	done
	assert_eq '1 ok' "$(remap_get x remapped mode)"
	# The spare has nothing to flush: main's failure is noticed where no name can be asked for.
	dmsetup rename x y
	defer 'dm_remove_if_there y'
	host bad main flush
	assert_fail pattern_write /dev/mapper/y 900 1 newer conv=notrunc,fsync
	klog_wait 'dm-remap: y: main failed a flush'
	host heal main flush
}

# The spare's own write goes through its cache.
fua_reaches_the_spare() {
	local main spare
	raw_prepare
	pattern_write $X 1000 1 newer conv=notrunc,fsync
	read -r main spare < <(flushes)
	pattern_write $X 1000 1 newest oflag=direct,dsync,seek_bytes
	assert_num "$(flushes | cut -d' ' -f2)" -gt "$spare" "flushes of the spare after a synchronous write"
}

many_remaps() {
	local large
	prepare 8192:4400
	large=$(drive large)
	wipe "$large"
	dmsetup remove x
	remap_create x /dev/mapper/bad "$large"
	# Every other sector: no two of them are one extent.
	fio --name=many --filename=$X --direct=1 --ioengine=psync --offset=4M --size=2252800 --rw=write:512 \
		--bs=512 --output=/dev/shm/fio.log || fail "$(cat /dev/shm/fio.log)"
	assert_eq '2200 2200 ok' "$(remap_get x extents remapped mode)"
	# The sectors between them come from main.
	bad_change bad "$MAIN"
	read_sectors $X 8192 4400 | sha256sum >/dev/shm/before
	remap_again x
	assert_eq '2200 2200 ok' "$(remap_get x extents remapped mode)"
	read_sectors $X 8192 4400 | sha256sum | cmp /dev/shm/before
}

second_suspend() {
	local i
	prepare 1000
	for i in 1 2 3; do
		pattern_write $X 1000 1 "life$i"
		dmsetup suspend x
		dmsetup suspend x
		dmsetup resume x
		dmsetup resume x
		pattern_check $X 1000 1 "life$i"
	done
	dmsetup suspend x
	dmsetup remove x
}

spare_of_another_main() {
	prepare 1000
	pattern_write $X 1000 1 new
	dmsetup remove x
	klog_mark
	assert_fail remap_create y "$(drive other)" "$SPARE"
	assert_klog 'table refused: spare .* belongs to a set whose main had 524288 sectors, this main has 49152'
	remap_create x /dev/mapper/bad "$SPARE"
	pattern_check $X 1000 1 new
}

messages_answer() {
	local word
	prepare 1000 1002
	pattern_write $X 1000 1 new
	assert_fail read_sectors $X 1002
	for word in help status stats health cache_stats; do
		assert_contains "$(dmsetup message x 0 help)" "$word: "
		assert_ne '' "$(dmsetup message x 0 $word)"
	done
	assert_match "$(dmsetup message x 0 status)" '^mode=ok health=[0-9]+
main sectors=524288 block_bytes=512 physical_block_bytes=512
map generation=[0-9]+ extents=2 max_extents=[0-9]+ mappings=1 remapped_sectors=1 pending_sectors=1 lost_sectors=0
pool members=1 total_sectors=[0-9]+ used_sectors=1 bad_sectors=0 free_sectors=[0-9]+ main_permille=11
spare number=0 device=[0-9:]+ state=active start=0 total_sectors=[0-9]+ used_sectors=1 bad_sectors=0
scrub state=none at=0 end=524288 rate=0 begun=0 last_complete=0 read_sectors=0 rescued_sectors=0 pending_sectors=0 spare_moved_sectors=0 spare_unreadable_sectors=0$'
	assert_match "$(dmsetup message x 0 stats)" '^errors read=[1-9][0-9]* write=[1-9][0-9]* last_hour=[1-9][0-9]* last_time=[1-9][0-9]{9} unrecovered=1
remaps blocks=1 last_hour=1 last_time=[1-9][0-9]{9} untested=0 rescued=0 moved=0
slow_path requests=[0-9]+ commits=2 checkpoints=[0-9]+$'
	assert_match "$(dmsetup message x 0 health)" '^health=[0-9]+ mode=ok errors_last_hour=[0-9]+ pending_sectors=1 spare_used_sectors=1 spare_total_sectors=[0-9]+ lost_sectors=0 error_rate_per_hour=[1-9][0-9]* errors_last_day=[1-9][0-9]* error_rate_per_hour_of_day=[0-9]+\.[0-9]{2} trend=unknown consecutive_errors=[0-9]+$'
	assert_match "$(dmsetup message x 0 cache_stats)" '^index extents=2 mapped_extents=1 bytes=[0-9]+
region_filter regions=[0-9]+ set=2 region_sectors=[0-9]+$'
	assert_eq '' "$(dmsetup message x 0 clear_stats)"
	assert_contains "$(dmsetup message x 0 stats)" 'remaps blocks=0 last_hour=0 last_time=0'
}

sysfs_is_there() {
	prepare 1000
	pattern_write $X 1000 1 new
	assert_eq '1 1 1' "$(cat /sys/kernel/dm_remap/devices/x/{total_remaps,active_mappings,remapped_sectors} | xargs)"
	assert_eq '1 1 1' "$(cat /sys/kernel/dm_remap/{total_remaps,active_mappings,remapped_sectors} | xargs)"
}

# What was acknowledged is there after the power was cut, though nobody has asked for a flush.
before_the_cut() {
	prepare 1000:8 3000:8
	pattern_write $X 992 24 new
	assert_fail read_sectors $X 3000 8
}

after_the_cut() {
	MAIN=$(drive main) SPARE=$(drive spare)
	bad_create bad "$MAIN" 1000:8 3000:8
	remap_create x /dev/mapper/bad "$SPARE"
	assert_eq '8 8 8' "$(remap_get x remapped used pending)"
	pattern_check $X 1000 8 new
	assert_eq '3000 3001 3002 3003 3004 3005 3006 3007' "$(failing_sectors $X 2998 12)"
	bad_change bad "$MAIN"
	pattern_check $X 1000 8 new
	dmsetup remove x
}

modules_load
case $PHASE in
1)
	test_case 'a write to a bad block is not lost' write_is_not_lost
	test_case 'lost data is an error, never zeros' lost_data_is_an_error
	test_case 'data and metadata never share a sector of the spare' data_and_metadata_apart
	test_case 'healthy sectors of a write at a remapped block stay on main' neighbours_stay
	test_case 'a bio that spans a remap is cut there' spanning_bio_is_cut
	test_case 'fsync reaches both disks' fsync_reaches_both
	test_case 'a flush that fails on either disk fails the fsync' failed_flush_is_told
	test_case 'FUA reaches the spare' fua_reaches_the_spare
	test_case 'more than 2048 remaps' many_remaps
	test_case 'a second suspend' second_suspend
	test_case 'the spare of another main is refused' spare_of_another_main
	test_case 'messages are answered on stdout' messages_answer
	test_case 'sysfs is registered' sysfs_is_there
	test_case 'remaps and pending blocks before a power cut' before_the_cut
	power_cut
	;;
2)
	test_case 'metadata is durable, not only in memory' after_the_cut
	modules_unload
	;;
esac
