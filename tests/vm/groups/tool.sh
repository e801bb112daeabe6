#!/bin/bash
# The tool on running devices: makes, starts, stops sets, says how they are, changes their spares.
# on: 6.12
# vm: drives=main:64M:scsi,spare:32M:scsi,two:16M:scsi,three:16M:nvme,nameless:64M:virtio,twin:64M:virtio modules=required timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

created_and_used() {
	start_blank
	pattern_write "$MAIN" 0 32 old
	said 0 create x --main "$MAIN" --spare "$SPARE" --json
	assert_eq "$X $MAIN null" "$(field "$OUT" path main error)"
	SET=$(field "$OUT" set)
	assert_eq "REMAP-$SET" "$(dmsetup info -c --noheadings -o uuid x)"
	assert_eq "set $SET name=x main=$MAIN" "$(cut -d ' ' -f 1-4 "$DM_REMAP_CONFIG")"
	pattern_check $X 0 32 old
	host bad main 1000:8
	pattern_write $X 1000 8 new
	said 0 status x --json
	assert_eq "ONLINE true remapped 8 ok" "$(field "$OUT" devices.0.state devices.0.configured devices.0.status.0.id devices.0.map.remapped_sectors devices.0.mode)"
	said 0 status
	assert_contains "$OUT" 'state: ONLINE'
	assert_contains "$OUT" '8 sectors of main live on spares'
	said 0 close x
	assert_fail dmsetup info x
	said 2 status --test
	assert_contains "$OUT" 'OFFLINE'
	said 0 open x
	pattern_check $X 1000 8 new
	assert_eq "REMAP-$SET" "$(dmsetup info -c --noheadings -o uuid x)"
	said 4 open x
	assert_contains "$ERR" 'runs already'
}

# What sets.conf does not say of what runs, and says of another.
named_and_noted() {
	local line
	start_blank
	said 0 create x --main "$MAIN" --spare "$SPARE" --no-config
	said 0 status x --json
	assert_contains "$OUT" '"id": "not-configured"'
	said 0 open x -n
	assert_fail grep 'name=x' "$DM_REMAP_CONFIG"
	said 0 open x --json
	assert_eq "$X $MAIN" "$(field "$OUT" path main)"
	line=$(grep 'name=x' "$DM_REMAP_CONFIG")
	assert_eq "set $(field "$OUT" set) name=x" "$(cut -d ' ' -f 1-3 <<<"$line")"
	said 4 open x
	said 0 close x
	# The name is another set's here.
	sed -i 's/^set ......../set 00000000/' "$DM_REMAP_CONFIG"
	said 4 open "$(cut -d ' ' -f 2 <<<"$line")" --main "$MAIN"
	assert_contains "$ERR" 'has the name x here'
	# What the line says would be lost.
	sed 's/degraded=dropped/degraded=nevr/' <<<"$line" >"$DM_REMAP_CONFIG"
	said 1 open "$(cut -d ' ' -f 2 <<<"$line")" --main "$MAIN"
	assert_contains "$ERR" 'that line is about this set: mend it first'
	echo "$line" >"$DM_REMAP_CONFIG"
	# What a start that was killed leaves.
	dmsetup create x --notable
	said 4 open x
	assert_contains "$ERR" "without a table, as a start that was broken off leaves it: if nobody is starting it now, 'dmsetup remove x'"
	dmsetup remove x
	said 0 open x
}

# --- what create looks at first

looks_first() {
	local before
	start_blank
	before=$(sum_of "$SPARE")
	said 0 create x --main "$MAIN" --spare "$SPARE" --dry-run
	assert_eq "$(remap_line "$MAIN" "$SPARE")" "$OUT"
	assert_eq "$before" "$(sum_of "$SPARE")"
	said 0 create x --main "$MAIN" --spare "$SPARE@8+2048" --dry-run
	assert_contains "$OUT" "$SPARE 8 2048"
	said 1 create x --main "$MAIN" --spare "$SPARE@0+512"
	assert_contains "$ERR" "spare $SPARE: 512 sectors are too few, a spare there needs at least"
	said 1 create x --main /dev/shm --spare "$SPARE"
	said 3 create x --main /dev/nothing --spare "$SPARE"
	said 5 create x --main "$MAIN" --spare "$MAIN" -n
	said 5 create x --main "$MAIN" --spare "$SPARE@0+2048" --spare "$SPARE@2040+2048" -n
	assert_contains "$ERR" 'each spare needs a place of its own'
	said 1 create x --main "$MAIN" --spare "$SPARE" --main-id 'two words' -n
	said 2 create $'x\ny' --main "$MAIN" --spare "$SPARE" -n
	said 2 create x --main "$MAIN"
	mkfs.ext4 -qFL home "$SPARE"
	before=$(sum_of "$SPARE")
	said 5 create x --main "$MAIN" --spare "$SPARE" --json
	assert_eq not-blank "$(field "$OUT" error.id)"
	assert_contains "$ERR" "a filesystem of type ext4, label 'home'"
	said 5 create x --main "$MAIN" --spare "$SPARE" --format
	assert_contains "$ERR" '--yes'
	assert_eq "$before" "$(sum_of "$SPARE")"
	mkfs.ext4 -qF "$MAIN"
	mkdir -p /run/mnt
	mount "$MAIN" /run/mnt
	said 4 create x --main "$MAIN" --spare "$SPARE" --format --yes
	assert_contains "$ERR" "$MAIN is mounted on /run/mnt: unmount it"
	umount /run/mnt
	echo "UUID=$(blkid -s UUID -o value "$MAIN") /srv ext4 defaults 0 2" >>/etc/fstab
	said 0 create x --main "$MAIN" --spare "$SPARE" --format --yes --no-config
	assert_contains "$ERR" "in /etc/fstab, write '$X /srv ext4 noauto 0 2' in the place of that line"
	assert_fail test -e "$DM_REMAP_CONFIG"
	said 4 create x --main "$(drive two)" --spare "$(drive three)"
	said 4 create y --main "$MAIN" --spare "$(drive three)"
	assert_contains "$ERR" 'dmremap close x'
	mount $X /run/mnt
	said 4 close x
	assert_contains "$ERR" 'is mounted on /run/mnt'
	umount /run/mnt
	said 0 close "$X"
	said 5 create y --main "$(drive two)" --spare "$SPARE"
	assert_contains "$ERR" "called 'x'"
}

# --- spares come and go

spares_changed() {
	local two three
	two=$(drive two) three=$(drive three)
	start_blank
	said 0 create x --main "$MAIN" --spare "$SPARE"
	host bad main 1000:8 5000 9000:4
	pattern_write $X 1000 8 new
	pattern_write $X 5000 1 new
	mkfs.ext4 -qF "$two"
	said 5 add-spare x "$two"
	assert_contains "$ERR" 'blkdiscard -z'
	wipe "$two"
	said 0 add-spare x "$two@8" --json
	assert_eq "added 1" "$(field "$OUT" result spare)"
	assert_match "$(<"$DM_REMAP_CONFIG")" "spare=[0-9a-f-]*@$SPARE:0 spare=[0-9a-f-]*@$two:8 "
	said 0 map x --json
	assert_eq '1000 8 mapped 0 5000' "$(field "$OUT" extents.0.sector extents.0.sectors extents.0.kind extents.0.spare extents.1.sector)"
	said 0 map x --csv
	assert_contains "$OUT" "1000,8,mapped,0,\"$SPARE\","
	said 3 remove-spare x 7
	said 0 remove-spare x "$SPARE" --wait
	assert_eq 1 "$(grep -o 'spare=' "$DM_REMAP_CONFIG" | wc -l)"
	assert_not_contains "$(<"$DM_REMAP_CONFIG")" "$SPARE"
	pattern_check $X 1000 8 new
	said 5 remove-spare x 1 --json
	assert_eq only-spare "$(field "$OUT" error.id)"
	assert_contains "$ERR" 'dmremap add-spare x DEV'
	said 0 add-spare x "$three"
	pattern_write $X 9000 4 new
	said 0 status x
	assert_match "$OUT" "active.*$three.*active.*$two@8"
	said 0 close x
	said 0 open x
	pattern_check $X 1000 8 new
	pattern_check $X 9000 4 new
	said 1 forget-spare x 1
	assert_contains "$ERR" 'is not lost'
}

# What cannot be read goes with its spare only if that is said.
spare_read_in_part() {
	local start
	start_blank
	said 0 create x --main "$MAIN" --spare "$SPARE" --spare "$(drive two)"
	host bad main 1000:8
	pattern_write $X 1000 8 new
	said 0 map x --json
	start=$(field "$OUT" extents.0.spare_sector)
	host bad spare $((start + 2)):3 read
	defer 'host heal spare'
	said 1 remove-spare x 0 --wait --json
	assert_eq not-removed "$(field "$OUT" error.id)"
	assert_contains "$ERR" 'some of its blocks cannot be read'
	said 5 remove-spare x 0 --wait --force --json
	assert_eq needs-yes "$(field "$OUT" error.id)"
	pattern_check $X 1000 2 new
	said 0 remove-spare x 0 --wait --force --yes
	assert_not_contains "$(<"$DM_REMAP_CONFIG")" "$SPARE"
	said 0 map x --json
	assert_contains "$OUT" '"kind": "lost"'
	assert_eq '1002 1003 1004' "$(failing_sectors $X 1000 8)"
	pattern_check $X 1000 2 new
	pattern_check $X 1005 3 new
}

spare_with_tighter_limits() {
	local null
	start_blank
	null=$(nullb_create tight 32 512 max_sectors=8)
	defer 'nullb_remove tight'
	said 0 create x --main "$MAIN" --spare "$SPARE"
	host bad main 1000:8
	pattern_write $X 1000 8 new
	said 0 add-spare -v x "$null"
	assert_contains "$ERR" 'a new table is loaded'
	assert_eq 2 "$(remap_get x members)"
	assert_contains "$(<"$DM_REMAP_CONFIG")" "@$null:0"
	pattern_check $X 1000 8 new
	said 0 close x
	said 0 open x
	assert_eq 2 "$(remap_get x members)"
	said 0 close x
}

# --- not all is there

spare_missing() {
	local two
	two=$(drive two)
	start_blank
	said 0 create x --main "$MAIN" --spare "$SPARE" --spare "$two"
	host bad main 1000:8
	pattern_write $X 1000 8 new
	said 0 close x
	said 5 open x --spare "$SPARE" --json
	assert_eq missing "$(field "$OUT" error.id)"
	said 5 open x --spare "$SPARE" --degraded
	said 5 open x --spare "$SPARE" --degraded --force
	assert_contains "$ERR" '--yes'
	assert_fail dmsetup info x
	said 0 open x --spare "$SPARE" --degraded --force --yes
	said 1 status x --test --json
	assert_eq 'DEGRADED spare-missing' "$(field "$OUT" devices.0.state devices.0.status.0.id)"
	assert_contains "$(<"$DM_REMAP_CONFIG")" "@$two:0"
	said 0 close x
	# Found again: brought up to date.
	said 0 open x
	said 0 status x --test
	pattern_check $X 1000 8 new
}

spare_forgotten() {
	local two
	two=$(drive two)
	start_blank
	said 0 create x --main "$MAIN" --spare "$two" --spare "$SPARE"
	host bad main 1000:8
	pattern_write $X 1000 8 new
	said 0 close x
	said 0 open x --spare "$SPARE" --degraded --force --yes
	said 5 forget-spare x 0 --json
	assert_eq needs-yes "$(field "$OUT" error.id)"
	assert_contains "$ERR" '8 sectors live on spare 0'
	said 0 forget-spare x 0 --yes
	assert_not_contains "$(<"$DM_REMAP_CONFIG")" "$two"
	said 0 map x --json
	assert_eq '1000 8 lost null' "$(field "$OUT" extents.0.sector extents.0.sectors extents.0.kind extents.0.spare)"
	said 1 status x --test --json
	assert_eq 'lost 8' "$(field "$OUT" devices.0.status.0.id devices.0.map.lost_sectors)"
	assert_fail read_sectors $X 1000
	said 0 close x
	said 0 open x
	assert_fail read_sectors $X 1007
	said 0 close x
	said 0 check "$SPARE"
}

main_is_told() {
	local nameless two
	nameless=$(drive nameless) two=$(drive two)
	start_blank
	wipe "$nameless"
	said 0 create x --main "$MAIN" --spare "$SPARE"
	said 0 close x
	sed -i "s|main=$MAIN|main=/dev/elsewhere|" "$DM_REMAP_CONFIG"
	said 0 open x --json
	assert_eq "$MAIN" "$(field "$OUT" main)"
	said 0 close x
	said 1 open x --main "$two" --json
	assert_eq wrong-main "$(field "$OUT" error.id)"
	sed -i "s|main=[^ ]*|main=$two|" "$DM_REMAP_CONFIG"
	said 0 open x --json
	assert_eq "$MAIN" "$(field "$OUT" main)"
	said 0 close x
	# Nothing tells it from another one: its name might be that one's today.
	wipe "$SPARE"
	rm "$DM_REMAP_CONFIG"
	said 0 create x --main "$nameless" --spare "$SPARE"
	said 0 close x
	said 3 open x --json
	assert_eq no-main "$(field "$OUT" error.id)"
	assert_contains "$ERR" "nothing tells $nameless from other disks"
	said 0 open x --main "$nameless"
}

# What the file calls main's disk is believed of a name that stays alone: this one is another disk's today.
main_is_asked_itself() {
	local nameless twin
	start_blank
	nameless=$(drive nameless) twin=$(drive twin)
	wipe "$nameless" "$twin"
	said 0 create x --main "$nameless" --spare "$SPARE" --main-id DISK
	said 0 close x
	assert_contains "$(<"$DM_REMAP_CONFIG")" ' main_id=DISK'
	sed -i "s| main=[^ ]*| main=$twin|" "$DM_REMAP_CONFIG"
	said 3 open x --json
	assert_eq no-main "$(field "$OUT" error.id)"
	assert_contains "$ERR" "nothing tells $twin from other disks"
	sed -i "s| main=[^ ]*| main=/dev/elsewhere|" "$DM_REMAP_CONFIG"
	said 3 open x --json
	assert_eq no-main "$(field "$OUT" error.id)"
	ln -s "$nameless" /dev/stays
	sed -i "s| main=[^ ]*| main=/dev/stays|" "$DM_REMAP_CONFIG"
	said 0 open x
	said 0 close x
	rm /dev/stays
}

assembled() {
	local two
	two=$(drive two)
	start_blank
	defer 'dm_remove_if_there y'
	said 0 create x --main "$MAIN" --spare "$SPARE@0+16384"
	said 0 create y --main "$two" --spare "$SPARE@16384"
	said 0 assemble
	assert_eq $'x: runs already\ny: runs already' "$OUT"
	said 0 close x
	said 0 close y
	said 0 list --json
	assert_eq '1 1 1 1' "$(field "$OUT" sets.0.spares sets.1.spares sets.0.spares_seen sets.1.spares_seen)"
	said 0 assemble --json
	assert_eq 'x up y up' "$(field "$OUT" sets.0.name sets.0.outcome sets.1.name sets.1.outcome)"
	said 0 close x
	said 0 close y
	# By what is on the disks alone: a range that begins inside of a device is seen by nobody.
	mv "$DM_REMAP_CONFIG" /run/aside
	said 0 assemble --scan --json
	assert_eq 'up null' "$(field "$OUT" sets.0.outcome sets.1.outcome)"
	said 0 close x
	mv /run/aside "$DM_REMAP_CONFIG"
	host unplug spare
	drive_gone spare
	said 1 assemble x --json
	assert_eq waiting "$(field "$OUT" sets.0.outcome)"
	dmremap assemble x --wait "$PATIENCE" >/run/assembled &
	host plug spare
	wait $!
	assert_eq 'x: started' "$(</run/assembled)"
}

# udev names the disks, tells two of a kind apart, and makes the nodes.
with_udev() {
	local nameless link
	start_blank
	nameless=$(drive nameless)
	wipe "$nameless"
	udev_start
	link=$(find /dev/disk/by-id -lname "*/${nameless##*/}" | head -n 1)
	said 0 create x --main "$link" --spare "$SPARE" --json
	assert_eq "$link" "$(field "$OUT" main)"
	test -L $X
	assert_eq 0 "$(dmsetup udevcookies | grep -c 0x)"
	assert_contains "$(dmsetup table x)" "main_id $(udevadm info -q property --property ID_SERIAL --value "$nameless")"
	assert_contains "$(<"$DM_REMAP_CONFIG")" " main=$link "
	assert_match "$(<"$DM_REMAP_CONFIG")" ' spare=[0-9a-f-]*@/dev/disk/by-id/[^ ]*:0'
	said 0 close x
	assert_fail test -e $X
	# By what udev says of it, wherever it is.
	rm "$DM_REMAP_CONFIG"
	said 0 open x --json
	assert_eq "$link" "$(field "$OUT" main)"
	said 0 close x
}

tool_install
modules_load
test_case 'a set is made, stopped, and started again' created_and_used
test_case 'what sets.conf does not say' named_and_noted
test_case 'create looks first' looks_first
test_case 'spares are added and removed' spares_changed
test_case 'a spare that can be read in part' spare_read_in_part
test_case 'a spare with tighter limits' spare_with_tighter_limits
test_case 'a spare that is missing' spare_missing
test_case 'a spare that is forgotten' spare_forgotten
test_case 'main is told by more than its size' main_is_told
test_case 'main is asked itself' main_is_asked_itself
test_case 'all sets are started' assembled
test_case 'with udev' with_udev
modules_unload
