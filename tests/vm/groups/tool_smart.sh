#!/bin/bash
# `dmremap smart`: what the real smartctl says of QEMU's drives, and of one with bad blocks in its logs, beside what was seen of them.
# on: 6.12
# vm: drives=main:16M:ahci,spare:8M:nvme,second:8M:scsi modules=required timeout=600
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

# start: a set over the drives, all blank.
start() {
	MAIN=$(drive main) SPARE=$(drive spare) SECOND=$(drive second)
	wipe "$MAIN" "$SPARE" "$SECOND"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	defer 'dm_remove_if_there x; host heal main'
	echo 180 >"/sys/block/${MAIN##*/}/device/timeout"
	said 0 create x --main "$MAIN" --spare "$SPARE" --spare "$SECOND"
}

# smart STATUS [WORD...]: of x, as JSON.
smart() {
	said "$1" smart x --json "${@:2}"
	document smart
}
found() { perl -MJSON::PP -e 'print join(" ", map { $_->{id} } @{decode_json(shift)->{devices}[0]{status}})' "$OUT"; }
# of_drive NUMBER KEY...: main's is 0.
of_drive() {
	local number=$1
	shift
	field "$OUT" "${@/#/devices.0.drives.$number.}"
}

# QEMU's ATA drive is well, and has a thermometer; its NVMe drive too, with no spare blocks and no threshold; its SCSI drive says nothing.
as_they_say() {
	start
	smart 0 --test
	assert_eq smart-silent "$(found)"
	assert_eq "null $MAIN ATA true 0 31 0 null" "$(of_drive 0 spare disk protocol passed reallocated_sectors temperature_celsius failed_self_tests recovery_deciseconds)"
	assert_eq "0 $SPARE NVMe true 0 0 null" "$(of_drive 1 spare disk protocol passed own_spare_percent own_spare_threshold_percent logged_sectors)"
	assert_eq "1 $SECOND SCSI null null" "$(of_drive 2 spare disk protocol passed temperature_celsius)"
	said 0 smart x
	assert_contains "$OUT" " state: ONLINE"
	assert_contains "$OUT" "   main: $MAIN, QEMU HARDDISK, serial "
	assert_contains "$OUT" "says that it is well, 0 sectors reallocated, 31 °C, on for 1 h"
}

# A drive without a limit on its own tries, in a kernel that gives up before it does.
too_patient() {
	start
	echo 30 >"/sys/block/${MAIN##*/}/device/timeout"
	smart 1 --test
	assert_eq 'erc smart-silent' "$(found)"
}

# What was seen weighs more than what the drive says.
believes_what_was_seen() {
	start
	host bad main 1000:8
	pattern_write /dev/mapper/x 1000 8 new
	smart 0
	assert_contains " $(found) " ' smart-too-kind '
	assert_contains "$OUT" 'calls itself healthy, and yet 8 sectors of it have failed: believe these'
}

# The real smartctl, over a drive with a bad block in its logs.
names_what_the_logs_name() {
	local drive="${VM_LIB%/*/*}/failing_drive.so"
	[[ -e $drive ]] || fail 'there is no failing_drive.so: cmake --build build/host --target failing_drive'
	start
	mkdir -p /run/bin
	cat >/run/bin/smartctl <<-END
		#!/bin/bash
		[[ \${!#} == $MAIN ]] || exec $(command -v smartctl) "\$@"
		export SMART_SECTORS=$(sectors_of "$MAIN") SMART_SELFTEST=5000 SMART_DEFECT=7000 LD_PRELOAD=$drive
		exec $(command -v smartctl) -d sat "\${@:1:\$#-1}" /dev/null
	END
	chmod +x /run/bin/smartctl
	PATH=/run/bin:$PATH smart 1 --test
	assert_contains " $(found) " ' smart-logged '
	assert_eq 2 "$(of_drive 0 logged_sectors)"
	assert_contains "$OUT" "'smartctl -x $MAIN | dmremap import x smart -'"
	# What it says to do does it.
	PATH=/run/bin:$PATH smartctl -x "$MAIN" >/run/list || true
	said 0 import x smart /run/list
	assert_eq 2 "$(remap_get x remapped)"
	rm -r /run/bin
}

tool_install
modules_load
test_case 'what the drives say' as_they_say
test_case 'a drive that tries for longer than the kernel waits' too_patient
test_case 'a drive that calls itself healthy' believes_what_was_seen
test_case 'sectors that a log names' names_what_the_logs_name
test_case 'documents are as the schema describes them' described
modules_unload
