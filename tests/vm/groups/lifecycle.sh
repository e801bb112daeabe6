#!/bin/bash
# A device's life: made, suspended, reloaded, renamed, removed; over disks of all kinds; and who may use what.
# vm: drives=main:16M:virtio,spare:8M:virtio,two:16M:virtio,room:8M:virtio modules=required timeout=1200
# vm: drives=emu:16M:scsi:512e,big:16M:scsi:4kn,parts:32M:scsi
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x Y=/dev/mapper/y

# prepare [RANGE...]: device x over a main with these bad sectors and a blank spare.
prepare() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	bad_create bad "$MAIN" "$@"
	remap_create x /dev/mapper/bad "$SPARE"
}

# --- suspend, reload, remove

suspended_and_removed() {
	prepare 1000
	pattern_write $X 990 20 new
	dmsetup suspend x
	dmsetup suspend --noflush x
	assert_eq 1 "$(remap_get x remapped)"
	assert_fail_with 'Device or resource busy' dmsetup message x 0 clear_stats
	dmsetup resume x
	dmsetup suspend x
	dmsetup resume x
	pattern_check $X 990 20 new
	dmsetup suspend x
	dmsetup remove x
	remap_create x /dev/mapper/bad "$SPARE"
	pattern_check $X 990 20 new
}

refused_table() {
	prepare 1000
	pattern_write $X 990 20 new
	assert_fail dmsetup load x --table "$(remap_line /dev/mapper/bad "$SPARE" frobnicate)"
	assert_fail dmsetup load x --table "$(remap_line /dev/mapper/bad "$(drive main)")"
	pattern_check $X 990 20 new
	dmsetup suspend x
	assert_fail dmsetup load x --table "$(remap_line /dev/mapper/bad "$SPARE" read_retries)"
	dmsetup resume x
	pattern_check $X 990 20 new
	pattern_write $X 1000 1 newer
	pattern_check $X 1000 1 newer
}

# A table that was loaded and not used has written nothing; what came in between is seen at resume.
loading_writes_nothing() {
	local before
	prepare
	dmsetup remove x
	wipe "$SPARE"
	before=$(sum_of "$SPARE")
	dmsetup create x --notable
	defer 'dm_remove_if_there x'
	dmsetup load x --table "$(remap_line /dev/mapper/bad "$SPARE")"
	assert_eq "$before" "$(sum_of "$SPARE")"
	dmsetup clear x
	dmsetup load x --table "$(remap_line /dev/mapper/bad "$SPARE")"
	pattern_write "$SPARE" 5 1 foreign
	before=$(sum_of "$SPARE")
	klog_mark
	assert_fail dmsetup resume x
	assert_klog 'dm-remap: x: cannot be resumed: spare 0 is not blank any more: something wrote to it since the table was loaded; load the table again'
	assert_eq "$before" "$(sum_of "$SPARE")"
}

# The new table goes on with the newest state, not with that of the time when it was loaded.
reload_keeps_newest() {
	prepare 1000:8
	pattern_write $X 1000 2 one
	dmsetup load x --table "$(remap_line /dev/mapper/bad "$SPARE" read_retries 2)"
	pattern_write $X 1002 2 two
	assert_fail read_sectors $X 1006 2
	dmsetup suspend x
	dmsetup resume x
	assert_contains "$(dmsetup table x)" '2 read_retries 2'
	assert_eq '4 2 4' "$(remap_get x remapped pending remaps)"
	pattern_check $X 1000 2 one
	pattern_check $X 1002 2 two
}

in_use() {
	local module
	prepare
	for module in dm-remap dm-remap-metadata dm-remap-spare-pool dm-remap-reassembly; do
		assert_fail_with 'in use' rmmod $module
	done
	exec {held}<$X
	assert_fail_with 'busy' dmsetup remove x
	exec {held}<&-
	dmsetup remove x
}

# --- what it says

words() {
	local total
	prepare 1000:4
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$SPARE") 0 16384" "$(dmsetup table x)"
	pattern_write $X 1000 2 new
	assert_fail read_sectors $X 1002 2
	total=$(remap_get x total)
	assert_match "$(dmsetup status x)" "^0 32768 remap [0-9]+ 2/[0-9]+ 2 2 2/$total 0 2 [1-9][0-9]* [1-9][0-9]* [0-9]+ 1 \
$(number_of "$SPARE"):active:2/$total ok$"
	dm_reload x "$(remap_line /dev/mapper/bad "$SPARE" read_retries 0 format)"
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$SPARE") 0 16384 2 read_retries 0" "$(dmsetup table x)"
	assert_eq '2 2' "$(remap_get x remapped pending)"
	assert_eq 2 "$(dmsetup deps x | grep -o '([0-9]*, [0-9]*)' | wc -l)"
}

first_remap_is_an_event() {
	local before
	prepare 1000:4
	before=$(dm_event_nr x)
	dm_wait_event x "$before" 30 &
	pattern_write $X 1000 1 new
	wait $!
	assert_eq $((before + 1)) "$(dm_event_nr x)"
	pattern_write $X 1001 1 new
	assert_fail read_sectors $X 1002
	wait_for "(( \$(dm_event_nr x) == $((before + 2)) ))" 30 'the event of the first pending block'
}

# --- read-only

read_only() {
	local before writes
	prepare 1000:4
	pattern_write $X 990 12 new
	dmsetup remove x
	dmsetup remove bad
	blockdev --setro "$MAIN" "$SPARE"
	defer "blockdev --setrw $MAIN $SPARE"
	dmsetup create bad --readonly < <(bad_table "$MAIN" 1000:4)
	defer 'dm_remove_if_there bad'
	before="$(sum_of "$MAIN") $(sum_of "$SPARE")"
	writes="$(disk_stat "$MAIN" 5) $(disk_stat "$SPARE" 5)"
	assert_fail remap_create x /dev/mapper/bad "$SPARE"
	dmsetup create x --readonly --table "$(remap_line /dev/mapper/bad "$SPARE")"
	defer 'dm_remove_if_there x'
	pattern_check $X 990 12 new
	assert_eq '1002 1003' "$(failing_sectors $X 999 8)"
	assert_eq '2 2 read_only' "$(remap_get x remapped pending mode)"
	assert_fail pattern_write $X 990 1 no
	dmsetup suspend x
	dmsetup resume x
	assert_eq 2 "$(remap_get x pending)"
	dmsetup remove x
	assert_eq "$writes" "$(disk_stat "$MAIN" 5) $(disk_stat "$SPARE" 5)"
	assert_eq "$before" "$(sum_of "$MAIN") $(sum_of "$SPARE")"
}

read_only_formats_nothing() {
	local spare
	spare=$(drive spare)
	wipe "$(drive main)" "$spare"
	assert_refused "spare $(number_of "$spare") would have to be formatted, and a read-only table writes nothing: load the \
table read-write once, or name a spare that is in use already" \
		dmsetup create x --readonly --table "$(remap_line "$(drive main)" "$spare")"
	cmp "$spare" <(head -c 8M /dev/zero)
}

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
# mbr DEVICE START:SECTORS...: a partition table.
mbr() {
	perl -e 'my $t = "\0" x 440 . pack("V", 0x12345678) . "\0\0";
		for (@ARGV) { my ($s, $n) = split /:/; $t .= pack("C4 C4 V V", 0, 0, 0, 0, 0x83, 0, 0, 0, $s, $n); }
		print $t, "\0" x (510 - length $t), "\x55\xaa";' "${@:2}" | write_sectors "$1" 0 1
	blockdev --rereadpt "$1"
}

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

# --- statistics

ATTRIBUTES='active_mappings
all_stats
avg_latency_us
error_rate_per_hour
health_score
last_error_time
last_remap_time
remap_rate_per_hour
remapped_sectors
spare_sectors_used
total_errors
total_reads
total_remaps
total_writes'

attributes() {
	prepare 1000
	assert_eq "$ATTRIBUTES" "$(cd /sys/kernel/dm_remap && find . -maxdepth 1 -type f -printf '%P\n' | sort)"
	assert_eq "$ATTRIBUTES" "$(cd /sys/kernel/dm_remap/devices/x && find . -type f -printf '%P\n' | sort)"
	assert_eq x "$(ls /sys/kernel/dm_remap/devices)"
	pattern_write $X 1000 1 new
	cat /sys/kernel/dm_remap/{,devices/x/}* >/dev/null 2>&1 || true
	assert_eq '1 1 1 1' "$(cd /sys/kernel/dm_remap/devices/x && cat total_remaps remapped_sectors spare_sectors_used remap_rate_per_hour | xargs)"
	assert_num "$(cat /sys/kernel/dm_remap/devices/x/last_remap_time)" -ge $(($(date +%s) - 100))
	dmsetup suspend x
	assert_eq '' "$(ls /sys/kernel/dm_remap/devices)"
	dmsetup resume x
	assert_eq 1 "$(cat /sys/kernel/dm_remap/devices/x/total_remaps)"
	dmsetup remove x
	assert_eq '0 100' "$(cat /sys/kernel/dm_remap/{total_remaps,health_score} | xargs)"
}

prometheus() {
	prepare 1000
	pattern_write $X 1000 1 new
	remap_create y "$(drive two)" "$(drive room)" format
	for file in /sys/kernel/dm_remap/all_stats /sys/kernel/dm_remap/devices/{x,y}/all_stats; do
		promtool check metrics <"$file"
	done
	assert_contains "$(cat /sys/kernel/dm_remap/all_stats)" 'dm_remap_remaps_total{device="x"} 1'
}

stats_come_and_go() {
	prepare 1000:4
	pattern_write $X 1000 1 new
	rmmod dm-remap-stats
	[[ ! -e /sys/kernel/dm_remap ]]
	pattern_write $X 1001 1 new
	dmsetup suspend x
	modprobe dm-remap-stats
	assert_eq '' "$(ls /sys/kernel/dm_remap/devices)"
	dmsetup resume x
	assert_eq 2 "$(cat /sys/kernel/dm_remap/devices/x/total_remaps)"
	rmmod dm-remap-stats
	modprobe dm-remap-stats
	assert_eq 2 "$(cat /sys/kernel/dm_remap/devices/x/total_remaps)"
	rmmod dm-remap-stats
	dmsetup remove x
	remap_create x /dev/mapper/bad "$SPARE"
	pattern_check $X 1000 2 new
	modprobe dm-remap-stats
}

# A file that is being read while its device goes away, again and again.
stats_are_read_meanwhile() {
	local i reader
	prepare
	while :; do cat /sys/kernel/dm_remap/all_stats /sys/kernel/dm_remap/devices/*/* || :; done >/dev/null 2>&1 &
	reader=$!
	for i in 1 2 3; do
		dmsetup suspend x
		dmsetup resume x
		remap_again x
		rmmod dm-remap-stats
		modprobe dm-remap-stats
	done
	kill $reader
	wait $reader || true
}

# Names go round: no two folders of one name.
renamed() {
	local i
	prepare
	for i in a b c; do
		dmsetup rename x $i
		defer "dm_remove_if_there $i"
		dmsetup resume $i
		remap_create x "$(drive two)" "$(drive room)" format
		dmsetup remove x
		dmsetup rename $i x
	done
	dmsetup rename x a
	defer 'dm_remove_if_there a'
	remap_create x "$(drive two)" "$(drive room)" format
	assert_eq 2 "$(find /sys/kernel/dm_remap/devices -mindepth 1 -maxdepth 1 | wc -l)"
	dmsetup rename x b
	defer 'dm_remove_if_there b'
	wipe "$(drive emu)"
	remap_create x "$(drive emu)" "$(drive parts):2048:8192" format
	assert_eq 3 "$(find /sys/kernel/dm_remap/devices -mindepth 1 -maxdepth 1 | wc -l)"
	for i in a b x; do
		dmsetup suspend $i
		dmsetup resume $i
	done
	assert_eq 'a b x' "$(cd /sys/kernel/dm_remap/devices && echo ./* | tr -d ./)"
}

# --- discard, write-zeroes, NOWAIT

discards() {
	prepare 1000:4
	pattern_write $X 992 32 new
	bad_change bad "$MAIN"
	pattern_write "$MAIN" 1000 4 old
	blkdiscard -o $((990 * 512)) -l $((40 * 512)) $X
	assert_eq '4 4 0' "$(remap_get x remapped used pending)"
	if pattern_check "$MAIN" 1000 4 old; then :; else fail "the discard has reached main's blocks that are remapped"; fi
	pattern_write $X 1000 4 newer
	pattern_check $X 1000 4 newer
	pattern_check "$MAIN" 1000 4 old
}

zeroes() {
	prepare 1000:4 1010:2
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

# Over the drive itself: dm's error target has no NOWAIT.
nowait() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	host bad main 1000:4
	defer 'host heal main'
	remap_create x "$MAIN" "$SPARE"
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
	prepare
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
	prepare 1000
	pattern_write $X 1000 1 new
	wipe "$(drive two)" "$(drive room)"
	dd if="$SPARE" of="$(drive room)" bs=1M oflag=direct status=none
	klog_mark
	assert_fail remap_create y "$(drive two)" "$(drive room)"
	assert_klog "table refused: member 0, UUID [0-9a-f-]{36}, is a copy of one in use by remap device 'x': remove either"
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
test_case 'suspend twice, remove while suspended' suspended_and_removed
test_case 'a refused table leaves the old one serving' refused_table
test_case 'loading writes nothing, and resume looks again' loading_writes_nothing
test_case 'a reload goes on with the newest state' reload_keeps_newest
test_case 'modules and devices in use stay' in_use
test_case 'table and status' words
test_case 'the first remap is an event' first_remap_is_an_event
test_case 'a read-only table writes nothing' read_only
test_case 'a read-only table formats nothing' read_only_formats_nothing
test_case 'tables that do not start at 0' not_at_0
test_case 'partitions as main and as spare' partitions
test_case '4Kn: the block is 4 KiB' kind_of_main big 4096 4096 8
test_case '512e: the block is 512 bytes' kind_of_main emu 512 4096 1
test_case 'a spare with larger blocks is refused' small_main_large_spare
test_case '4Kn: ranges are whole blocks' ranges_of_4kn
test_case 'sysfs: exactly these attributes' attributes
test_case 'all_stats is Prometheus text' prometheus
test_case 'stats come and go under a device' stats_come_and_go
test_case 'stats are read while devices come and go' stats_are_read_meanwhile
test_case 'renamed devices' renamed
test_case 'discards never change the map' discards
test_case 'zeroes across remaps' zeroes
test_case 'NOWAIT' nowait
test_case 'no two devices use one disk' claims
test_case 'a copy of a spare in use is refused' copies
test_case 'a mounted spare is refused' mounted
modules_unload
