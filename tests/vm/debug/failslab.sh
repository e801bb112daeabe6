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

# disks: main as it fails, and three blank spares.
disks() {
	MAIN=$(drive main) ONE=$(drive one) TWO=$(drive two) THREE=$(drive three)
	bad_create bad "$MAIN" "${RUNS[@]}"
	FEATURE_TWO="spare $TWO 0 $(sectors_of "$TWO")" FEATURE_THREE="spare $THREE 0 $(sectors_of "$THREE")"
}
# prepare SPARES: x has the first so many of the spares; the others are blank. LINE is the table's.
prepare() {
	local features=()
	# shellcheck disable=SC2206
	case $1 in
	3) features=($FEATURE_TWO $FEATURE_THREE) ;;
	2) features=($FEATURE_TWO) ;;
	esac
	dm gone x
	blank "$MAIN" "$ONE" "$TWO" "$THREE"
	LINE=$(remap_line /dev/mapper/bad "$ONE" "${features[@]}")
	dm start x "$LINE"
	dm write $X 990 40 old
	dm write $X 20470 84 old
	data_is_right
}
blank() {
	local device
	for device in "$@"; do dm zero "$device"; done
}
data_is_right() {
	dm check $X 990 40 old && dm check $X 20470 84 old && dm unreadable $X 5003 1
}
# From nothing, as after a reboot: the map is on the spares.
again() {
	dm gone x && dm start x "$LINE" && data_is_right
}
# The fields of x's status, as remap_get's.
field() { # NUMBER
	local words
	dm status x
	read -ra words <<<"$ANSWER"
	FIELD=${words[$1]}
}

# --- constructor and destructor

before_table() { :; }
do_table() { dm load x "$LINE"; }
after_table() { (($1)) || dm clear x; }
blank_table() {
	prepare 3
	dm remove x
	blank "$ONE" "$TWO" "$THREE"
	dm create x
	sweep table
	cmp "$ONE" <(head -c 8M /dev/zero)
}
table() {
	prepare 3
	dm remove x
	dm create x
	sweep table
	again
}

before_load_beside() { :; }
do_load_beside() { dm load x "$LINE"; }
after_load_beside() {
	data_is_right || return
	(($1)) || dm clear x
}
load_beside() {
	prepare 3
	sweep load_beside
}

# --- resume, first and later; suspend; remove

before_format() {
	dm gone x
	blank "$ONE" "$TWO"
	dm create x
	dm load x "$LINE"
}
do_format() { dm resume x; }
# What is half formatted is formatted by the next.
after_format() {
	dm gone x && dm start x "$LINE" && dm write $X 990 40 new || return
	dm gone x && dm start x "$LINE" && dm check $X 990 40 new
}
format() {
	prepare 2
	sweep format
}

before_resume() {
	dm gone x
	dm create x
	dm load x "$LINE"
}
do_resume() { dm resume x; }
after_resume() {
	(($1)) || data_is_right || return
	again
}
resume() {
	prepare 3
	sweep resume
}

before_reload() { dm load x "$LINE"; }
do_reload() { dm resume x; }
# device-mapper has let go of the old table when the new one refuses to start.
after_reload() {
	if (($1)); then
		dm load x "$LINE" && dm resume x || return
	fi
	data_is_right
}
reload() {
	prepare 3
	sweep reload
}

before_suspend() { :; }
do_suspend() { dm suspend x; }
after_suspend() {
	dm resume x && data_is_right || return
	return "$1"
}
suspend() {
	prepare 3
	sweep suspend
}

before_remove() { again; }
do_remove() { dm remove x; }
after_remove() { return "$1"; }
remove() {
	prepare 3
	sweep remove
	again
}

# --- messages, and what is read

before_message() { :; }
do_message() { dm message x "$WORDS"; }
after_message() { data_is_right; }
messages() {
	local WORDS
	prepare 3
	for WORDS in help status stats health cache_stats clear_stats; do sweep message; done
}

before_attributes() { :; }
do_attributes() { dm read /sys/kernel/dm_remap/{all_stats,total_reads,devices/x/all_stats}; }
after_attributes() { data_is_right; }
attributes() {
	prepare 3
	sweep attributes
}

before_add_spare() {
	again
	blank "$THREE"
}
do_add_spare() { dm message x add_spare "$THREE"; }
after_add_spare() {
	data_is_right || return
	field 13
	case $1-$FIELD in
	0-3) dm message x remove_spare "$THREE" ;;
	[1-9]*-2) ;;
	*) return 1 ;;
	esac
}
add_spare() {
	prepare 2
	sweep add_spare "$@"
}

before_remove_spare() {
	again
	blank "$THREE"
	dm message x add_spare "$THREE"
}
do_remove_spare() { dm message x remove_spare "$THREE"; }
after_remove_spare() {
	data_is_right || return
	field 13
	case $1-$FIELD in
	[1-9]*-3) dm message x remove_spare "$THREE" ;;
	*-2) ;;
	*) return 1 ;;
	esac
}
remove_spare() {
	prepare 2
	sweep remove_spare "$@"
}

# The blocks of one spare go to the other: the message's part, and that of the worker that moves them.
before_empty_spare() { prepare 2; }
do_empty_spare() { dm message x remove_spare "$ONE"; }
after_empty_spare() { dm settled x :removing: && data_is_right; }
empty_spare() { sweep empty_spare; }

before_emptying() { prepare 2; }
do_emptying() { dm message x remove_spare "$ONE" && dm settled x :removing:; }
after_emptying() { data_is_right; }
emptying() { sweep emptying workers; }

# --- forget_spare: one is missing, without blocks or with all that there are

# goes_on_with SPARE: x without the other one, which the set still has or has forgotten.
goes_on_with() {
	dm_remove_if_there x
	dmsetup create x --table "$(remap_line /dev/mapper/bad "$1" degraded force)"
}
# forgotten_at_last SPARE NUMBER STATUS: whatever came of it, it can be forgotten, and the set starts as one that lacks nothing.
forgotten_at_last() {
	if (($3)); then
		goes_on_with "$1"
		dmsetup message x 0 forget_spare "$2" force || (($(remap_get x members) == 1)) || fail "$(dmsetup status x)" || return
	fi
	dmsetup remove x
	dmsetup create x --table "$(remap_line /dev/mapper/bad "$1")"
}

before_forget_unused() {
	prepare 2
	goes_on_with "$ONE"
}
do_forget_unused() { exec dmsetup message x 0 forget_spare 1; }
after_forget_unused() {
	data_is_right
	forgotten_at_last "$ONE" 1 "$1"
	data_is_right
}
forget_unused() { sweep forget_unused; }

before_forget_used() {
	prepare 2
	goes_on_with "$TWO"
}
do_forget_used() { exec dmsetup message x 0 forget_spare 0 force; }
after_forget_used() {
	forgotten_at_last "$TWO" 0 "$1"
	! read_sectors $X 1000 1 >/dev/null 2>&1 || fail 'a lost block can be read' || return
	write_sectors $X 990 40 </run/old-990
	write_sectors $X 20470 84 </run/old-20470
	data_is_right
}
forget_used() { sweep forget_used; }

# --- recovery, in workers: of a new table each time, so that each begins with what it has kept aside

# Blocks of a run that nobody has written before.
unwritten() { AT=$((30000 + 8 * ((n + STRIDE - 1) / STRIDE))); }

before_write() {
	again
	unwritten
}
do_write() { dm write $X $AT 8 new; }
after_write() {
	data_is_right || return
	if (($1)); then dm unreadable $X $AT 8 && dm write $X $AT 8 new || return; fi
	dm check $X $AT 8 new && again && dm check $X $AT 8 new
}
write() {
	prepare 2
	sweep write workers
}

before_read() {
	again
	unwritten
}
do_read() { dm unreadable $X $AT 8; }
after_read() {
	(($1 == 0)) && dm write $X $AT 8 new && dm check $X $AT 8 new
}
read_pending() {
	prepare 2
	sweep read workers
}

# What main gives only at the third try moves to a spare, or stays where it is.
before_rescue() {
	again
	AT=$((8000 + n))
	dm write $X $AT 1 weak
	host heal main
	host bad main $AT read times=3
}
do_rescue() { dm check $X $AT 1 weak; }
after_rescue() {
	host heal main
	dm check $X $AT 1 weak && data_is_right || return
	return "$1"
}
rescue() {
	prepare 2
	sweep rescue workers
}

# The spare's own blocks refuse too, right behind those that are in use: bad for good, in a record of their own.
before_spare_refuses() {
	prepare 2
	field 7
	dm gone x
	if [[ ! -b /dev/mapper/refuses ]]; then
		bad_create refuses "$ONE" $(($(sectors_of "$ONE") - ${FIELD#*/} / 2 + 72)):12
		defer dm gone x
	fi
	LINE=${LINE/ $ONE / /dev/mapper/refuses }
	again
}
do_spare_refuses() { dm write $X 30000 8 new; }
after_spare_refuses() {
	data_is_right || return
	(($1 == 0)) || dm write $X 30000 8 new || return
	dm check $X 30000 8 new && again && dm check $X 30000 8 new
}
spare_refuses() {
	sweep spare_refuses workers
	field 8
	assert_num "$FIELD" -gt 0 'bad blocks of spares'
}

before_flush() {
	again
	dm write $X 1000 8 old
}
do_flush() { dm write $X 20480 8 old sync; }
after_flush() {
	data_is_right || return
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
	FAILING=yes
	for _ in 1 2 3; do
		every "$interval"
		never_wrong 200
		dm message x add_spare "$THREE" || blank "$THREE"
		never_wrong 50
		dm message x remove_spare "$THREE" || true
		dm suspend x
		dm resume x || {
			every 0
			dm load x "$LINE"
			dm resume x
		}
	done
	every 0
	FAILING=
	never_wrong 0
	remap_again x
	never_wrong 0
}

modules_load
failing_prepare
doer_start
disks
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
test_case 'forget_spare of one without blocks' forget_unused
test_case 'forget_spare of one with blocks' forget_used
test_case 'recovery of a write' write
test_case 'recovery of a read' read_pending
test_case 'rescue' rescue
test_case 'a spare that refuses' spare_refuses
test_case 'flush' flush
test_case 'now and then' now_and_then
test_case 'places' places
dm gone x
modules_unload
