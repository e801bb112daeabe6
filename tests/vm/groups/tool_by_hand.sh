#!/bin/bash
# `dmremap remap`, `unremap`, `retry`, `stop-job`: blocks that somebody names are moved, back too, and what is said of it.
# on: 6.12
# vm: drives=main:32M:scsi,spare:16M:scsi,two:16M:scsi,whole:16M:scsi:512e modules=required timeout=1800
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

start_blank() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE" "$(drive two)"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	defer 'dm_remove_if_there x; host heal main; host slow main off'
	said 0 create x --main "${1:-$MAIN}" --spare "$SPARE"
}
# job_is KIND STATE SECTOR SECTORS MOVED UNREADABLE REFUSED: in $OUT, of a verb.
job_is() {
	assert_eq "$*" "$(field "$OUT" job.kind job.state job.sector job.sectors job.moved_sectors job.unreadable_sectors job.refused_sectors)"
}
# job_begins WORD...: dmremap WORD... in the background, as $TOOL_PID; the job is under way.
job_begins() {
	"$TOOL" "$@" >/run/background.out 2>/run/background.err &
	TOOL_PID=$!
	wait_for 'dmsetup message x 0 status | grep -q "^job .*state=running"' '' 'the job to begin'
}
# ends STATUS: what runs in the background.
ends() {
	local status=0
	wait "$TOOL_PID" || status=$?
	OUT=$(</run/background.out) ERR=$(</run/background.err)
	assert_eq "$1" "$status" "the exit status in the background"$'\n'"$OUT"$'\n'"$ERR"
}

# --- to spares

moved_before_it_fails() {
	local event
	start_blank
	pattern_write $X 1000 40 old
	said 0 status x --json
	document status
	assert_eq 'null 512' "$(field "$OUT" devices.0.job devices.0.main.physical_block_bytes)"
	said 0 remap x 1000 8 -n --json
	document remap
	assert_eq 'nothing 1000 8 null' "$(field "$OUT" result sector sectors job)"
	assert_eq 0 "$(remap_get x remapped)"
	said 0 remap x 1000 8 --wait --json
	document remap
	assert_eq 'x 1000 8 done null' "$(field "$OUT" name sector sectors result error)"
	job_is remap done 1000 8 8 0 0
	host bad main 1000:8
	pattern_check $X 1000 40 old
	said 0 remap x 1000 8 --wait
	assert_eq 'remap of sectors 1000 to 1007 is done: 0 sectors moved' "$OUT"
	said 0 remap x 1020 --wait
	assert_eq 'remap of sector 1020 is done: 1 sectors moved' "$OUT"
	said 0 status x
	assert_contains "$OUT" 'job: the last one, remap of sector 1020, is done: 1 sectors moved'
	said 0 status x --json
	document status
	assert_eq 'remap done 1020 1 1021' "$(field "$OUT" devices.0.job.kind devices.0.job.state devices.0.job.sector devices.0.job.sectors devices.0.job.at)"
	# Without --wait an event tells the end.
	event=$(dm_event_nr x)
	said 0 remap x 1030
	assert_contains "$OUT" "remap of sector 1030 has begun: 'dmremap status x' tells how far it is"
	dm_wait_event x "$event"
	assert_eq 10 "$(remap_get x remapped)"
	said 0 close x
	said 0 open x
	pattern_check $X 1000 40 old
}

whole_physical_blocks() {
	local whole
	whole=$(drive whole)
	wipe "$whole"
	start_blank "$whole"
	said 0 remap x 1001 -n
	assert_eq "sector 1001 of main, $whole, would be moved to spares, with the rest of their physical blocks of 4096 bytes" "$OUT"
	said 0 remap x 1001 --wait --json
	assert_eq 'done 1001 1' "$(field "$OUT" result sector sectors)"
	job_is remap done 1000 8 8 0 0
}

pending_and_tried_again() {
	start_blank
	pattern_write $X 3000 16 old
	host bad main 3002:4 read
	said 1 remap x 3000 8 --wait --json
	document remap
	assert_eq 'incomplete null' "$(field "$OUT" result error)"
	job_is remap done 3000 8 4 4 0
	said 1 remap x 3000 8 --wait
	assert_eq "remap of sectors 3000 to 3007 has ended: 0 sectors were moved; 4 sectors cannot be read, and are pending: 'dmremap files x' tells which files they belong to" "$OUT"
	assert_eq '3002 3003 3004 3005' "$(failing_sectors $X 3000 16)"
	said 1 retry x --wait --json
	document retry
	assert_eq 'incomplete null null' "$(field "$OUT" result sector sectors)"
	job_is retry_pending done 0 65536 0 4 0
	host heal main
	said 0 retry x -n
	assert_eq "4 pending sectors of main, $MAIN, would be read once more" "$OUT"
	said 0 retry x --wait
	assert_eq 'retry of pending sectors is done: 4 sectors moved' "$OUT"
	assert_eq '8 0' "$(remap_get x remapped pending)"
	# They are on the spare.
	host bad main 3000:8
	pattern_check $X 3000 16 old
}

no_room() {
	start_blank
	pattern_write $X 39000 100 old
	said 1 remap x 0 40000 --wait --json
	assert_eq job-failed "$(field "$OUT" error.id)"
	assert_match "$ERR" "^dmremap: remap of sectors 0 to 39999 has ended at sector [0-9]+: there is no spare block that takes it: add a spare, and try again \('dmremap add-spare x DEV'\); [0-9]+ sectors moved; what was moved stays moved$"
	assert_eq 0 "$(remap_get x pending)"
	said 0 status x
	assert_match "$OUT" 'job: the last one, remap of sectors 0 to 39999, has failed at sector [0-9]+, and the kernel.s log tells why: [0-9]+ sectors moved'
	said 0 add-spare x "$(drive two)"
	said 0 remap x 0 40000 --wait
	assert_eq 40000 "$(remap_get x remapped)"
	host bad main 39000:100
	pattern_check $X 39000 100 old
}

# --- and back

back_to_main() {
	local before
	start_blank
	pattern_write $X 0 2000 old
	pattern_write $X 60000 2000 old
	host bad main 1000:16 61000:40
	pattern_write $X 1000 16 new
	pattern_write $X 61000 40 new
	said 0 remap x 100 8 --wait
	host heal main
	before=$(sum_of $X)
	assert_ne "$before" "$(sum_of "$MAIN")"
	assert_eq 64 "$(remap_get x remapped)"
	said 0 unremap x 1004 4 --wait --json
	document unremap
	job_is unremap done 1004 4 4 0 0
	assert_eq 60 "$(remap_get x remapped)"
	said 0 unremap x --all -n
	assert_eq "what lives on spares of sectors 0 to 65535 would be moved back to main, $MAIN, where it takes that and gives it back the same" "$OUT"
	said 0 unremap x --all --wait
	assert_eq 'unremap of sectors 0 to 65535 is done: 60 sectors moved' "$OUT"
	assert_eq '0 0' "$(remap_get x remapped used)"
	assert_eq "$before" "$(sum_of $X)"
	said 0 close x
	assert_eq "$before" "$(sum_of "$MAIN")" 'main by itself'
	pattern_check "$MAIN" 1000 16 new
}

main_does_not_take_it() {
	local before
	start_blank
	host bad main 1000:16
	pattern_write $X 1000 16 new
	host heal main
	host bad main 1005:3 write
	before=$(sum_of $X)
	said 1 unremap x --all --wait
	assert_eq 'unremap of sectors 0 to 65535 has ended: 13 sectors were moved; 3 sectors main does not take back: they stay on their spares, and nothing is lost' "$OUT"
	said 1 unremap x 1000 16 --wait --json
	document unremap
	assert_eq 'incomplete null' "$(field "$OUT" result error)"
	job_is unremap done 1000 16 0 0 3
	assert_eq '3 0' "$(remap_get x remapped pending)"
	assert_eq "$before" "$(sum_of $X)"
}

# --- where a sector is counted from

counted_on_the_disk() {
	local disk
	disk=$(drive main)
	wipe "$disk"
	partition "$disk" 2049 20001
	defer "wipe $disk && blockdev --rereadpt $disk"
	wipe "$(drive spare)"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	defer 'dm_remove_if_there x; host heal main'
	said 0 create x --main "${disk}1" --spare "$(drive spare)"
	pattern_write $X 1000 16 old
	said 2 remap x 2048 8 --disk
	assert_contains "$ERR" 'sector 2048 of the disk is not in main, which has its sectors 2049 to 22049'
	said 2 remap x 22049 2 --disk
	assert_contains "$ERR" 'sector 22050 of the disk is not in main'
	said 2 unremap x 22050 --disk --wait
	said 2 remap x 20001
	assert_contains "$ERR" 'sector 20001 is beyond the device, which has 20001 sectors'
	assert_eq 0 "$(remap_get x remapped)"
	said 0 remap x $((2049 + 1000)) 8 --disk --wait --json
	document remap
	assert_eq '1000 8' "$(field "$OUT" sector sectors)"
	job_is remap done 1000 8 8 0 0
	host bad main $((2049 + 1000)):8
	pattern_check $X 1000 16 old
	said 0 remap x 22049 --disk --wait --json
	job_is remap done 20000 1 1 0 0
	host heal main
	said 0 unremap x 2049 20001 --disk --wait --json
	job_is unremap done 0 20001 9 0 0
	pattern_check "${disk}1" 1000 16 old
}

counted_on_main() {
	start_blank
	said 0 remap x 1000 8 --disk --wait --json
	job_is remap done 1000 8 8 0 0
	said 0 close x
	# What lies on several disks, or on a part of one, has no place there that a disk's log knows.
	wipe "$MAIN" "$SPARE"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	dm_create linear "0 20000 linear $MAIN 100"
	said 0 create x --main /dev/mapper/linear --spare "$SPARE"
	said 1 remap x 1000 --disk --json
	assert_eq refused "$(field "$OUT" error.id)"
	assert_contains "$ERR" 'is neither a disk nor a partition of one'
	said 0 remap x 1000 --wait
	said 0 close x
}

# --- one at a time

one_at_a_time() {
	start_blank
	said 1 stop-job x --json
	assert_eq no-job "$(field "$OUT" error.id)"
	host slow main 2
	job_begins remap x 0 20000 --wait
	said 4 retry x --json
	assert_eq busy "$(field "$OUT" error.id)"
	assert_contains "$ERR" "x: remap of sectors 0 to 19999 is under way, and there is one job at a time: wait for its end, which 'dmremap status x' tells, or end it with 'dmremap stop-job x'"
	said 4 unremap x --all --wait
	said 0 status x
	assert_match "$OUT" 'job: remap of sectors 0 to 19999 is under way: [0-9]+ %, at sector [0-9]+, [0-9]+ sectors moved'
	said 0 stop-job x -n
	assert_eq 'remap of sectors 0 to 19999 would be stopped' "$OUT"
	said 0 stop-job x --json
	document stop-job
	assert_eq 'x stopped remap stopped 0 20000' "$(field "$OUT" name result job.kind job.state job.sector job.sectors)"
	ends 1
	assert_match "$ERR" '^dmremap: remap of sectors 0 to 19999 was stopped at sector [0-9]+: [0-9]+ sectors moved; what was moved stays moved$'
	said 1 stop-job x
	assert_contains "$ERR" 'x: no job is under way; the last one, remap of sectors 0 to 19999, was stopped at sector'
	# What was moved stays so, and the next one begins there.
	job_begins remap x 0 20000 --wait --json
	host slow main off
	ends 0
	document remap
	assert_eq 20000 "$(remap_get x remapped)"
}

ended_by_another_table() {
	start_blank
	host slow main 2
	job_begins remap x 0 20000 --wait --json
	dmsetup table x | dmsetup load x
	dmsetup suspend x
	dmsetup resume x
	ends 1
	assert_eq job-stopped "$(field "$OUT" error.id)"
	assert_contains "$ERR" 'remap of sectors 0 to 19999 was ended by another table of x: what was moved stays moved; ask for it again'
	host slow main off
	said 0 remap x 0 20000 --wait
}

beside_the_removal_of_a_spare() {
	start_blank
	said 0 add-spare x "$(drive two)"
	said 0 remap x 0 16384 --wait
	host slow two 2
	defer 'host slow two off'
	"$TOOL" remove-spare x "$SPARE" --wait >/run/background.out 2>/run/background.err &
	TOOL_PID=$!
	wait_for 'dmsetup message x 0 status | grep -q ^removing' '' 'the removal to begin'
	said 4 remap x 30000
	assert_contains "$ERR" "spare 0 of x is being removed, and there is one job at a time: wait for its end, or 'dmremap remove-spare x 0 --cancel'"
	said 1 stop-job x
	assert_contains "$ERR" "'dmremap remove-spare x 0 --cancel' ends that"
	said 0 remove-spare x 0 --cancel
	ends 1
	assert_contains "$ERR" "stays in the set"
	host slow two off
	said 0 remove-spare x 0 --wait
	assert_eq 1 "$(remap_get x members)"
}

tool_install
modules_load
test_case 'a sector is moved before it fails' moved_before_it_fails
test_case 'the whole physical block is moved' whole_physical_blocks
test_case 'what is pending is tried again' pending_and_tried_again
test_case 'the spares have no room' no_room
test_case 'all goes back to main' back_to_main
test_case 'main does not take it back' main_does_not_take_it
test_case 'counted on the disk of a partition' counted_on_the_disk
test_case 'counted on main itself' counted_on_main
test_case 'one job at a time, which can be stopped' one_at_a_time
test_case 'ended by another table' ended_by_another_table
test_case 'beside the removal of a spare' beside_the_removal_of_a_spare
test_case 'documents are as the schema describes them' described
modules_unload
