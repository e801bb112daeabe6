#!/bin/bash
# The tool on what a failing disk and its spares hold when the modules are not there.
# on: 6.12
# vm: drives=main:64M:scsi,spare:16M:scsi,two:16M:scsi,three:16M:nvme,four:16M:virtio modules=required timeout=1200 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

FOUR=$(drive four)

# prepare: the set x on two spares, of which main has lost 8000:4 before anybody wrote there; closed, the modules unloaded. Its
# content, all but that, in $SUM.
prepare() {
	start_blank
	wipe "$FOUR"
	said 0 create x --main "$MAIN" --spare "$SPARE@2048+16384" --spare "$TWO"
	pattern_write $X 0 2048 old
	host bad main 1000:8 5000 9000:24 rw
	host bad main 8000:4 rw
	pattern_write $X 990 40 new
	pattern_write $X 4990 20 new
	pattern_write $X 8990 40 new
	assert_fail read_sectors $X 8000 4
	SUM=$(sum_but_lost $X)
	said 0 close x
	modules_unload
	defer modules_load
}

# What main holds where sectors were remapped is not what the set holds.
sum_but_lost() {
	{
		dd if="$1" bs=1M count=$((8000 * 512)) iflag=direct,count_bytes status=none
		dd if="$1" bs=1M skip=$((8004 * 512)) iflag=direct,skip_bytes status=none
	} | sha256sum
}

exported() {
	prepare
	said 0 export-table x
	assert_contains "$ERR" '4 sectors are pending'
	assert_contains "$OUT" '8000 4 error'
	defer 'dm_remove_if_there rescued'
	dmsetup create --readonly rescued <<<"$OUT"
	assert_eq "$SUM" "$(sum_but_lost /dev/mapper/rescued)"
	assert_eq '8000 8001 8002 8003' "$(failing_sectors /dev/mapper/rescued 7990 20)"
	pattern_check /dev/mapper/rescued 990 40 new
	pattern_check /dev/mapper/rescued 4990 20 new
	pattern_check /dev/mapper/rescued 8990 40 new
	# The same by its devices.
	local table=$OUT
	said 0 export-table "$SPARE@2048" "$TWO" --main "$MAIN"
	assert_eq "$(sed 's/@[^ ]*//' <<<"$table")" "$OUT"
}

examined() {
	prepare
	said 0 examine "$SPARE@2048" "$TWO" --json
	assert_eq 'x x 0 1' "$(field "$OUT" devices.0.set.name devices.1.set.name devices.0.number devices.1.number)"
	said 0 list --json
	assert_eq '2 2' "$(field "$OUT" sets.0.spares sets.0.spares_seen)"
	said 0 map "$SPARE@2048" "$TWO" --csv
	assert_contains "$OUT" '8000,4,pending,,,'
	said 0 check "$SPARE@2048" "$TWO"
	assert_contains "$OUT" '0 damaged'
}

# The disk of one spare dies by degrees: its metadata first.
repaired() {
	local before
	prepare
	host bad two 0:64 rw
	defer 'host heal two'
	said 1 check "$SPARE@2048" "$TWO"
	assert_contains "$OUT" "$TWO"
	before=$(sum_of "$SPARE")
	said 0 repair "$SPARE@2048" "$TWO" --to "$(drive three)" "$FOUR" -n
	assert_contains "$OUT" '4 extents are known; nothing was written'
	said 0 repair "$SPARE@2048" "$TWO" --to "$(drive three)" "$FOUR"
	assert_eq "$before" "$(sum_of "$SPARE")"
	modules_load
	said 0 open x --main "$MAIN" --spare "$(drive three)" --spare "$FOUR"
	assert_eq "$SUM" "$(sum_but_lost $X)"
	assert_eq '8000 8001 8002 8003' "$(failing_sectors $X 7990 20)"
	said 0 close x
	modules_unload
}

# All of the metadata was overwritten, and none of the data.
wipe_metadata() { # DEVICE START SECTORS FIRST-SECTOR-WITH-DATA
	blkdiscard --force --zeroout --offset $(($2 * 512)) --length $((($4 - $2) * 512)) "$1"
	blkdiscard --force --zeroout --offset $((($2 + $3) * 512 - 1048576)) --length 1048576 "$1"
}
restored() {
	prepare
	said 0 dump "$SPARE@2048" "$TWO" -o /run/map.json
	said 0 map "$SPARE@2048" "$TWO" --json
	wipe_metadata "$SPARE" 2048 16384 "$(field "$OUT" extents.0.spare_sector)"
	wipe_metadata "$TWO" 0 "$(sectors_of "$TWO")" 4096
	said 3 map "$SPARE@2048" "$TWO"
	said 0 restore /run/map.json --keep-data --spare "$SPARE@2048+16384" "$TWO" --yes
	modules_load
	said 0 open x
	assert_eq "$SUM" "$(sum_but_lost $X)"
	said 0 close x
	modules_unload
}

tool_install
modules_load
test_case 'export-table' exported
test_case 'examine, list, map, check' examined
test_case 'repair' repaired
test_case 'dump and restore' restored
modules_unload
