#!/bin/bash
# `dmremap replace`: a device is copied to a new disk, as it stands and while it is written, broken off and gone on with, and swapped live.
# on: 6.12
# vm: drives=main:32M:scsi,spare:16M:scsi,new:40M:scsi,small:16M:virtio,other:40M:scsi modules=required smp=1 timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

STATE=/run/replace.json
export DM_REMAP_STATE=/run/copies

start_blank() {
	MAIN=$(drive main) SPARE=$(drive spare) NEW=$(drive new)
	wipe "$MAIN" "$SPARE" "$NEW"
	rm -rf "${DM_REMAP_CONFIG%/*}" $DM_REMAP_STATE $STATE
	defer 'dm_remove_if_there x; host heal main; host slow new off'
	said 0 create x --main "$MAIN" --spare "$SPARE"
}
# in_background WORD...: dmremap WORD...; its number is in $TOOL_PID.
in_background() {
	"$TOOL" "$@" >/run/background.out 2>/run/background.err &
	TOOL_PID=$!
}
# recorded STATE: how many sectors the record of the copy calls so, by number.
recorded() {
	perl -MJSON::PP -e '
		local $/; open(my $f, "<", shift) or do { print "0\n"; exit };
		my ($wanted, $at, $sum) = (shift, 0, 0);
		for my $run (@{decode_json(<$f>)->{copy}{runs}}) { $sum += $run->[0] - $at if $run->[1] == $wanted; $at = $run->[0]; }
		print "$sum\n";
	' $STATE "$1"
}
COPIED=3 VERIFIED=4
same() { # DEVICE DEVICE START COUNT
	cmp <(read_sectors "$1" "$3" "$4") <(read_sectors "$2" "$3" "$4")
}
suspended() { [[ $(<"$(sysfs_of $X)/dm/suspended") == 1 ]]; }

refused() {
	local before
	start_blank
	mkfs.ext4 -qFL home "$NEW"
	before=$(sum_of "$NEW")
	said 3 replace y "$NEW" --yes
	said 3 replace x /dev/nothing --yes
	said 1 replace x /dev/shm --yes --json
	assert_eq not-a-device "$(field "$OUT" error.id)"
	said 5 replace x "$MAIN" --yes
	assert_contains "$ERR" 'which is to be replaced'
	said 5 replace x "$SPARE" --yes --json
	assert_eq same-device "$(field "$OUT" error.id)"
	said 5 replace x $X --yes
	said 1 replace x "$(drive small)" --yes --json
	assert_eq too-small "$(field "$OUT" error.id)"
	said 5 replace x "$NEW" --json
	assert_eq needs-yes "$(field "$OUT" error.id)"
	assert_contains "$ERR" "a filesystem of type ext4, label 'home'"
	said 0 replace x "$NEW" -n
	assert_contains "$OUT" 'which is lost'
	assert_eq "$before" "$(sum_of "$NEW")"
	mkdir -p /run/mnt
	mount "$NEW" /run/mnt
	said 4 replace x "$NEW" --yes
	umount /run/mnt
	# A spare of another set.
	wipe "$NEW" "$(drive other)"
	said 0 create y --main "$(drive other)" --spare "$NEW"
	said 0 close y
	said 5 replace x "$NEW" --yes --json
	assert_eq not-blank "$(field "$OUT" error.id)"
}

# Nobody uses it: what is mapped comes from the spare; what cannot be read is a text on the new disk.
copied_at_rest() {
	start_blank
	pattern_write $X 0 2000 old
	pattern_write $X 8000 2000 old
	pattern_write $X 50000 100 old
	pattern_write "$NEW" 9000 3 stale
	host bad main 1000:8 write
	pattern_write $X 1000 8 new
	host bad main 9000:3 50000 read
	said 0 replace x "$NEW" --yes --state $STATE --map /run/map --json
	assert_eq "copied 65536 false 4 9000 3 50000 1 0" \
		"$(field "$OUT" result sectors resumed unreadable_sectors unreadable.0.sector unreadable.0.sectors unreadable.1.sector unreadable.1.sectors unverified_sectors)"
	pattern_check "$NEW" 0 1000 old 8 new 992 old
	pattern_check "$NEW" 8000 1000 old
	assert_contains "$(read_sectors "$NEW" 9002)" 'dm-remap: sector 9002 of x could not be read'
	same $X "$NEW" 9003 40997
	same $X "$NEW" 50001 15535
	assert_eq '0x465000  0x600  -' "$(sed -n '/ -$/{p;q}' /run/map)"
	assert_match "$(dmsetup table x)" ' remap '
	# Written since, and healed: the same command brings it over.
	host heal main
	pattern_write $X 30000 4 since
	said 0 replace x "$NEW" --state $STATE --json
	assert_eq 'copied true 0' "$(field "$OUT" result resumed unreadable_sectors)"
	same $X "$NEW" 0 65536
	# Another disk is not taken for it.
	said 5 replace x "$(drive other)" --yes --state $STATE --json
	assert_eq other-copy "$(field "$OUT" error.id)"
	# A record that is torn costs time, and nothing else.
	truncate -s 100 $STATE
	pattern_write $X 40000 4 later
	said 0 replace x "$NEW" --yes --state $STATE --json
	assert_eq 'copied false state' "$(field "$OUT" result resumed warnings.0.id)"
	same $X "$NEW" 0 65536
}

# The filesystem stays mounted, and files are written and verified all the time. It fills three quarters of the device.
random_swapped_live() {
	local ranges before status
	start_blank
	mkfs.ext4 -qF $X 24M
	mkdir -p /run/mnt
	mount $X /run/mnt
	defer '! mountpoint -q /run/mnt || umount /run/mnt'
	pattern_write $X 59000 2000 tail
	pattern cold 0 2000 >/run/mnt/cold
	sync
	mapfile -t ranges < <(random_ranges 6 4 4096 40000 bad)
	host bad main "${ranges[@]}" write
	host bad main 60000:3 read
	# A minute and more for each pass over it: longer by far than until the next record, every five seconds.
	host slow new 2
	LOAD_ON=/run/mnt/load
	random_load_start
	# Broken off by force, while it copies.
	in_background replace x "$NEW" --yes --swap --standstill 600 --state $STATE
	wait_for "test \$(recorded $COPIED) -gt 0" '' 'the copy to be under way'
	kill -9 $TOOL_PID
	wait $TOOL_PID || true
	wait_for "dmremap replace x $NEW -n" '' 'the device to go on'
	# Nobody takes it for the filesystem.
	assert_fail blkid -p "$NEW"
	before=$(recorded $COPIED)
	said 5 replace x "$(drive other)" --yes --state $STATE --json
	assert_eq other-copy "$(field "$OUT" error.id)"
	# And once more, asked to end.
	in_background replace x "$NEW" --swap --standstill 600 --state $STATE --json
	wait_for "test \$(( \$(recorded $COPIED) + \$(recorded $VERIFIED) )) -gt $before" '' 'the copy to go on'
	kill -TERM $TOOL_PID
	status=0
	wait $TOOL_PID || status=$?
	assert_eq 1 $status
	assert_eq interrupted "$(field "$(</run/background.out)" error.id)"
	assert_match "$(dmsetup table x)" ' remap '
	loading
	host slow new off
	said 0 replace x "$NEW" --swap --standstill 600 --state $STATE --json
	assert_eq 'swapped true true 3 60000 3' \
		"$(field "$OUT" result resumed in_use unreadable_sectors unreadable.0.sector unreadable.0.sectors)"
	say "$(field "$OUT" rounds standstill_milliseconds | sed 's/ / rounds, stood still for /') ms"
	loading
	load_ok
	load_again
	cmp /run/mnt/cold <(pattern cold 0 2000)
	umount /run/mnt
	assert_eq "0 60000 linear $(number_of "$NEW") 0 60000 3 error 60003 5533 linear $(number_of "$NEW") 60003" "$(dmsetup table x | xargs)"
	e2fsck -fn $X
	assert_fail read_sectors $X 60001
	pattern_check $X 59000 1000 tail
	assert_contains "$(read_sectors "$NEW" 60001)" 'dm-remap: sector 60001 of x could not be read'
	# The set is nobody's any more, and can be looked at.
	assert_not_contains "$(<"$DM_REMAP_CONFIG")" 'name=x'
	assert_fail test -e $STATE
	dm_remove x
	mount "$NEW" /run/mnt
	cmp /run/mnt/cold <(pattern cold 0 2000)
	umount /run/mnt
	said 0 check "$SPARE"
}

# Copied before, written since, and not to be read any more: what was copied is old.
old_data_is_given_up() {
	start_blank
	pattern_write $X 9000 16 old
	said 0 replace x "$NEW" --yes --state $STATE
	pattern_write $X 9000 8 newer
	host bad main 9000:8 read
	said 0 replace x "$NEW" --yes --swap --state $STATE --json
	assert_eq '8 9000 8' "$(field "$OUT" unreadable_sectors unreadable.0.sector unreadable.0.sectors)"
	assert_contains "$(read_sectors "$NEW" 9000)" 'dm-remap: sector 9000 of x could not be read'
	assert_fail read_sectors $X 9000
	pattern_check $X 9008 8 old
}

# A write that comes while the device waits to stand still is done after it: it is copied, although nobody tells it again. Main takes
# its time over writes, and one part of it more than the other: the second write comes while the long one is waited for.
written_while_it_stood_still() {
	local busy writers=()
	start_blank
	said 0 close x
	modprobe dm-delay
	MAIN=/dev/mapper/slow
	dmsetup create slow <<-END
		0 32768 delay $(drive main) 0 0 $(drive main) 0 10000
		32768 32768 delay $(drive main) 32768 0 $(drive main) 32768 30000
	END
	defer 'dm_remove_if_there x; dm_remove_if_there slow'
	wipe "$SPARE"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	said 0 create x --main $MAIN --spare "$SPARE"
	busy=$(sysfs_of $X)/inflight
	pattern_write $X 40000 8 long &
	writers+=($!)
	{ pattern_write $X 9000 8 first && pattern_write $X 9000 8 second; } &
	writers+=($!)
	wait_for "awk '{ exit \$2 < 2 }' $busy" '' 'both to write'
	said 0 replace x "$NEW" --yes --swap --standstill 600 --state $STATE
	wait "${writers[@]}"
	pattern_check $X 9000 8 second
	pattern_check $X 40000 8 long
	assert_match "$(dmsetup table x)" ' linear '
}

# It is killed when nothing may pass, a table for the new disk being loaded: the device goes on as it was.
killed_at_the_standstill() {
	start_blank
	pattern_write $X 0 4000 old
	host slow new 2
	in_background replace x "$NEW" --yes --swap --state $STATE --standstill 600
	wait_for 'suspended && test -n "$(dmsetup table --inactive x)"' 600 'the device to stand still, the new table loaded'
	kill -9 $TOOL_PID
	wait $TOOL_PID || true
	wait_for '! suspended' '' 'the device to go on'
	assert_match "$(dmsetup table x)" ' remap '
	assert_eq '' "$(dmsetup table --inactive x)"
	pattern_check $X 0 4000 old
	host slow new off
	wait_for "dmremap replace x $NEW -n" '' 'the new disk to be let go'
	said 0 replace x "$NEW" --yes --swap --state $STATE
	pattern_check $X 0 4000 old
	assert_match "$(dmsetup table x)" ' linear '
}

tool_install
modules_load
test_case 'what cannot take its place is refused' refused
test_case 'a device that nobody uses is copied' copied_at_rest
test_case 'a mounted device is copied under load, broken off twice, and swapped' random_swapped_live
test_case 'what may be old is given up where it cannot be read' old_data_is_given_up
test_case 'what is written while the device stands still is copied' written_while_it_stood_still
test_case 'killed while the device stands still' killed_at_the_standstill
modules_unload
