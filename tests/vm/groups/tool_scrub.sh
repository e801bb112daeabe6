#!/bin/bash
# `dmremap scrub`: what it begins, waits for, pauses and ends, and what is said of that.
# on: 6.12
# vm: drives=main:32M:scsi,spare:16M:scsi,two:16M:scsi,other:16M:scsi modules=required timeout=900
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

start_blank() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE" "$(drive two)" "$(drive other)"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	defer 'dm_remove_if_there x; dm_remove_if_there y; host heal main'
	said 0 create x --main "$MAIN" --spare "$SPARE"
}

to_its_end() {
	start_blank
	said 0 scrub x -n
	assert_eq 'x: a scrub would begin' "$OUT"
	said 0 scrub x --wait
	assert_eq 'x: the scrub is complete: nothing was amiss' "$OUT"
	host bad main 1000:8
	said 1 scrub x --wait --json
	document scrub
	assert_eq 'x incomplete none 8 65536' "$(field "$OUT" scrubs.0.name scrubs.0.result scrubs.0.scrub.state scrubs.0.scrub.pending_sectors scrubs.0.scrub.end)"
	said 0 status x --json
	document status
	assert_eq 'none 8' "$(field "$OUT" devices.0.scrub.state devices.0.scrub.pending_sectors)"
	said 0 status x
	assert_match "$OUT" 'scrub: the last one was complete at [0-9-]+ [0-9:]+'
	said 0 close x
}

paused_and_ended() {
	start_blank
	said 0 scrub x --rate 512 --json
	document scrub
	assert_eq 'begun 512' "$(field "$OUT" scrubs.0.result scrubs.0.scrub.rate)"
	said 0 scrub x
	assert_contains "$OUT" 'x: the scrub is under way'
	said 0 scrub x --pause
	assert_match "$OUT" '^x: the scrub was paused at sector [0-9]+ of 65536: nothing was amiss$'
	said 0 scrub x --pause
	assert_eq 'x: no scrub is under way: it is paused' "$OUT"
	said 0 scrub --all
	assert_eq 'x: left alone, as it is paused' "$OUT"
	said 0 scrub x --rate 0 --wait
	assert_contains "$OUT" 'x: the scrub is complete'
	said 0 scrub x --rate 512
	said 0 scrub x --stop
	assert_match "$OUT" '^x: the scrub was stopped at sector [0-9]+ of 65536: nothing was amiss$'
	said 0 scrub x --stop
	assert_eq 'x: no scrub is under way' "$OUT"
	said 0 close x
}

# What the timer does.
all_of_them() {
	start_blank
	said 0 create y --main "$(drive other)" --spare "$(drive two)"
	said 0 scrub --all --wait
	assert_eq $'x: the scrub is complete: nothing was amiss\ny: the scrub is complete: nothing was amiss' "$OUT"
	dmsetup suspend y
	said 0 scrub --all --json
	document scrub
	assert_eq 'begun nothing' "$(field "$OUT" scrubs.0.result scrubs.1.result)"
	dmsetup resume y
	said 0 close x
	said 0 close y
	said 0 scrub --all
	assert_eq 'no device runs' "$OUT"
}

# A main that is gone is no disk of bad blocks, and whoever waits is told.
main_goes() {
	local state
	start_blank
	state=/sys/block/${MAIN##*/}/device/state
	said 0 scrub x --rate 2048
	echo offline >"$state"
	defer "echo running >$state"
	said 1 scrub x --wait --rate 0 --json
	assert_eq scrub-paused "$(field "$OUT" error.id)"
	assert_contains "$ERR" 'main does not answer'
	assert_eq 0 "$(remap_get x pending)"
	echo running >"$state"
	said 0 scrub x --wait
	said 0 close x
}

tool_install
modules_load
test_case 'a scrub to its end' to_its_end
test_case 'a scrub is paused and ended' paused_and_ended
test_case 'all that run' all_of_them
test_case 'main goes' main_goes
test_case 'documents are as the schema describes them' described
