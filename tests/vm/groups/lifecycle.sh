#!/bin/bash
# A device's life: made, suspended, reloaded, renamed, removed; what it says of itself; read-only; statistics.
# on: 6.1
# vm: drives=main:16M:virtio,spare:8M:virtio,two:16M:virtio,room:8M:virtio,three:16M:virtio,more:8M:virtio modules=required timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x

# --- suspend, reload, remove

suspended_and_removed() {
	remap_over_bad 1000
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
	remap_over_bad 1000
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
	remap_over_bad
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
	assert_klog "dm-remap: x: cannot be resumed: spare $(number_of "$SPARE") is not blank any more: something wrote to it since the table was loaded; load the table again"
	assert_eq "$before" "$(sum_of "$SPARE")"
}

# The new table goes on with the newest state, not with that of the time when it was loaded.
reload_keeps_newest() {
	remap_over_bad 1000:8
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
	remap_over_bad
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
	remap_over_bad 1000:4
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
	remap_over_bad 1000:4
	before=$(dm_event_nr x)
	dm_wait_event x "$before" &
	pattern_write $X 1000 1 new
	wait $!
	assert_eq $((before + 1)) "$(dm_event_nr x)"
	pattern_write $X 1001 1 new
	assert_fail read_sectors $X 1002
	wait_for "(( \$(dm_event_nr x) == $((before + 2)) ))" '' 'the event of the first pending block'
}

# --- main grows, and the set keeps up with it

grown() {
	local line
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	dm_create m "0 20000 linear $MAIN 0"
	host bad main 5000:8 30000:8
	defer 'host heal main'
	remap_create x /dev/mapper/m "$SPARE"
	pattern_write $X 4992 24 old
	# Under a live device.
	dm_reload m "0 32768 linear $MAIN 0"
	klog_mark
	dm_reload x "$(remap_line /dev/mapper/m "$SPARE")"
	assert_klog "^dm-remap: x: main is recorded as 32768 sectors, identity '', disk '', main_id ''$"
	pattern_check $X 4992 24 old
	pattern_write $X 29992 24 new
	dmsetup remove x
	# The old line is as good as ever.
	line="remap /dev/mapper/m $SPARE 0 $(sectors_of "$SPARE")"
	dm_create x "0 20000 $line"
	assert_eq '16 16 ok' "$(remap_get x remapped used mode)"
	pattern_check $X 4992 24 old
	dmsetup remove x
	# Cut off what was remapped: refused, and nothing is lost.
	dm_reload m "0 25000 linear $MAIN 0"
	assert_refused "main /dev/mapper/m has 25000 sectors, fewer than the 32768 of the table: name the right main, make it as \
large again, or give a length up to its own" dm_create x "0 32768 $line"
	assert_refused "spare $(number_of "$SPARE") belongs to a set whose main had 32768 sectors, this main has 25000: name that \
main, or make it as large again; if it was made smaller, and this is the one, add 'new_main'" dm_create x "0 20000 $line"
	assert_refused "main $(number_of /dev/mapper/m) has 25000 sectors, and the map has blocks of it beyond them, at sector 30000: \
name the main that had these, or make this one as large again; the set keeps what it knows of them" \
		dm_create x "0 20000 $line 1 new_main"
	dm_reload m "0 32768 linear $MAIN 0"
	remap_create x /dev/mapper/m "$SPARE"
	pattern_check $X 4992 24 old
	pattern_check $X 29992 24 new
}

# The name in the superblock is the device's.
name_is_recorded() {
	remap_over_bad
	assert_eq x "$(read_sectors "$SPARE" 0 1 | tail -c +273 | tr -d '\0' | head -c 1)"
	dmsetup rename x other
	defer 'dm_remove_if_there other'
	dmsetup suspend other
	dmsetup resume other
	assert_eq other "$(read_sectors "$SPARE" 0 1 | tail -c +273 | tr -d '\0' | head -c 5)"
}

# --- read-only

read_only() {
	local before writes
	remap_over_bad 1000:4
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
	remap_over_bad 1000
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
	remap_over_bad 1000
	pattern_write $X 1000 1 new
	remap_create y "$(drive two)" "$(drive room)" format
	for file in /sys/kernel/dm_remap/all_stats /sys/kernel/dm_remap/devices/{x,y}/all_stats; do
		promtool check metrics <"$file"
	done
	assert_contains "$(cat /sys/kernel/dm_remap/all_stats)" 'dm_remap_remaps_total{device="x"} 1'
}

stats_come_and_go() {
	remap_over_bad 1000:4
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
	remap_over_bad
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
	remap_over_bad
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
	remap_create x "$(drive three)" "$(drive more)" format
	assert_eq 3 "$(find /sys/kernel/dm_remap/devices -mindepth 1 -maxdepth 1 | wc -l)"
	for i in a b x; do
		dmsetup suspend $i
		dmsetup resume $i
	done
	assert_eq 'a b x' "$(cd /sys/kernel/dm_remap/devices && echo ./* | tr -d ./)"
}

# Nothing tells a target that its device was renamed: who speaks of it asks.
name_of_now() {
	labels() { sed -nE 's/^dm_remap_health_score\{device="([^"]*)"\}.*/\1/p' /sys/kernel/dm_remap/all_stats | sort | xargs; }
	remap_over_bad 1000
	dmsetup rename x y
	defer 'dm_remove_if_there y'
	assert_eq y "$(labels)"
	assert_contains "$(cat /sys/kernel/dm_remap/devices/x/all_stats)" 'device="y"'

	klog_mark
	pattern_write /dev/mapper/y 1000 1 new
	klog_wait 'dm-remap: y: remapped 1 blocks'
	assert_fail dmsetup message y 0 frobnicate
	assert_klog "dm-remap: y: message refused"
	assert_fail_with 'y' dmsetup create z --table "$(remap_line "$(drive two)" "$SPARE")"
	assert_klog "in use by remap device 'y'"

	# Another one under its old name.
	remap_create x "$(drive two)" "$(drive room)" format
	assert_eq 'x y' "$(labels)"
	dmsetup rename x w
	defer 'dm_remove_if_there w'
	dmsetup rename y x
	assert_eq 'w x' "$(labels)"
	dmsetup suspend x
	dmsetup resume x
	assert_eq 'w x' "$(labels)"
	klog_mark
	dmsetup rename w v
	defer 'dm_remove_if_there v'
	dmsetup remove v
	assert_no_klog 'dm-remap: [wx]:'
}

modules_load
test_case 'suspend twice, remove while suspended' suspended_and_removed
test_case 'a refused table leaves the old one serving' refused_table
test_case 'loading writes nothing, and resume looks again' loading_writes_nothing
test_case 'a reload goes on with the newest state' reload_keeps_newest
test_case 'modules and devices in use stay' in_use
test_case 'table and status' words
test_case 'the first remap is an event' first_remap_is_an_event
test_case 'main grows under a device, and is cut off again' grown
test_case 'the set knows the name of its device' name_is_recorded
test_case 'a read-only table writes nothing' read_only
test_case 'a read-only table formats nothing' read_only_formats_nothing
test_case 'sysfs: exactly these attributes' attributes
test_case 'all_stats is Prometheus text' prometheus
test_case 'stats come and go under a device' stats_come_and_go
test_case 'stats are read while devices come and go' stats_are_read_meanwhile
test_case 'renamed devices' renamed
test_case 'labels and log lines have the name of now' name_of_now
modules_unload
