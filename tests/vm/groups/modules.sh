#!/bin/bash
# The five modules load and unload, in every way an administrator may try.
# vm: modules=required smp=1
. "$VM_LIB"

none_loaded() {
	local module
	for module in "${MODULES[@]}"; do
		! module_loaded "$module" || fail "$module is still loaded"
	done
	assert_not_contains "$(dmsetup targets)" remap 'the list of targets'
}

by_name() {
	modules_load
	assert_match "$(dmsetup targets)" '(^|[[:space:]])remap +v[0-9]+\.[0-9]+\.[0-9]+'
	modules_unload
	none_loaded
}

by_path() {
	modules_insert
	assert_contains "$(dmsetup targets)" remap
	modules_unload
	none_loaded
}

again_and_again() {
	for _ in 1 2 3; do
		modules_load
		modules_unload
	done
	none_loaded
}

core_is_held() {
	modules_load
	assert_fail_with 'in use' rmmod dm-remap
	modules_unload
}

stats_come_and_go() {
	modules_load
	rmmod dm-remap-stats
	modprobe dm-remap-stats
	modules_unload
}

part_pulls_in_core() {
	modprobe dm-remap-metadata
	module_loaded dm-remap
	modules_unload
	none_loaded
}

test_case 'modprobe dm-remap loads all five' by_name
test_case 'insmod by path, core first' by_path
test_case 'loading and unloading again and again' again_and_again
test_case 'the core cannot go while the others are there' core_is_held
test_case 'stats may come and go' stats_come_and_go
test_case 'a part brings the core along' part_pulls_in_core
