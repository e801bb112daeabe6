#!/bin/bash
# Members of a pool that fail, are missing, come back, part ways, and are given up.
# on: 6.12
# vm: drives=main:16M:virtio,one:8M:virtio,two:8M:virtio,three:8M:virtio,slow:8M:virtio modules=required timeout=1800 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/pool.sh"

pulled_unused() {
	prepare ONE
	bad_create pulled "$TWO"
	dmsetup message x 0 add_spare /dev/mapper/pulled
	klog_mark
	random_load_start
	dmsetup suspend --nolockfs pulled
	dmsetup load pulled --table '0 16384 error'
	dmsetup resume pulled
	# Beyond what the load writes: bad blocks of which it has not made remaps already.
	pattern_write $X 30000 16 new
	event_wait member_failed
	load_ok
	assert_eq 'active dropped ok' "$(state "$ONE") $(state /dev/mapper/pulled) $(remap_get x mode)"
	assert_klog 'spare 1 does not take metadata any more and was dropped'
	# What is recorded as dropped may be missing.
	dmsetup remove x
	klog_mark
	assert_fail remap_create x /dev/mapper/bad "$ONE"
	assert_klog "add 'degraded'"
	remap_create x /dev/mapper/bad "$ONE" spare - 0 16384 degraded
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$ONE") 0 16384 5 spare - 0 16384 degraded" \
		"$(dmsetup table x)"
	assert_contains "$(dmsetup status x)" ' -:missing:'
	reload
	pattern_check $X 30000 16 new
	load_again
	# Back again, and behind.
	dmsetup remove x
	bad_change pulled "$TWO"
	# shellcheck disable=SC2046
	remap_create x /dev/mapper/bad "$ONE" $(named /dev/mapper/pulled)
	assert_eq 'active active' "$(state "$ONE") $(state /dev/mapper/pulled)"
	dmsetup message x 0 remove_spare "$ONE"
	removal_wait
	pattern_check $X 30000 16 new
	dmsetup remove x
}

# The spare on which the blocks live goes away: they fail until they are written anew, and nothing else.
pulled_in_use() {
	prepare ONE
	dmsetup remove x
	wipe "$ONE"
	bad_create pulled "$ONE"
	# shellcheck disable=SC2046
	remap_create x /dev/mapper/bad /dev/mapper/pulled $(named "$TWO")
	pattern_write $X 0 2048 old
	pattern_write $X 30000 16 old
	assert_eq '24 0' "$(used_of /dev/mapper/pulled) $(used_of "$TWO")"
	: >$UEVENTS
	random_load_start --continue_on_error=io
	dmsetup suspend --nolockfs pulled
	dmsetup load pulled --table '0 16384 error'
	dmsetup resume pulled
	rm -f $LOADING
	wait "$LOAD" || true
	assert_not_contains "$(</dev/shm/fio.log)" 'verify: bad' 'what fio says of the data'
	assert_eq '30000 30001 30002 30003 30004 30005 30006 30007 30008 30009 30010 30011 30012 30013 30014 30015' \
		"$(failing_sectors $X 29996 24)"
	pattern_write $X 30000 16 new
	event_wait member_failed
	pattern_check $X 30000 16 new
	assert_eq dropped "$(state /dev/mapper/pulled)"
	assert_num "$(used_of "$TWO")" -ge 16
	dmsetup remove x
	dm_create x "0 32768 remap /dev/mapper/bad - 0 16384 5 spare $TWO 0 16384 degraded"
	pattern_check $X 30000 16 new
	assert_match "$(dmsetup table x)" ' - 0 16384 5 spare [0-9:]+ 0 16384 degraded$'
	dmsetup remove x
}

went_separate_ways() {
	prepare ONE TWO
	pattern_write $X 1000 8 both
	dmsetup remove x
	klog_mark
	assert_fail dm_create x "0 32768 remap /dev/mapper/bad $TWO 0 16384 5 spare - 0 16384 degraded"
	assert_klog "not recorded as dropped: .* or add 'force'"
	dm_create x "0 32768 remap /dev/mapper/bad $TWO 0 16384 6 spare - 0 16384 degraded force"
	assert_not_contains "$(dmsetup table x)" force
	pattern_write $X 20480 8 two
	assert_fail read_sectors $X 1000 8
	reload
	pattern_check $X 20480 8 two
	# One way: the other one follows.
	dmsetup remove x
	# shellcheck disable=SC2046
	remap_create x /dev/mapper/bad "$ONE" $(named "$TWO")
	assert_eq 'active active' "$(state "$ONE") $(state "$TWO")"
	pattern_check $X 1000 8 both
	pattern_check $X 20480 8 two
	dmsetup remove x
	# Two ways.
	dm_create x "0 32768 remap /dev/mapper/bad $TWO 0 16384 6 spare - 0 16384 degraded force"
	pattern_write $X 20490 8 two
	dmsetup remove x
	dm_create x "0 32768 remap /dev/mapper/bad $ONE 0 16384 6 spare - 0 16384 degraded force"
	pattern_write $X 20490 8 one
	dmsetup remove x
	klog_mark
	# shellcheck disable=SC2046
	assert_fail remap_create x /dev/mapper/bad "$ONE" $(named "$TWO")
	assert_klog 'went separate ways'
	# None of all.
	assert_refused "every spare is missing ('-'): the map is on them, name one at least" \
		dm_create x '0 32768 remap /dev/mapper/bad - 0 16384 2 degraded force'
}

# What lived on a spare that is gone for good is lost, and not what main held before.
forgotten() {
	local lost='1000 1001 1002 1003 1004 1005 1006 1007'
	prepare ONE TWO
	pattern_write "$MAIN" 1000 8 outdated
	pattern_write $X 990 40 old
	assert_eq '8 0' "$(used_of "$ONE") $(used_of "$TWO")"
	assert_refused "spare 0 is not lost: to keep what lives on it 'remove_spare' moves that to the others and takes it out, with 'force' less what cannot be read" \
		dmsetup message x 0 forget_spare 0 force
	dmsetup remove x
	bad_change bad "$MAIN"
	dm_create x "0 32768 remap /dev/mapper/bad - 0 16384 6 spare $TWO 0 16384 degraded force"
	assert_refused "8 blocks live on spare 0: to keep them find it, and load a table that names it; to lose them for good, add 'force'" \
		dmsetup message x 0 forget_spare 0
	assert_eq '8 0' "$(remap_get x remapped) $(told lost_sectors)"
	assert_contains "$(dmsetup status x)" ' -:missing:'
	: >$UEVENTS
	klog_mark
	dmsetup message x 0 forget_spare 0 force
	assert_klog 'dm-remap: x: spare 0 is given up: 8 blocks of 512 bytes that lived on it are lost and fail until they are written'
	event_wait member_removed
	assert_eq '0 0 8 1 ok' "$(remap_get x remapped pending) $(told lost_sectors) $(remap_get x members mode)"
	assert_contains "$(cat /sys/kernel/dm_remap/all_stats)" 'dm_remap_lost_bytes{device="x"} 4096'
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$TWO") 0 16384 1 degraded" "$(dmsetup table x)"
	reload
	assert_eq "$lost" "$(failing_sectors $X 990 40)"
	assert_refused "there is no spare 0; 'status' lists them" dmsetup message x 0 forget_spare 0
	# The set lacks nothing any more.
	dmsetup remove x
	remap_create x /dev/mapper/bad "$TWO"
	assert_eq "$lost" "$(failing_sectors $X 990 40)"
	pattern_write $X 1000 4 new
	pattern_check $X 1000 4 new
	assert_eq '4 4' "$(remap_get x remapped) $(told lost_sectors)"
	dmsetup remove x
	klog_mark
	# shellcheck disable=SC2046
	assert_fail remap_create x /dev/mapper/bad "$ONE" $(named "$TWO")
	assert_klog 'was removed from set'
	remap_create x /dev/mapper/bad "$TWO"
	pattern_check $X 1000 4 new
	wipe "$ONE"
	dmsetup message x 0 add_spare "$ONE"
	assert_eq '1004 1005 1006 1007' "$(failing_sectors $X 990 40)"
	dmsetup remove x
}

# One that is there, and dead, while the device is in use.
dead_and_forgotten() {
	prepare ONE
	dmsetup remove x
	wipe "$ONE"
	bad_create pulled "$ONE"
	# shellcheck disable=SC2046
	remap_create x /dev/mapper/bad /dev/mapper/pulled $(named "$TWO")
	# Beyond what the load writes.
	pattern_write $X 30000 16 old
	dmsetup suspend --nolockfs pulled
	dmsetup load pulled --table '0 16384 error'
	dmsetup resume pulled
	pattern_write $X 1000 8 new
	assert_eq dropped "$(state /dev/mapper/pulled)"
	random_load_start
	assert_fail dmsetup message x 0 forget_spare 0
	: >$UEVENTS
	dmsetup message x 0 forget_spare 0 force
	event_wait member_removed
	load_ok
	load_again
	assert_eq '1 ok' "$(remap_get x members mode)"
	assert_eq "$(seq -s ' ' 30000 30015)" "$(failing_sectors $X 29996 24)"
	pattern_write $X 30000 16 new
	reload
	pattern_check $X 30000 16 new
	assert_eq 0 "$(told lost_sectors)"
	# The table does not hold its device any more.
	dmsetup remove pulled
	dmsetup remove x
}

# What is still readable moves, the rest is lost, and says so.
removed_with_force() {
	local start
	prepare ONE
	dmsetup remove x
	wipe "$ONE"
	bad_create pulled "$ONE"
	# shellcheck disable=SC2046
	remap_create x /dev/mapper/bad /dev/mapper/pulled $(named "$TWO")
	pattern_write "$MAIN" 1000 8 outdated
	pattern_write $X 1000 8 new
	pattern_write $X 30000 16 new
	start=$(dmsetup message x 0 list | sed -n 's/^extent main=1000 .* spare_sector=//p')
	bad_change pulled "$ONE" $((start + 2)):3
	klog_mark
	dmsetup message x 0 remove_spare /dev/mapper/pulled
	removal_wait
	assert_klog "spare 0 stays: some of its blocks cannot be read: to keep all the others, write these anew and try again"
	assert_eq '2 0' "$(remap_get x members) $(told lost_sectors)"
	assert_eq '1002 1003 1004' "$(failing_sectors $X 990 40)"
	: >$UEVENTS
	dmsetup message x 0 remove_spare /dev/mapper/pulled force
	removal_wait
	event_wait member_removed
	assert_klog 'spare 0 is given up: [0-9]+ blocks of 512 bytes that lived on it are lost and fail until they are written'
	assert_eq '1 3 ok' "$(remap_get x members) $(told lost_sectors) $(remap_get x mode)"
	assert_eq "0 32768 remap $(number_of /dev/mapper/bad) $(number_of "$TWO") 0 16384" "$(dmsetup table x)"
	# Main holds something else there, also when the map was read anew and the disk that was given up is back.
	bad_change pulled "$ONE"
	remap_again x
	assert_eq '1002 1003 1004' "$(failing_sectors $X 990 40)"
	pattern_check $X 1000 2 new
	pattern_check $X 1005 3 new
	pattern_check $X 30000 16 new
	pattern_write $X 1002 3 newer
	pattern_check $X 1002 3 newer
	assert_eq 0 "$(told lost_sectors)"
	dmsetup remove x
}

uevents_start
modules_load
test_case 'a spare without blocks is pulled away' pulled_unused
test_case 'a spare with blocks is pulled away' pulled_in_use
test_case 'members that went separate ways' went_separate_ways
test_case 'forget_spare of a missing one' forgotten
test_case 'forget_spare of a dead one under I/O' dead_and_forgotten
test_case 'remove_spare of one that can be read in part' removed_with_force
modules_unload
uevents_stop
