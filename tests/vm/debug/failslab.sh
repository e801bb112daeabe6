#!/bin/bash
# Memory that cannot be had: each allocation beneath the project's code fails once, of constructor, resume, messages,
# recovery, suspend and removal. Nothing crashes, leaks or tells a wrong byte, and without a failure the same thing works.
# For a quick look, an argument: of so many allocations only one fails.
# vm: drives=main:16M:virtio,one:8M:virtio,two:8M:virtio,three:8M:virtio modules=required timeout=3600 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "$REPO/tests/vm/debug/sweep.sh"

X=/dev/mapper/x
STRIDE=${1:-1}
RUNS=(1000:8 5003:1 20480:64 30000:2000)

# --- a set: device x over a main that fails at RUNS, with data that was acknowledged

named() { echo "spare $1 0 $(sectors_of "$1")"; }

# prepare SPARES: x has the first so many of three spares; the others are blank. LINE is the table's.
prepare() {
	local device features=()
	dm_remove_if_there x
	dm_remove_if_there bad
	MAIN=$(drive main) ONE=$(drive one) TWO=$(drive two) THREE=$(drive three)
	wipe "$MAIN" "$ONE" "$TWO" "$THREE"
	bad_create bad "$MAIN" "${RUNS[@]}"
	for device in "$TWO" "$THREE"; do
		# shellcheck disable=SC2207
		((${#features[@]} / 4 + 1 >= $1)) || features+=($(named "$device"))
	done
	LINE=$(remap_line /dev/mapper/bad "$ONE" "${features[@]}")
	dm_create x "$LINE"
	pattern old 990 40 >/run/old-990
	pattern old 20470 84 >/run/old-20470
	write_sectors $X 990 40 </run/old-990
	write_sectors $X 20470 84 </run/old-20470
	data_is_right
}
# In thousands of passes each process counts.
data_is_right() {
	read_sectors $X 990 40 | cmp - /run/old-990 || fail 'sectors 990:40' || return
	read_sectors $X 20470 84 | cmp - /run/old-20470 || fail 'sectors 20470:84' || return
	! read_sectors $X 5003 >/dev/null 2>&1 || fail 'sector 5003 can be read'
}
# From nothing, as after a reboot: the map is on the spares.
again() {
	dm_remove_if_there x
	dmsetup create x --table "$LINE"
	data_is_right
}

# --- constructor and destructor

before_blank_table() { :; }
do_blank_table() { exec dmsetup load x --table "$LINE"; }
after_blank_table() { (($1)) || dmsetup clear x; }
blank_table() {
	prepare 3
	dmsetup remove x
	wipe "$ONE" "$TWO" "$THREE"
	dmsetup create x --notable
	sweep blank_table
	cmp "$ONE" <(head -c 8M /dev/zero)
}

before_table() { :; }
do_table() { exec dmsetup load x --table "$LINE"; }
after_table() { (($1)) || dmsetup clear x; }
table() {
	prepare 3
	dmsetup remove x
	dmsetup create x --notable
	sweep table
	again
}

# --- resume, first and later; suspend; remove

before_format() {
	dm_remove_if_there x
	wipe "$ONE" "$TWO"
	dmsetup create x --notable
	dmsetup load x --table "$LINE"
}
do_format() { exec dmsetup resume x; }
# What is half formatted is formatted by the next.
after_format() {
	dmsetup remove x
	dmsetup create x --table "$LINE"
	pattern_write $X 990 40 new
	remap_again x
	pattern_check $X 990 40 new
}
format() {
	prepare 2
	sweep format
}

before_resume() {
	dm_remove_if_there x
	dmsetup create x --notable
	dmsetup load x --table "$LINE"
}
do_resume() { exec dmsetup resume x; }
after_resume() {
	(($1)) || data_is_right
	again
}
resume() {
	prepare 3
	sweep resume
}

before_reload() { dmsetup load x --table "$LINE"; }
do_reload() { exec dmsetup resume x; }
# device-mapper has let go of the old table when the new one refuses to start.
after_reload() {
	if (($1)); then
		dmsetup load x --table "$LINE"
		dmsetup resume x
	fi
	data_is_right
}
reload() {
	prepare 3
	sweep reload
}

before_load_beside() { :; }
do_load_beside() { exec dmsetup load x --table "$LINE"; }
after_load_beside() {
	data_is_right
	(($1)) || dmsetup clear x
}
load_beside() {
	prepare 3
	sweep load_beside
}

before_suspend() { :; }
do_suspend() { exec dmsetup suspend x; }
after_suspend() {
	dmsetup resume x
	data_is_right
	return "$1"
}
suspend() {
	prepare 3
	sweep suspend
}

before_remove() { again; }
do_remove() { exec dmsetup remove x; }
after_remove() { return "$1"; }
remove() {
	prepare 3
	sweep remove
	again
}

# --- messages, and what is read

before_message() { :; }
do_message() { exec dmsetup message x 0 "$WORDS"; }
after_message() { data_is_right; }
messages() {
	local WORDS
	prepare 3
	for WORDS in help status stats health cache_stats clear_stats; do sweep message; done
}

before_attributes() { :; }
do_attributes() { exec cat /sys/kernel/dm_remap/all_stats /sys/kernel/dm_remap/total_reads /sys/kernel/dm_remap/devices/x/all_stats; }
after_attributes() { data_is_right; }
attributes() {
	prepare 3
	sweep attributes
}

before_add_spare() {
	again
	wipe "$THREE"
}
do_add_spare() { exec dmsetup message x 0 add_spare "$THREE"; }
after_add_spare() {
	data_is_right
	case $1-$(remap_get x members) in
	0-3) ;;
	[1-9]*-2) ;;
	*) fail "$(dmsetup status x)" || return ;;
	esac
	(($(remap_get x members) == 2)) || dmsetup message x 0 remove_spare "$THREE"
}
add_spare() {
	prepare 2
	sweep add_spare "$@"
}

before_remove_spare() {
	again
	wipe "$THREE"
	dmsetup message x 0 add_spare "$THREE"
}
do_remove_spare() { exec dmsetup message x 0 remove_spare "$THREE"; }
after_remove_spare() {
	data_is_right
	if (($(remap_get x members) == 3)); then
		(($1)) || fail 'it says that it is removed, and it is not' || return
		dmsetup message x 0 remove_spare "$THREE"
	fi
}
remove_spare() {
	prepare 2
	sweep remove_spare "$@"
}

# The blocks of one spare go to the other: the message's part, and that of the worker that moves them.
emptied() { wait_for '! dmsetup status x | grep -q :removing:' '' 'the end of the job'; }
before_empty_spare() { prepare 2; }
do_empty_spare() { exec dmsetup message x 0 remove_spare "$ONE"; }
after_empty_spare() {
	emptied
	data_is_right
}
empty_spare() { sweep empty_spare; }

before_emptying() { prepare 2; }
do_emptying() { dmsetup message x 0 remove_spare "$ONE" && emptied; }
after_emptying() { data_is_right; }
emptying() { sweep emptying workers; }

# --- recovery, in workers: of a new table each time, so that each begins with what it has kept aside

before_write() { again; }
do_write() { pattern_write $X $((30000 + 16 * n)) 8 new; }
after_write() {
	data_is_right
	if (($1)); then
		assert_fail read_sectors $X $((30000 + 16 * n)) 8
		pattern_write $X $((30000 + 16 * n)) 8 new
	fi
	pattern_check $X $((30000 + 16 * n)) 8 new
	again
	pattern_check $X $((30000 + 16 * n)) 8 new
}
write() {
	prepare 2
	sweep write workers
}

before_read() { again; }
do_read() { ! read_sectors $X $((30000 + 16 * n)) 8 >/dev/null 2>&1; }
after_read() {
	(($1 == 0)) || fail 'a block that nobody has written is read' || return
	pattern_write $X $((30000 + 16 * n)) 8 new
	pattern_check $X $((30000 + 16 * n)) 8 new
}
read_pending() {
	prepare 2
	sweep read workers
}

# What main gives only at the third try moves to a spare, or stays where it is.
before_rescue() {
	again
	pattern_write $X $((8000 + n)) 1 weak
	host heal main
	host bad main $((8000 + n)) read times=3
}
do_rescue() { pattern_check $X $((8000 + n)) 1 weak; }
after_rescue() {
	host heal main
	pattern_check $X $((8000 + n)) 1 weak
	data_is_right
	return "$1"
}
rescue() {
	prepare 2
	sweep rescue workers
}

# The spare's own blocks refuse too, right behind those that are in use: bad for good, in a record of their own.
before_spare_refuses() {
	prepare 2
	dm_remove_if_there refuses
	bad_create refuses "$ONE" $(($(data_start "$ONE" x) + 72)):12
	dmsetup remove x
	LINE=${LINE/ $ONE / /dev/mapper/refuses }
	again
}
do_spare_refuses() { pattern_write $X 30000 8 new; }
after_spare_refuses() {
	data_is_right
	(($1 == 0)) || pattern_write $X 30000 8 new
	pattern_check $X 30000 8 new
	again
	pattern_check $X 30000 8 new
}
spare_refuses() { sweep spare_refuses workers; }

before_flush() {
	again
	pattern_write $X 1000 8 old
}
do_flush() { pattern_write $X 20480 8 old conv=notrunc,fsync; }
after_flush() {
	data_is_right
	return "$1"
}
flush() {
	prepare 2
	sweep flush workers
}

# --- not once, but now and then

never_wrong() { "${VM_LIB%/*}/never_wrong.py" $X "$SEED" "$1" /run/versions; } # REQUESTS
now_and_then() {
	local interval
	interval=$(($(random_number 7 interval) + 2))
	say "one in $interval fails"
	prepare 2
	for _ in 1 2 3; do
		every "$interval"
		never_wrong 200
		dmsetup message x 0 add_spare "$THREE" || wipe "$THREE"
		never_wrong 50
		dmsetup message x 0 remove_spare "$THREE" || true
		dmsetup suspend x
		dmsetup resume x || {
			every 0
			dmsetup load x --table "$LINE"
			dmsetup resume x
		}
	done
	every 0
	never_wrong 0
	remap_again x
	never_wrong 0
}

modules_load
failing_prepare
test_case 'constructor, over blank spares' blank_table
test_case 'constructor, over a set' table
test_case 'resume that formats' format
test_case 'resume' resume
test_case 'constructor beside a live table' load_beside
test_case 'resume in the place of a live table' reload
test_case 'suspend' suspend
test_case 'remove' remove
test_case 'messages' messages
test_case 'sysfs' attributes
test_case 'add_spare' add_spare
test_case 'add_spare, in workers' add_spare workers
test_case 'remove_spare' remove_spare
test_case 'remove_spare of one with blocks' empty_spare
test_case 'remove_spare of one with blocks, in workers' emptying
test_case 'recovery of a write' write
test_case 'recovery of a read' read_pending
test_case 'rescue' rescue
test_case 'a spare that refuses' spare_refuses
test_case 'flush' flush
test_case 'now and then' now_and_then
test_case 'places' places
modules_unload
