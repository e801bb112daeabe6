#!/bin/bash
# What must be refused, word for word, with nothing changed.
# on: 6.12
# vm: drives=main:16M:virtio,spare:4M:virtio,large:320M:virtio modules=required timeout=1200 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

COUNT=/dev/shm/refused
LONG=a123456789b123456789c123456789d123456789e123456789

# refused_lines: reads 'WORDS => REASON' and loads each. MAIN and SPARE stand for the devices.
refused_lines() {
	local line number=0 before devices
	klog_mark
	before=$(sum_of "$MAIN" && sum_of "$SPARE")
	devices=$(dmsetup ls)
	: >/dev/shm/expected
	while IFS= read -r line; do
		number=$((number + 1))
		line=${line//MAIN/$MAIN} line=${line//SPARE/$SPARE} line=${line//LONG/$LONG}
		echo "$number: ${line#* => }" >>/dev/shm/expected
		if dmsetup create "r$number" --table "0 ${LENGTH:-32768} remap ${line%% => *}" 2>/dev/null; then
			dmsetup remove "r$number"
			fail "must be refused: ${line%% => *}"
		fi
	done
	klog_since | sed -n 's/^dm-remap: r\([0-9]*\): table refused: /\1: /p' >/dev/shm/actual
	assert_ok diff /dev/shm/expected /dev/shm/actual
	assert_eq "$number" "$(klog_since | grep -c '^device-mapper: table: .*: remap: ')" 'refusals that device-mapper has told'
	assert_eq "$devices" "$(dmsetup ls)"
	assert_eq "$before" "$(sum_of "$MAIN" && sum_of "$SPARE")" 'the disks'
	echo "$number" >>$COUNT
}

setup() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
}

missing_words() {
	setup
	refused_lines <<-'END'
		 => main '': missing; the line is <main> <spare> <spare_start> <spare_sectors> [<#feature_args> <feature_arg>...]
		MAIN => spare '': missing; the line is <main> <spare> <spare_start> <spare_sectors> [<#feature_args> <feature_arg>...]
		MAIN SPARE => spare_start '': missing; the line is <main> <spare> <spare_start> <spare_sectors> [<#feature_args> <feature_arg>...]
		MAIN SPARE 0 => spare_sectors '': missing; the line is <main> <spare> <spare_start> <spare_sectors> [<#feature_args> <feature_arg>...]
		- SPARE 0 8192 => main '-': not a device; give its path or <major>:<minor>
		MAIN - 0 8192 => every spare is missing ('-'): the map is on them, name one at least
	END
}

# The two numbers: what is wrong with one is wrong with the other.
numbers() {
	local word lines='' not='not a number of 512-byte sectors; give decimal digits only'
	local large='too large; no device has more than 18014398509481983 sectors'
	setup
	for word in x -1 +1 0x10 1.5 1e3 8k 8192s 0,5 1_000 10h "'8'" '"8"' 8/2 ½; do
		lines+="MAIN SPARE $word 8192 => spare_start '${word/½/??}': $not"$'\n'
		lines+="MAIN SPARE 0 $word => spare_sectors '${word/½/??}': $not"$'\n'
	done
	for word in 18014398509481984 9223372036854775807 18446744073709551615 18446744073709551616 99999999999999999999999; do
		lines+="MAIN SPARE $word 8192 => spare_start '$word': $large"$'\n'
		lines+="MAIN SPARE 0 $word => spare_sectors '$word': $large"$'\n'
	done
	refused_lines <<-END
		${lines}MAIN SPARE LONG 8192 => spare_start 'a123456789b123456789c123456789d123456...': $not
		MAIN SPARE 0 0 => spare_sectors '0': leaves no room for a spare; give the length of the range in 512-byte sectors
		MAIN SPARE 0 000 => spare_sectors '000': leaves no room for a spare; give the length of the range in 512-byte sectors
		MAIN SPARE 18014398509481983 1 => spare_sectors '1': too large; with its start it goes beyond 18014398509481983 sectors, more than any device has
		MAIN SPARE 9007199254740992 9007199254740992 => spare_sectors '9007199254740992': too large; with its start it goes beyond 18014398509481983 sectors, more than any device has
	END
}

feature_counts() {
	setup
	refused_lines <<-'END'
		MAIN SPARE 0 8192 x => #feature_args 'x': not a number; give how many arguments follow
		MAIN SPARE 0 8192 -1 => #feature_args '-1': not a number; give how many arguments follow
		MAIN SPARE 0 8192 format => #feature_args 'format': not a number; give how many arguments follow
		MAIN SPARE 0 8192 1.0 format => #feature_args '1.0': not a number; give how many arguments follow
		MAIN SPARE 0 8192 0x1 format => #feature_args '0x1': not a number; give how many arguments follow
		MAIN SPARE 0 8192 read_retries 3 => #feature_args 'read_retries': not a number; give how many arguments follow
		MAIN SPARE 0 8192 1 => #feature_args '1': wrong; the number of arguments that follow is 0
		MAIN SPARE 0 8192 0 format => #feature_args '0': wrong; the number of arguments that follow is 1
		MAIN SPARE 0 8192 2 format => #feature_args '2': wrong; the number of arguments that follow is 1
		MAIN SPARE 0 8192 1 read_retries 3 => #feature_args '1': wrong; the number of arguments that follow is 2
		MAIN SPARE 0 8192 3 read_retries 3 => #feature_args '3': wrong; the number of arguments that follow is 2
		MAIN SPARE 0 8192 4294967296 => #feature_args '4294967296': wrong; the number of arguments that follow is 0
		MAIN SPARE 0 8192 4294967297 format => #feature_args '4294967297': wrong; the number of arguments that follow is 1
		MAIN SPARE 0 8192 99999999999999999999 format => #feature_args '99999999999999999999': wrong; the number of arguments that follow is 1
	END
}

features() {
	local known='unknown; the features are: spare <dev> <start> <sectors>, degraded, force, format, main_id <text>, max_extents <n>, new_main, read_retries <n>'
	local extents='give a number from 1 to 16777216'
	setup
	refused_lines <<-END
		MAIN SPARE 0 8192 1 frobnicate => feature 'frobnicate': $known
		MAIN SPARE 0 8192 1 FORMAT => feature 'FORMAT': $known
		MAIN SPARE 0 8192 1 formatt => feature 'formatt': $known
		MAIN SPARE 0 8192 1 forma => feature 'forma': $known
		MAIN SPARE 0 8192 1 read_retries=3 => feature 'read_retries=3': $known
		MAIN SPARE 0 8192 1 --format => feature '--format': $known
		MAIN SPARE 0 8192 1 LONG => feature 'a123456789b123456789c123456789d123456...': $known
		MAIN SPARE 0 8192 1 größer => feature 'gr????er': $known
		MAIN SPARE 0 8192 1 spare => feature 'spare': incomplete; give <dev> <start> <sectors> after it
		MAIN SPARE 0 8192 3 spare SPARE 0 => feature 'spare': incomplete; give <dev> <start> <sectors> after it
		MAIN SPARE 0 4096 4 spare SPARE x 4096 => spare_start 'x': not a number of 512-byte sectors; give decimal digits only
		MAIN SPARE 0 4096 4 spare SPARE 4096 0 => spare_sectors '0': leaves no room for a spare; give the length of the range in 512-byte sectors
		MAIN SPARE 0 8192 1 force => feature 'force': means nothing alone; give degraded too, or leave it out
		MAIN SPARE 0 8192 2 degraded degraded => feature 'degraded': given twice; give it once
		MAIN SPARE 0 8192 1 max_extents => feature 'max_extents': has no value; $extents after it
		MAIN SPARE 0 8192 2 max_extents x => max_extents 'x': not a number; give one from 1 to 16777216
		MAIN SPARE 0 8192 2 max_extents 0 => max_extents '0': out of range; $extents
		MAIN SPARE 0 8192 2 max_extents 16777217 => max_extents '16777217': out of range; $extents
		MAIN SPARE 0 8192 1 main_id => feature 'main_id': has no value; give what udev calls main's disk after it (ID_WWN, ID_SERIAL)
		MAIN SPARE 0 8192 2 main_id LONGLONG => main_id 'a123456789b123456789c123456789d123456...': not usable; give 1 to 95 printable ASCII characters, no space, no backslash
		MAIN SPARE 0 8192 2 main_id größer => main_id 'gr????er': not usable; give 1 to 95 printable ASCII characters, no space, no backslash
		MAIN SPARE 0 8192 4 main_id a main_id a => feature 'main_id': given twice; give it once
		MAIN SPARE 0 8192 2 new_main new_main => feature 'new_main': given twice; give it once
		MAIN SPARE 0 8192 2 format noformat => feature 'noformat': $known
		MAIN SPARE 0 8192 3 read_retries 3 4 => feature '4': $known
		MAIN SPARE 0 8192 2 format format => feature 'format': given twice; give it once
		MAIN SPARE 0 8192 4 format read_retries 1 format => feature 'format': given twice; give it once
		MAIN SPARE 0 8192 4 read_retries 1 read_retries 1 => feature 'read_retries': given twice; give it once
		MAIN SPARE 0 8192 1 read_retries => feature 'read_retries': has no value; give a number from 0 to 100 after it
		MAIN SPARE 0 8192 2 format read_retries => feature 'read_retries': has no value; give a number from 0 to 100 after it
		MAIN SPARE 0 8192 2 read_retries x => read_retries 'x': not a number; give one from 0 to 100
		MAIN SPARE 0 8192 2 read_retries -1 => read_retries '-1': not a number; give one from 0 to 100
		MAIN SPARE 0 8192 2 read_retries 1.5 => read_retries '1.5': not a number; give one from 0 to 100
		MAIN SPARE 0 8192 2 read_retries format => read_retries 'format': not a number; give one from 0 to 100
		MAIN SPARE 0 8192 2 read_retries 101 => read_retries '101': too large; give a number from 0 to 100
		MAIN SPARE 0 8192 2 read_retries 4294967296 => read_retries '4294967296': too large; give a number from 0 to 100
		MAIN SPARE 0 8192 3 format read_retries 99999999999999999999 => read_retries '99999999999999999999': too large; give a number from 0 to 100
	END
}

devices() {
	local spare
	setup
	spare=$(number_of "$SPARE")
	refused_lines <<-END
		MAIN SPARE 0 8193 => 8193 sectors at 0 go beyond the end of spare SPARE, which has 8192
		MAIN SPARE 1 8192 => 8192 sectors at 1 go beyond the end of spare SPARE, which has 8192
		MAIN SPARE 8192 1 => 1 sectors at 8192 go beyond the end of spare SPARE, which has 8192
		MAIN SPARE 9007199254740991 9007199254740991 => 9007199254740991 sectors at 9007199254740991 go beyond the end of spare SPARE, which has 8192
		MAIN MAIN 0 8192 => $(number_of "$MAIN") sectors 0..8191 are named twice in this table
		MAIN MAIN 32000 768 => $(number_of "$MAIN") sectors 32000..32767 are named twice in this table
		MAIN SPARE 0 1 => spare $spare: 1 sectors are too few, a spare there needs at least $1: give it a larger range
		MAIN SPARE 0 $(($1 - 1)) => spare $spare: $(($1 - 1)) sectors are too few, a spare there needs at least $1: give it a larger range
		MAIN SPARE 8191 1 => spare $spare: 1 sectors are too few, a spare there needs at least $(($1 + 4)): give it a larger range
	END
	LENGTH=32769 refused_lines <<<"MAIN SPARE 0 8192 => main MAIN has 32768 sectors, fewer than the 32769 of the table: name the \
right main, make it as large again, or give a length up to its own"
	LENGTH=8192 refused_lines <<<"SPARE MAIN 32768 1 => 1 sectors at 32768 go beyond the end of spare MAIN, which has 32768"
}

# What is no block device: the kernels have different numbers for it.
no_devices() {
	local word errors='-(ENODEV|ENOENT|ENXIO|ENOTDIR|ENOTBLK|EINVAL)'
	setup
	for word in /dev/none none 999:999 ./none "$MAIN/x" /dev/null /etc/passwd /; do
		klog_mark
		assert_fail dmsetup create r --table "0 32768 remap $MAIN $word 0 8192"
		assert_klog "^dm-remap: r: table refused: spare $word cannot be opened \\($errors\\): check the name; of a set's lost spare give '-', and 'degraded'$"
		assert_fail dmsetup create r --table "0 32768 remap $word $SPARE 0 8192"
		assert_klog "^dm-remap: r: table refused: main $word cannot be opened \\($errors\\)$"
		echo 2 >>$COUNT
	done
}

read_only_disks() {
	setup
	blockdev --setro "$SPARE"
	defer "blockdev --setrw $SPARE"
	assert_refused "spare $SPARE is read-only: make it writable, or load a read-only table" \
		remap_create x "$MAIN" "$SPARE"
	assert_refused "main $SPARE is read-only: make it writable, or load a read-only table" \
		remap_create x "$SPARE" "$MAIN"
	echo 2 >>$COUNT
}

messages() {
	local line number=0 before status arguments
	setup
	remap_create x "$MAIN" "$SPARE"
	before=$(sum_of "$SPARE")
	status=$(dmsetup status x)
	klog_mark
	: >/dev/shm/expected
	while IFS= read -r line; do
		number=$((number + 1))
		line=${line//LONG/$LONG}
		echo "${line#* => }" >>/dev/shm/expected
		read -ra arguments <<<"${line%% => *}"
		assert_fail dmsetup message x 0 -- "${arguments[@]}"
		assert_contains "$OUTPUT" 'Invalid argument'
	done <<-'END'
		frobnicate => message 'frobnicate': unknown; 'help' lists what is understood
		HELP => message 'HELP': unknown; 'help' lists what is understood
		Status => message 'Status': unknown; 'help' lists what is understood
		stat => message 'stat': unknown; 'help' lists what is understood
		statuss => message 'statuss': unknown; 'help' lists what is understood
		help; => message 'help;': unknown; 'help' lists what is understood
		--help => message '--help': unknown; 'help' lists what is understood
		0 => message '0': unknown; 'help' lists what is understood
		clear => message 'clear': unknown; 'help' lists what is understood
		clear-stats => message 'clear-stats': unknown; 'help' lists what is understood
		LONG => message 'a123456789b123456789c123456789d123456...': unknown; 'help' lists what is understood
		für => message 'f??r': unknown; 'help' lists what is understood
		frobnicate help => message 'frobnicate': unknown; 'help' lists what is understood
		help me => message 'help': takes no argument, got 'me'
		status 0 => message 'status': takes no argument, got '0'
		stats now => message 'stats': takes no argument, got 'now'
		stats LONG => message 'stats': takes no argument, got 'a123456789b123456789c123456789d123456...'
		health health => message 'health': takes no argument, got 'health'
		cache_stats all of them => message 'cache_stats': takes no argument, got 'all'
		clear_stats yes => message 'clear_stats': takes no argument, got 'yes'
	END
	klog_since | sed -n 's/^dm-remap: x: message refused: //p' >/dev/shm/actual
	assert_ok diff /dev/shm/expected /dev/shm/actual
	assert_eq "$status" "$(dmsetup status x)"
	assert_eq "$before" "$(sum_of "$SPARE")"
	echo "$number" >>$COUNT
}

hundred() { assert_num "$(paste -sd+ $COUNT | bc)" -ge 100 'lines and messages refused'; }

# --- foreign contents

ADVICE=": name another spare; to use it all the same and lose that, add the feature argument 'format'"

# foreign WHAT OFFSET COMMAND...: what the command has put onto the disk is found, named, left alone; then formatted.
foreign() {
	local disk writes before reason
	disk=$(drive large)
	wipe "$disk" "$(drive main)"
	"${@:3}" "$disk" >/dev/null 2>&1 || fail "status $? from: ${*:3} $disk"
	blockdev --flushbufs "$disk"
	writes=$(disk_stat "$disk" 5)
	before=$(read_sectors "$disk" 0 8192 | sha256sum && read_sectors "$disk" 653312 2048 | sha256sum)
	reason="spare $(number_of "$disk") holds $1 (magic at byte $2 of its range)$ADVICE"
	assert_refused "$reason" remap_create x "$(drive main)" "$disk"
	assert_eq "$writes" "$(disk_stat "$disk" 5)"
	assert_eq "$before" "$(read_sectors "$disk" 0 8192 | sha256sum && read_sectors "$disk" 653312 2048 | sha256sum)"
	remap_create x "$(drive main)" "$disk" format
	assert_eq "0 0 ok" "$(remap_get x remapped used mode)"
	dmsetup remove x
	remap_create x "$(drive main)" "$disk"
}

md() { # METADATA DISK
	modprobe raid1
	mdadm --create /dev/md0 --run --force --metadata="$1" --level=1 --raid-devices=2 "$2" missing && mdadm --stop /dev/md0
}

mbr() { # DISK
	perl -e 'print "\0" x 446, pack("C4 C4 V V", 0, 0, 0, 0, 0x83, 0, 0, 0, 2048, 8192), "\0" x 48, "\x55\xaa"' |
		write_sectors "$1" 0 1
}

unknown_content() {
	local sector start
	MAIN=$(drive main) SPARE=$(drive large)
	for sector in 0 7 2047 653312 655359; do
		wipe "$SPARE"
		pattern_write "$SPARE" $sector 1 data
		assert_refused "spare $(number_of "$SPARE") is not blank: sector $sector of its range is not zero, and the content is of \
no known kind$ADVICE" remap_create x "$MAIN" "$SPARE"
		pattern_check "$SPARE" $sector 1 data
	done
	# The range is what counts.
	wipe "$SPARE"
	pattern_write "$SPARE" 8000 1 data
	pattern_write "$SPARE" 24576 1 data
	remap_create x "$MAIN" "$SPARE:8192:16384"
	pattern_check "$SPARE" 8000 1 data
	pattern_check "$SPARE" 24576 1 data
	dmsetup remove x
	assert_fail remap_create x "$MAIN" "$SPARE:8000:16384"
}

# 'format' is no way to lose a map.
format_keeps_a_map() {
	setup
	bad_create bad "$MAIN" 1000
	remap_create x /dev/mapper/bad "$SPARE" format
	pattern_write /dev/mapper/x 1000 1 new
	dmsetup remove x
	remap_create x /dev/mapper/bad "$SPARE" format
	pattern_check /dev/mapper/x 1000 1 new
	dmsetup remove x
	assert_refused "spare $(number_of "$SPARE") was formatted as a range of 8192 sectors, the table names 4096 from sector 0 \
on: name the range as it was formatted" remap_create x /dev/mapper/bad "$SPARE:0:4096" format
}

rotten_metadata() {
	local start
	setup
	remap_create x "$MAIN" "$SPARE"
	start=$(data_start "$SPARE" x)
	dmsetup remove x
	# One copy of the superblock is enough.
	host rot spare 0
	blockdev --flushbufs "$SPARE"
	remap_create x "$MAIN" "$SPARE"
	dmsetup remove x
	host rot spare 1
	host rot spare $((start / 2 + 1))
	blockdev --flushbufs "$SPARE"
	assert_refused "spare $(number_of "$SPARE") holds dm-remap metadata, but no copy of its superblock verifies: make an image of \
it and see docs/administration.md; to use it all the same and lose that, add the feature argument 'format'" remap_create x "$MAIN" "$SPARE"
	remap_create x "$MAIN" "$SPARE" format
}

modules_load
test_case 'table lines: missing words' missing_words
test_case 'table lines: numbers' numbers
test_case 'table lines: how many features' feature_counts
test_case 'table lines: features' features
test_case 'table lines: devices and ranges' devices 768
test_case 'table lines: devices that are none' no_devices
test_case 'table lines: read-only disks' read_only_disks
test_case 'messages' messages
[[ -n ${ONLY:-} ]] || test_case 'these were a hundred at least' hundred
test_case 'ext4' foreign 'an ext4 filesystem' 1080 mkfs.ext4 -qF
test_case 'xfs' foreign 'an xfs filesystem' 0 mkfs.xfs -qf
test_case 'btrfs' foreign 'a btrfs filesystem' 65600 mkfs.btrfs -qf
test_case 'swap' foreign 'swap space' 4086 mkswap
test_case 'LVM' foreign 'an LVM2 physical volume' 536 pvcreate -qffy
test_case 'md 1.2' foreign 'an md RAID member (version 1.2)' 4096 md 1.2
test_case 'md 1.0' foreign 'an md RAID member (version 1.0)' 335536128 md 1.0
test_case 'md 0.90' foreign 'an md RAID member (version 0.90)' 335478784 md 0.90
test_case 'a partition table' foreign 'an MBR partition table' 510 mbr
test_case 'content of no known kind' unknown_content
test_case 'format keeps a map that verifies' format_keeps_a_map
test_case 'rotten metadata' rotten_metadata
modules_unload
