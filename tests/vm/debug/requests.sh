#!/bin/bash
# Requests that fail at random, to main and to spares alike: what is read is what was written, or an error.
# vm: drives=main:16M:virtio,one:8M:virtio,two:8M:virtio modules=required timeout=1200 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x
FAIL=/sys/kernel/debug/fail_make_request

# failing PERCENT DEVICE...: from now on the block layer fails so many of their requests, with BLK_STS_IOERR.
failing() {
	local device
	for device in "${@:2}"; do echo $(($1 ? 1 : 0)) >"$(sysfs_of "$device")/make-it-fail"; done
	echo -1 >$FAIL/times
	echo 0 >$FAIL/verbose
	echo "$1" >$FAIL/probability
}
never_wrong() { "${VM_LIB%/*}/never_wrong.py" $X "$SEED" "$1" /run/versions; } # REQUESTS

# rounds PERCENT DEVICE...: between two of them all is well, and the device starts anew.
rounds() {
	local round
	MAIN=$(drive main) ONE=$(drive one) TWO=$(drive two)
	wipe "$MAIN" "$ONE" "$TWO"
	rm -f /run/versions
	remap_create x "$MAIN" "$ONE" spare "$TWO" 0 "$(sectors_of "$TWO")"
	for round in 1 2 3; do
		failing "$1" "${@:2}"
		never_wrong 250
		failing 0 "${@:2}"
		say "round $round: $(dmsetup status x)"
		assert_num $(($(remap_get x read_errors) + $(remap_get x write_errors))) -gt 0 'failed requests'
		remap_again x
		never_wrong 0 | tee /run/said
		assert_contains "$(</run/said)" ' 0 cannot be read'
	done
}
of_main() { rounds "$1" "$(drive main)"; }
of_all() { rounds "$1" "$(drive main)" "$(drive one)" "$(drive two)"; }

modules_load
test_case 'requests to main fail' of_main 20
test_case 'requests to all fail' of_all 10
modules_unload
