#!/bin/bash
# `dmremap import`: lists that the real badblocks, ddrescue and smartctl have made, and what becomes of them.
# on: 6.12
# vm: drives=main:16M:scsi,spare:8M:scsi modules=required timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

LIST=/run/list MAP=/run/map

# start_blank [MAIN]: a set over the drive, which is wiped, or over another main, which stays.
start_blank() {
	MAIN=${1-$(drive main)} SPARE=$(drive spare)
	(($#)) || wipe "$MAIN"
	wipe "$SPARE"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	defer 'dm_remove_if_there x; host heal main; host slow main off'
	said 0 create x --main "$MAIN" --spare "$SPARE"
}
# imported STATUS WORD...: dmremap import x WORD... --json ends so, without an error.
imported() {
	local status=$1
	shift
	said "$status" import x "$@" --json
	document import
}
# listed: the sectors that $OUT, of import -n --json, would move, one a line.
listed() {
	perl -MJSON::PP -e 'for (@{decode_json(shift)->{list}}) { print "$_\n" for $_->{sector} .. $_->{sector} + $_->{sectors} - 1 }' "$OUT"
}

# --- badblocks

of_badblocks() {
	local expected sectors
	start_blank
	pattern_write $X 2000 16 old
	host bad main 2002:3 read
	host bad main 9001:1 read
	assert_ok badblocks -b 1024 -o $LIST "$MAIN" 10240
	# It may name the rest of a page, too.
	assert_eq '1001 1002 4500' "$(grep -xE '1001|1002|4500' $LIST | xargs)"
	expected=$(perl -ne 'print 2 * $_, "\n", 2 * $_ + 1, "\n"' $LIST)
	sectors=$(wc -l <<<"$expected")
	# A disk that has cooled down.
	host heal main
	imported 0 badblocks $LIST -n
	assert_eq "badblocks 1024 false $((sectors / 2)) 2 $sectors nothing null" "$(field "$OUT" format block_bytes from_disk listed_blocks ranges sectors result moved_sectors)"
	assert_eq "$expected" "$(listed)"
	assert_eq 0 "$(remap_get x remapped)"
	imported 0 badblocks $LIST
	assert_eq "done 2 $sectors 0 0 0 null" "$(field "$OUT" result ranges_done moved_sectors unreadable_sectors untouched_sectors pending_sectors list)"
	assert_eq "$sectors" "$(remap_get x remapped)"
	host bad main 2002:3
	pattern_check $X 2000 16 old
	said 0 import x badblocks - <$LIST
	assert_contains "$OUT" "2 ranges of x are done: 0 sectors moved, $sectors on spares already"
}

what_cannot_be_read() {
	start_blank
	pattern_write $X 2000 16 old
	host bad main 2002:3 read
	printf '1001\n1000\n1001\n1002\n' >$LIST
	said 0 import x badblocks $LIST -n
	assert_eq "$LIST names 4 blocks of 1024 bytes, unless --block-size says otherwise
6 sectors of main, $MAIN, in 1 ranges would be moved to spares, with the rest of their physical blocks of 512 bytes:
sectors 2000 to 2005" "$OUT"
	said 1 import x badblocks $LIST
	assert_contains "$OUT" '1 ranges of x are done: 3 sectors moved, 3 unreadable'
	assert_contains "$OUT" "3 sectors of x cannot be read, and are pending: 'dmremap files x' tells which files they belong to"
	assert_eq '3 3' "$(remap_get x remapped pending)"
	imported 1 badblocks $LIST
	assert_eq 'incomplete 0 3 3 3' "$(field "$OUT" result moved_sectors unreadable_sectors untouched_sectors pending_sectors)"
	host heal main
	imported 0 badblocks $LIST
	assert_eq 'done 3 0 3 0' "$(field "$OUT" result moved_sectors unreadable_sectors untouched_sectors pending_sectors)"
	host bad main 2000:6
	pattern_check $X 2000 16 old
}

# --- ddrescue

of_ddrescue() {
	start_blank
	pattern_write $X 5000 40 old
	host bad main 5003:2 read
	host bad main 20000:1 read
	# What it is at first, and what it is narrowed down to.
	rm -f $MAP
	assert_ok ddrescue -q -d -s 11Mi -N "$MAIN" /run/image $MAP
	imported 0 ddrescue $MAP -n
	assert_eq "$(ddrescuelog -b 512 -l '*' $MAP)" "$(listed)" 'not trimmed'
	imported 0 ddrescue $MAP -n --bad-sectors
	assert_eq "$(ddrescuelog -b 512 -l - $MAP)" "$(listed)" 'bad sectors'
	assert_ok ddrescue -q -d -s 11Mi "$MAIN" /run/image $MAP
	rm /run/image
	imported 0 ddrescue $MAP -n --bad-sectors
	assert_eq '5003 5004 20000' "$(listed | xargs)"
	host heal main
	imported 0 ddrescue $MAP
	assert_eq 'done 1 3 2 0' "$(field "$OUT" result block_bytes moved_sectors ranges_done unreadable_sectors)"
	host bad main 5003:2
	pattern_check $X 5000 40 old
}

of_the_whole_disk() {
	local disk
	disk=$(drive main)
	wipe "$disk"
	partition "$disk" 2049 20001
	defer "wipe $disk && blockdev --rereadpt $disk"
	start_blank "${disk}1"
	pattern_write $X 1000 16 old
	host bad main $((2049 + 1000)):1 read
	host bad main 23000:2 read
	rm -f $MAP
	assert_ok ddrescue -q -d -s 12Mi "$disk" /run/image $MAP
	rm /run/image
	said 1 import x ddrescue $MAP --json
	assert_eq list "$(field "$OUT" error.id)"
	assert_match "$ERR" "^dmremap: $MAP: line [0-9]+: byte [0-9]+ is beyond ${disk}1, which has 20001 sectors of 512 bytes. Nothing was moved. Is this the mapfile of the whole disk \(--disk\), or of another one\?$"
	assert_eq '0 0' "$(remap_get x remapped pending)"
	host heal main
	imported 0 ddrescue $MAP --disk
	assert_eq 'true done 1 elsewhere' "$(field "$OUT" from_disk result moved_sectors warnings.0.id)"
	host bad main $((2049 + 1000)):1
	pattern_check $X 1000 16 old
	# A drive's log always counts so.
	logs SMART_SELFTEST=$((2049 + 3000)) SMART_DEFECT=5 -l selftest -l defects
	imported 0 smart $LIST -n
	assert_eq 'true 1 3000 1 elsewhere' "$(field "$OUT" from_disk ranges list.0.sector list.0.sectors warnings.0.id)"
	said 1 import x smart - < <(sed 's/ 5049$/ 40000/' $LIST)
	assert_match "$ERR" "standard input: line [0-9]+: block 40000 of 512 bytes is beyond $disk, which has 32768 sectors"
}
# --- smartctl

# logs NAME=LBA... OPTION...: what smartctl prints of a drive that has these in its logs. Its status tells of them.
logs() {
	local -a drive=(SMART_SECTORS=32768)
	local status=0
	while [[ ${1-} == SMART_* ]]; do
		drive+=("$1")
		shift
	done
	env "${drive[@]}" LD_PRELOAD="${VM_LIB%/*/*}/failing_drive.so" smartctl -d sat "$@" /dev/null >$LIST || status=$?
	((!(status & 3))) || fail "smartctl: $(<$LIST)"
}

of_smartctl() {
	local -a all=(SMART_SELFTEST=5000 SMART_ERROR=6000 SMART_DEFECT=7001)
	[[ -e ${VM_LIB%/*/*}/failing_drive.so ]] || fail 'there is no failing_drive.so: cmake --build build/host --target failing_drive'
	start_blank
	pattern_write $X 5000 8 old
	logs "${all[@]}" -l error -l selftest
	imported 0 smart $LIST -n
	assert_eq '5000 6000' "$(listed | xargs)"
	logs "${all[@]}" -x
	imported 0 smart $LIST -n
	assert_eq '512 5000 6000 7001' "$(field "$OUT" block_bytes) $(listed | xargs)"
	logs "${all[@]}" -x -l error -l selftest --json
	imported 0 smart $LIST
	assert_eq 'done 5 3 3' "$(field "$OUT" result listed_blocks moved_sectors ranges_done)"
	host bad main 5000:1
	pattern_check $X 5000 8 old
	# A drive without a fault.
	logs -x
	said 0 import x smart $LIST
	assert_eq "$LIST names no bad block
nothing is to be moved" "$OUT"
	# It says so itself.
	said 2 import x smart $LIST --block-size 4096
	assert_contains "$ERR" "--block-size 4096: $LIST says that its blocks have 512 bytes"
}

# --- nothing, not all, not now

nothing_is_moved() {
	start_blank
	printf '5\n16383\n16384\n' >$LIST
	said 1 import x badblocks $LIST
	assert_eq "dmremap: $LIST: line 3: block 16384 of 1024 bytes is beyond $MAIN, which has 32768 sectors of 512 bytes. Nothing was moved. Was the list made with another block size (--block-size), or of the whole disk (--disk)?" "$ERR"
	said 1 import x badblocks $LIST --block-size 4096
	assert_contains "$ERR" 'line 2: block 16383 of 4096 bytes is beyond'
	assert_eq 0 "$(remap_get x remapped)"
	imported 0 badblocks /dev/null
	assert_eq 'nothing 0 0' "$(field "$OUT" result ranges sectors)"
	said 1 import x badblocks "$MAIN"
	assert_contains "$ERR" "$MAIN: this is a block device"
	said 0 import x badblocks $LIST --block-size 512 --json
	assert_eq 3 "$(remap_get x remapped)"
}

many_ranges_and_no_room() {
	start_blank
	seq 0 20 2000 >$LIST
	imported 0 badblocks $LIST --block-size 512
	assert_eq 'done 101 101' "$(field "$OUT" result ranges moved_sectors)"
	{ seq 10000 28000; echo 30000; } >$LIST
	said 1 import x badblocks $LIST --block-size 512 --json
	# So many jobs have ended that the kernel says no more of those that are done: of one that is not, it does.
	assert_eq 'job-failed no-room 0' "$(field "$OUT" error.id warnings.0.id ranges_done)"
	assert_contains "$ERR" "there is no spare block that takes it: add a spare, and try again ('dmremap add-spare x DEV')"
	assert_contains "$ERR" '0 of 2 ranges of the list are done'
	assert_eq 0 "$(remap_get x pending)"
}

broken_off() {
	local pid status=0
	start_blank
	seq 0 3999 >$LIST
	host slow main 2
	"$TOOL" import x badblocks $LIST --block-size 512 --json >/run/background.out 2>/run/background.err &
	pid=$!
	wait_for 'dmsetup message x 0 status | grep -q "^job .*state=running"' '' 'the job to begin'
	said 4 import x badblocks $LIST
	assert_contains "$ERR" 'remap of sectors 0 to 3999 is under way, and there is one job at a time'
	kill -INT $pid
	wait $pid || status=$?
	OUT=$(</run/background.out) ERR=$(</run/background.err)
	assert_eq "1 interrupted 0" "$status $(field "$OUT" error.id ranges_done)" "$OUT$ERR"
	assert_match "$ERR" '^dmremap: it was broken off. 0 of 1 ranges of the list are done: [0-9]+ sectors moved. What was moved stays moved, and the same command goes on from there$'
	assert_match "$(dmsetup message x 0 status)" 'job kind=remap state=stopped'
	host slow main off
	imported 0 badblocks $LIST --block-size 512
	assert_eq 4000 "$(remap_get x remapped)"
}

tool_install
modules_load
test_case 'a list of badblocks' of_badblocks
test_case 'what cannot be read any more' what_cannot_be_read
test_case 'a mapfile of ddrescue' of_ddrescue
test_case 'a list of the whole disk' of_the_whole_disk
test_case 'the logs of a drive' of_smartctl
test_case 'nothing is moved if something is wrong' nothing_is_moved
test_case 'many ranges, and no room' many_ranges_and_no_room
test_case 'broken off' broken_off
test_case 'documents are as the schema describes them' described
modules_unload
