#!/bin/bash
# dmremap report: the page and the document about a disk that goes bad, about one that stands still, and about a set that does not run.
# on: 6.12
# vm: drives=main:64M:scsi,spare:16M:scsi,two:16M:scsi modules=required smp=1 timeout=900
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

MOUNT=/run/mnt
PAGE=/run/page.html
export DM_REMAP_STATE=/run/histories

# start: a set with an ext4 that is mounted, and in it a file that lies on its own: $FILE_AT is its first sector.
start() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	rm -rf "${DM_REMAP_CONFIG%/*}" $DM_REMAP_STATE $PAGE
	mkdir -p $MOUNT $DM_REMAP_STATE
	said 0 create x --main "$MAIN" --spare "$SPARE"
	defer 'dm_remove_if_there x; host heal main'
	mkfs.ext4 -qF -b 4096 $X
	mount $X $MOUNT
	defer "umount $MOUNT 2>/dev/null || true"
	perl -e 'print "<letter>" x 2048' >"$MOUNT/<b>letter"
	sync -f $MOUNT
	FILE_AT=$(($(filefrag -b512 -v "$MOUNT/<b>letter" | awk '$1 == "0:" { print $4 + 0; exit }')))
	((FILE_AT > 0)) || fail 'where the file lies is not known'
}
# same A B: two parts of documents, each PATH=DOCUMENT, are the same.
same() {
	perl -MJSON::PP -e '
		my $json = JSON::PP->new->canonical->allow_nonref;
		my @parts = map {
			my ($path, $document) = split /=/, $_, 2;
			my $at = decode_json($document);
			for my $step (split /\./, $path) { $at = ref $at eq "ARRAY" ? $at->[$step] : $at->{$step}; }
			# Of one that runs it counts on, and what was told of the whole is in one of them.
			if (ref $at eq "HASH") { delete @$at{qw(status state)}; }
			$json->encode($at);
		} @ARGV;
		$parts[0] eq $parts[1] or die "$parts[0]\nis not\n$parts[1]\n"' "$1" "$2" || fail "$(cut -d= -f1 <<<"$1") differs"
}
sum_of_cells() { perl -MJSON::PP -e 'my $sum = 0; $sum += $_->{$ARGV[1]} for @{decode_json($ARGV[0])->{map}{cells}}; print $sum' "$REPORT" "$1"; }

a_disk_goes_bad() {
	local status
	start
	said 0 guard on x
	said 0 metrics
	host bad main 100000:8
	host bad main "$FILE_AT:1" read
	assert_fail read_sectors $X "$FILE_AT" 1
	# Of free blocks of the filesystem.
	pattern_write $X 100000 8 new
	said 0 scrub x --wait
	said 0 report x -o $PAGE
	assert_eq '' "$ERR"
	assert_match "$OUT" "^x: DEGRADED, [0-9]+ findings: $PAGE\$"
	assert_contains "$(<$PAGE)" '<h1>x</h1>'
	assert_contains "$(<$PAGE)" '>DEGRADED</p>'
	assert_contains "$(<$PAGE)" "<td class=\"text\">$MOUNT/&lt;b&gt;letter</td>"
	assert_contains "$(<$PAGE)" '<code>dmremap files x</code>'
	assert_contains "$(<$PAGE)" 'well, and read by the scrub'
	assert_contains "$(<$PAGE)" 'QEMU'

	said 0 report x --json
	document report
	REPORT=$OUT
	assert_eq 'null DEGRADED true' "$(field "$REPORT" file device.state device.running)"
	said 0 status x --json
	status=$OUT
	same "device=$REPORT" "devices.0=$status"
	said 0 files x --json
	same "unreadable.blocks=$REPORT" "blocks=$OUT"
	assert_eq 1 "$(field "$REPORT" unreadable.sectors)"
	said 0 smart x --json
	same "drives=$REPORT" "devices.0.drives=$OUT"
	assert_contains "$REPORT" '"smart-silent"'
	said 0 health x --json
	same "health=$REPORT" "devices.0=$OUT"
	same "history=$REPORT" "devices.0.history=$OUT"
	assert_ne null "$(field "$REPORT" history)"
	assert_eq "$(field "$status" devices.0.map.pending_sectors)" "$(sum_of_cells unreadable_sectors)"
	assert_eq "$(field "$status" devices.0.map.remapped_sectors)" $(($(sum_of_cells remapped_sectors) + $(sum_of_cells guarded_sectors)))
	assert_eq "$(field "$status" devices.0.guard.sectors)" "$(sum_of_cells guarded_sectors)"
}

what_the_page_is_written_to() {
	start
	echo old >$PAGE
	said 0 report x -o $PAGE -n
	assert_eq old "$(<$PAGE)"
	assert_contains "$OUT" "$PAGE, which -n does not write"
	said 0 report x -o $PAGE -n --json
	assert_eq null "$(field "$OUT" file)"
	said 0 report x -o $PAGE --json
	document report
	assert_eq $PAGE "$(field "$OUT" file)"
	assert_match "$(head -n 1 $PAGE)" '^<!DOCTYPE html>'
	said 0 report x -o -
	assert_match "$(head -n 1 <<<"$OUT")" '^<!DOCTYPE html>'
	said 0 report "/dev/$(dmsetup info -c --noheadings -o blkdevname x)" -o -
	assert_contains "$OUT" '<h1>x</h1>'
	said 2 report x
	assert_contains "$ERR" '-o FILE.html'
	said 2 report x --json -o -
	said 3 report y -o /run/other.html
	assert_fail test -e /run/other.html
	said 5 report x -o "$SPARE"
	assert_contains "$ERR" 'name one'
	said 3 report x -o /run/nowhere/page.html
}

# What cannot be had is said, and the rest is there.
less_is_known() {
	start
	umount $MOUNT
	dmsetup suspend x
	said 0 report x --json
	dmsetup resume x
	assert_eq 'null files' "$(field "$OUT" unreadable warnings.0.id)"
	assert_contains "$OUT" "dmsetup resume x"
	document report
	mv /usr/sbin/smartctl /usr/sbin/smartctl.away
	defer 'mv /usr/sbin/smartctl.away /usr/sbin/smartctl'
	said 0 report x -o $PAGE
	assert_contains "$ERR" 'smartmontools'
	assert_contains "$(<$PAGE)" 'Not known: there is no smartctl'
	assert_contains "$(<$PAGE)" '<h2 id="warnings">'
}

# What lives on a spare that is missing cannot be read, though the map has it.
a_spare_is_missing() {
	local two
	two=$(drive two) MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE" "$two"
	rm -rf "${DM_REMAP_CONFIG%/*}" $DM_REMAP_STATE $PAGE
	mkdir -p $DM_REMAP_STATE
	said 0 create x --main "$MAIN" --spare "$two" --spare "$SPARE"
	defer 'dm_remove_if_there x; host heal main'
	host bad main 1000:8
	pattern_write $X 1000 8 new
	said 0 close x
	said 0 open x --spare "$SPARE" --degraded --force --yes
	said 0 report x -o $PAGE
	assert_contains "$(<$PAGE)" 'nothing is served by spares, and 8 sectors (4.0 KiB) cannot be read'
	assert_contains "$(<$PAGE)" 'Some of it is on a spare that is missing: find that first'
	assert_contains "$(<$PAGE)" '<td class="text">missing</td>'
	said 0 report x --json
	REPORT=$OUT
	assert_eq '8 spare_missing' "$(field "$REPORT" unreadable.sectors unreadable.blocks.0.cause)"
	assert_eq '8 0' "$(sum_of_cells unreadable_sectors) $(sum_of_cells remapped_sectors)"
	said 0 map --draw x
	assert_contains "$(head -n 1 <<<"$OUT")" '!'
}

does_not_run() {
	start
	said 0 metrics
	umount $MOUNT
	said 0 close x
	said 0 report x -o $PAGE
	assert_contains "$OUT" 'x: OFFLINE'
	assert_contains "$(<$PAGE)" '<code>dmremap open x</code>'
	assert_contains "$(<$PAGE)" 'I/O errors of the last 30 days'
	said 0 report x --json
	document report
	assert_eq 'OFFLINE null null null null' "$(field "$OUT" device.state map health drives unreadable)"
	assert_ne null "$(field "$OUT" history)"
}

tool_install
modules_load
test_case 'a disk goes bad' a_disk_goes_bad
test_case 'what the page is written to' what_the_page_is_written_to
test_case 'less is known' less_is_known
test_case 'a spare is missing' a_spare_is_missing
test_case 'a set that does not run' does_not_run
test_case 'its documents are as docs/dmremap.schema.json describes them' described
modules_unload
