#!/bin/bash
# The promises of the README, on a main that fails exactly where the test says.
# vm: drives=main:16M:virtio,spare:8M:virtio,one:16M:scsi,two:16M:scsi,other:12M:virtio modules=required timeout=1200 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

RUNS=(1000:8 5003:1 20480:64)
X=/dev/mapper/x

# A main that holds what it held before, failing at RUNS; a blank spare; device x over both.
prepare() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	pattern_write "$MAIN" 992 32 old
	bad_create bad "$MAIN" "${RUNS[@]}"
	remap_create x /dev/mapper/bad "$SPARE"
}

write_over_bad_run() {
	prepare
	pattern_write $X 20470 84 new
	pattern_check $X 20470 84 new
	pattern_check "$MAIN" 20470 10 new
	pattern_check "$MAIN" 20544 10 new
	assert_eq '64 64 0 1 ok' "$(remap_get x remapped used pending extents mode)"
	cmp <(read_sectors "$MAIN" 20480 64) <(head -c 32768 /dev/zero)
}

unread_stays_unread() {
	prepare
	assert_eq '1000 1001 1002 1003 1004 1005 1006 1007' "$(failing_sectors $X 996 16)"
	assert_eq '0 0 8' "$(remap_get x remapped used pending)"
	dmsetup remove x
	modules_unload
	modules_insert
	remap_create x /dev/mapper/bad "$SPARE"
	assert_eq '0 0 8' "$(remap_get x remapped used pending)"
	assert_eq '1000 1001 1002 1003 1004 1005 1006 1007' "$(failing_sectors $X 996 16)"
	assert_fail_with 'No data available' read_sectors $X 992 32
	bad_change bad "$MAIN"
	pattern_check $X 992 32 old
}

one_into_pending() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	bad_create bad "$MAIN" 2000:16
	remap_create x /dev/mapper/bad "$SPARE"
	assert_fail read_sectors $X 2000 16
	assert_eq 16 "$(remap_get x pending)"
	pattern_write $X 2007 1 new
	for _ in 1 2; do
		pattern_check $X 2007 1 new
		assert_eq '2000 2001 2002 2003 2004 2005 2006 2008 2009 2010 2011 2012 2013 2014 2015' "$(failing_sectors $X 1999 18)"
		assert_eq '1 15' "$(remap_get x remapped pending)"
		remap_again x
	done
}

complete_rewrite() {
	prepare
	assert_fail read_sectors $X 1000 8
	pattern_write $X 0 32768 new
	pattern_check $X 0 32768 new
	assert_eq '73 73 0' "$(remap_get x remapped used pending)"
	remap_again x
	pattern_check $X 0 32768 new
	bad_change bad "$MAIN"
	pattern_check $X 0 32768 new
	remap_again x
	pattern_check $X 0 32768 new
	assert_eq '73 73 0' "$(remap_get x remapped used pending)"
}

# Old data of a healed main must never come back, not even to a bio that lies across it.
healed_main_is_not_believed() {
	prepare
	pattern_write $X 1000 8 new
	bad_change bad "$MAIN"
	pattern_check "$MAIN" 1000 8 old
	pattern_check $X 1000 8 new
	pattern_write $X 992 32 newer
	pattern_check "$MAIN" 1000 8 old
	pattern_check $X 992 32 newer
}

reload_under_io() {
	prepare
	random_load_start
	for _ in 1 2 3; do
		dmsetup table x | dmsetup load x
		dmsetup suspend --noflush x
		dmsetup resume x
		dmsetup table x | dmsetup load x
		dmsetup resume x
	done
	loading
	load_ok
	assert_eq '73 73 0 ok' "$(remap_get x remapped used pending mode)"
	load_again
}

ext4_is_refused() {
	local before spare
	spare=$(drive spare)
	wipe "$spare" "$(drive main)"
	mkfs.ext4 -qF "$spare"
	before=$(sum_of "$spare")
	assert_refused "spare $(number_of "$spare") holds an ext4 filesystem (magic at byte 1080 of its range): name another spare; \
to use it all the same and lose that, add the feature argument 'format'" remap_create x "$(drive main)" "$spare"
	assert_eq "$before" "$(sum_of "$spare")"
	e2fsck -fn "$spare"
}

another_main_is_refused() {
	local before spare
	prepare
	pattern_write $X 1000 8 new
	dmsetup remove x
	before=$(sum_of "$SPARE")
	spare=$(number_of "$SPARE")
	assert_refused "spare $spare belongs to a set whose main had 32768 sectors, this main has 24576: name that main, or \
make it as large again; if it was made smaller, and this is the one, add 'new_main'" \
		remap_create y "$(drive other)" "$SPARE" format
	assert_eq "$before" "$(sum_of "$SPARE")"
	remap_create x /dev/mapper/bad "$SPARE"
	pattern_check $X 1000 8 new
}

# Two disks that differ in nothing but their name.
another_disk_is_refused() {
	local before spare of_one=() of_two=()
	spare=$(drive spare)
	kernel_names_disks || of_one=(main_id ONE) of_two=(main_id TWO)
	wipe "$(drive one)" "$(drive two)" "$spare"
	remap_create x "$(drive one)" "$spare" "${of_one[@]}"
	dmsetup remove x
	before=$(sum_of "$spare")
	klog_mark
	assert_fail remap_create x "$(drive two)" "$spare" "${of_two[@]}"
	assert_klog "table refused: spare $(number_of "$spare") belongs to main '[^']+', this main is '[^']+': name that main"
	assert_eq "$before" "$(sum_of "$spare")"
	remap_create x "$(drive one)" "$spare" "${of_one[@]}"
}

# Whatever is used to find out whether main is alive, it is not sector 0.
sector_0_is_bad() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	bad_create bad "$MAIN" 0 3000:4
	remap_create x /dev/mapper/bad "$SPARE"
	assert_fail read_sectors $X 0 1
	assert_eq '0 1 ok' "$(remap_get x remapped pending mode)"
	pattern_write $X 0 8 new
	pattern_write $X 2998 8 new
	assert_eq '5 0 ok' "$(remap_get x remapped pending mode)"
	remap_again x
	pattern_check $X 0 8 new
	pattern_check $X 2998 8 new
	mkfs.ext4 -qF $X
	e2fsck -fn $X
	remap_again x
	e2fsck -fn $X
}

# The last sector, too: no I/O beyond the end comes of it.
last_sector_is_bad() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	bad_create bad "$MAIN" 32767
	remap_create x /dev/mapper/bad "$SPARE"
	assert_eq 32767 "$(failing_sectors $X 32760 8)"
	pattern_write $X 32700 68 new
	remap_again x
	pattern_check $X 32700 68 new
	assert_eq 1 "$(remap_get x remapped)"
}

modules_load
test_case 'a write over a bad run: exactly that run leaves main' write_over_bad_run
test_case 'an unwritten bad block fails, also in a next life, until main has it' unread_stays_unread
test_case 'one sector into a pending run' one_into_pending
test_case 'after a complete rewrite all is equal, main healed or not' complete_rewrite
test_case 'a healed main is not believed' healed_main_is_not_believed
test_case 'table | load | resume under I/O' reload_under_io
test_case 'a spare that holds an ext4 is refused, unharmed' ext4_is_refused
test_case 'the spare of a larger main is refused' another_main_is_refused
test_case 'the spare of another disk is refused' another_disk_is_refused
test_case 'sector 0 of main is bad' sector_0_is_bad
test_case 'the last sector of main is bad' last_sector_is_bad
modules_unload
