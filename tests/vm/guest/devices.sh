# shellcheck shell=bash
# Devices that fail on purpose, and data that tells where it belongs. Sourced by lib.sh.
# Sectors have 512 bytes here, whatever the device's blocks.

# --- the group's drives

drive_now() { # NAME
	local dir serial parts
	for dir in /sys/block/*; do
		serial=
		if [[ $dir == */nvme*c*n* ]]; then
			continue # one path of a multipath drive, not the drive
		elif [[ -r $dir/serial ]]; then
			read -r serial <"$dir/serial" || true # virtio's ends without a newline
		elif [[ -r $dir/device/serial ]]; then
			read -r serial <"$dir/device/serial" || true
		elif [[ -r $dir/device/vpd_pg80 ]]; then
			mapfile -d '' -t parts <"$dir/device/vpd_pg80" || continue
			((${#parts[@]})) || continue
			serial=${parts[-1]}
		fi
		if [[ ${serial//[^a-z0-9_]/} == "$1" && -b /dev/${dir##*/} ]]; then
			echo "/dev/${dir##*/}"
			return 0
		fi
	done
	return 1
}

# drive NAME: its device node, /dev/sda or whatever; waits for it to appear.
drive() {
	wait_for "drive_now $1" '' "drive $1" >&2 && drive_now "$1"
}
# drive_gone NAME: until the kernel has let go of it.
drive_gone() { wait_for "! drive_now $1" '' "drive $1 to go"; }

# Without a process of its own: starting one takes a tenth of a second here.
sysfs_of() { # DEVICE
	local dir name
	if [[ $1 == /dev/mapper/* && ! -L $1 ]]; then
		for dir in /sys/block/dm-*; do
			read -r name <"$dir/dm/name"
			if [[ $name == "${1##*/}" ]]; then
				echo "$dir"
				return
			fi
		done
		return 1
	fi
	name=$1
	[[ ! -L $1 ]] || name=$(readlink -f "$1")
	echo "/sys/class/block/${name##*/}"
}
# attribute_of DEVICE FILE: of the whole disk, if a partition has none of its own.
attribute_of() {
	local dir
	dir=$(sysfs_of "$1") || return
	[[ -e $dir/$2 ]] || dir+=/..
	echo "$(<"$dir/$2")"
}
sectors_of() { attribute_of "$1" size; }                     # DEVICE
number_of() { attribute_of "$1" dev; }                       # DEVICE: prints MAJOR:MINOR
block_of() { attribute_of "$1" queue/logical_block_size; }   # DEVICE: prints bytes

# --- what drives answer

# request_errors_mark: request_errors looks at what comes after. A trace says it, as the kernel's log leaves lines out when
# there are many.
TRACE=/sys/kernel/tracing
request_errors_mark() {
	local event=$TRACE/events/block/block_rq_complete
	mountpoint -q $TRACE || mount -t tracefs none $TRACE
	echo 'error != 0' >$event/filter
	echo 1 >$event/enable
	echo >$TRACE/trace
}
# request_errors DEVICE: prints the error numbers of the disk's requests, each once: "-121 -61". Commands of a driver's own
# (N) do not count.
request_errors() {
	local number
	number=$(number_of "$1")
	sed -n "s/.* block_rq_complete: ${number/:/,} [^N].* \[\(-[0-9]*\)\]\$/\1/p" $TRACE/trace | sort -nu | xargs
}

# --- device-mapper

# dm_create NAME [TABLE]: the table is an argument or comes from stdin; gone when the test ends.
dm_create() {
	if (($# > 1)); then dmsetup create "$1" --table "$2"; else dmsetup create "$1"; fi || return
	! declare -p DEFERRED >/dev/null 2>&1 || defer "dm_remove_if_there $1"
}
# dm_reload NAME [TABLE] [SUSPEND-OPTION...]: load, suspend, resume. '-' reads the table from stdin.
dm_reload() {
	local name=$1 table=${2:--}
	if [[ $table == - ]]; then dmsetup load "$name"; else dmsetup load "$name" --table "$table"; fi || return
	dmsetup suspend "${@:3}" "$name" && dmsetup resume "$name"
}
dm_remove() { dmsetup remove "$1"; } # NAME
dm_remove_if_there() { ! dmsetup info "$1" >/dev/null 2>&1 || dmsetup remove --retry "$1"; }
dm_event_nr() { dmsetup info -c --noheadings -o events "$1"; } # NAME
# dm_wait_event NAME NUMBER [SECONDS]: until the device has had more events than that.
dm_wait_event() {
	patience "${3:-}"
	timeout $PATIENCE dmsetup wait "$1" "$2" >/dev/null || fail "no event after number $2 on $1 in $PATIENCE s"
}

# bad_table DEVICE [START[:LENGTH]...]: a table whose given sectors fail, all others are DEVICE's.
bad_table() {
	local device=$1 at=0 size range start length
	size=$(sectors_of "$device") || return
	shift
	while IFS=: read -r start length; do
		[[ -n $start ]] || continue
		length=${length:-1}
		if ((start < at)); then # overlaps the one before
			length=$((length - (at - start)))
			start=$at
		fi
		((length > 0)) || continue
		((start == at)) || echo "$at $((start - at)) linear $device $at"
		echo "$start $length error"
		at=$((start + length))
	done < <(for range in "$@"; do echo "$range"; done | sort -n)
	((at >= size)) || echo "$at $((size - at)) linear $device $at"
}
# bad_create NAME DEVICE [RANGE...]: makes /dev/mapper/NAME of it. Reads and writes get BLK_STS_IOERR.
bad_create() { dm_create "$1" < <(bad_table "${@:2}"); }
# bad_change NAME DEVICE [RANGE...]: from now on these are the bad ones. Works under a device in use.
bad_change() { bad_table "${@:2}" | dm_reload "$1" - --nolockfs; }

# --- disks of the kernel's own

# nullb_create NAME MEGABYTES [BLOCK-SIZE] [ATTRIBUTE=VALUE...]: prints the device.
nullb_create() {
	local dir=/sys/kernel/config/nullb/$1 pair device
	[[ -d /sys/kernel/config/nullb ]] || modprobe null_blk nr_devices=0 || return
	mkdir "$dir" || return
	echo "$2" >"$dir/size"
	echo "${3:-512}" >"$dir/blocksize"
	echo 1 >"$dir/memory_backed"
	for pair in "${@:4}"; do echo "${pair#*=}" >"$dir/${pair%%=*}" || return; done
	echo 1 >"$dir/power" || return
	device=/dev/nullb$(<"$dir/index")
	[[ -b $device ]] || device=/dev/$1
	echo "$device"
}
nullb_bad() { echo "+$2-$3" >"/sys/kernel/config/nullb/$1/badblocks"; }  # NAME FIRST LAST: both directions, BLK_STS_IOERR
nullb_heal() { echo "-$2-$3" >"/sys/kernel/config/nullb/$1/badblocks"; } # NAME FIRST LAST
nullb_remove() {                                                        # NAME
	echo 0 >"/sys/kernel/config/nullb/$1/power"
	rmdir "/sys/kernel/config/nullb/$1"
}

# loop_create SIZE [LOSETUP-OPTION...]: a loop device over a file in memory; prints the device.
loop_create() {
	local file
	file=$(mktemp /dev/shm/loop.XXXXXX) && truncate -s "$1" "$file" || return
	[[ -d /sys/module/loop ]] || modprobe loop || return
	losetup --find --show "${@:2}" "$file"
}
loop_remove() { # DEVICE
	local file
	file=$(losetup -nO BACK-FILE "$1") && losetup --detach "$1" && rm -f "$file"
}

# scsi_debug_create PARAMETER=VALUE...: one disk in memory; prints the device. Medium errors on reads:
# opts=2 medium_error_start=100 medium_error_count=4, or later scsi_debug_set opts 2.
scsi_debug_create() {
	local dir=/sys/bus/pseudo/drivers/scsi_debug
	modprobe sd_mod && modprobe scsi_debug "$@" || return
	wait_for "ls -d $dir/adapter*/host*/target*/*:*/block/*" '' 'the disk of scsi_debug' >&2 || return
	dir=$(echo "$dir"/adapter*/host*/target*/*:*/block/*)
	wait_for "test -b /dev/${dir##*/}" >&2 && echo "/dev/${dir##*/}"
}
scsi_debug_set() { echo "$2" >"/sys/bus/pseudo/drivers/scsi_debug/$1"; } # PARAMETER VALUE
scsi_debug_remove() { rmmod scsi_debug; }

# --- data

# read_sectors DEVICE START [COUNT]: to stdout, past the cache, up to 1 MiB in one I/O.
read_sectors() {
	local bytes=$((${3:-1} * 512))
	dd if="$1" bs=$((bytes < 1048576 ? bytes : 1048576)) skip=$(($2 * 512)) count="$bytes" \
		iflag=direct,skip_bytes,count_bytes,fullblock status=none
}
# write_sectors DEVICE START [COUNT] [DD-OPTION...]: from stdin, past the cache.
write_sectors() {
	local bytes=$((${3:-1} * 512))
	dd of="$1" bs=$((bytes < 1048576 ? bytes : 1048576)) seek=$(($2 * 512)) count="$bytes" \
		iflag=fullblock,count_bytes oflag=direct,seek_bytes conv=notrunc status=none "${@:4}"
}
# pattern SEED START [COUNT]: sectors of text that name the seed and their own number.
pattern() { pattern_mixed "$2" "${3:-1}" "$1"; }
pattern_mixed() { # START [COUNT SEED]...: one after the other
	awk -v at="$1" 'BEGIN {
		for (i = 1; i < ARGC; i += 2)
			for (end = at + ARGV[i]; at < end; at++) printf "%-511s\n", "pattern " ARGV[i + 1] " sector " at
	}' "${@:2}"
}
pattern_write() { pattern "$4" "$2" "$3" | write_sectors "$1" "$2" "$3" "${@:5}"; } # DEVICE START COUNT SEED
# pattern_check DEVICE START [COUNT SEED]...: fails at the first sector that holds something else, and says what.
pattern_check() {
	local have=/dev/shm/pattern.$BASHPID count=0 i at wanted
	for ((i = 3; i < $#; i += 2)); do count=$((count + ${!i})); done
	read_sectors "$1" "$2" $count >"$have" || fail "$1: cannot read sectors $2:$count" || return
	! cmp -s "$have" <(pattern_mixed "${@:2}") || return 0
	at=$(pattern_mixed "${@:2}" | cmp "$have" - | sed 's/.*byte \([0-9]*\),.*/\1/')
	at=$(((${at:-1} - 1) / 512))
	wanted=$(pattern_mixed "${@:2}" | dd bs=512 skip="$at" count=1 iflag=fullblock status=none | xargs)
	fail "$1: sector $(($2 + at)) is not '$wanted' but:
$(dd if="$have" bs=512 skip="$at" count=1 status=none | tr -d '\0' | tr -s ' ' | head -c 100 | cat -v)"
}
# failing_sectors DEVICE START COUNT: reads block by block; prints those that cannot be read, in one line.
failing_sectors() {
	local step line full partial failed='' failing=()
	step=$(($(block_of "$1") / 512))
	# After each error dd tells how many blocks it has read.
	while read -r line; do
		case $line in
		*'error reading'*) failed=yes ;;
		*' records in')
			IFS='+ ' read -r full partial _ <<<"$line"
			[[ -z $failed ]] || failing+=($(($2 + (full + partial) * step)))
			failed=
			;;
		esac
	done < <(dd if="$1" of=/dev/null bs=$((step * 512)) skip=$(($2 / step)) count=$(($3 / step)) iflag=direct \
		conv=noerror,sync status=noxfer 2>&1)
	echo "${failing[*]-}"
}

# --- the project's modules

MODULES=(dm-remap dm-remap-metadata dm-remap-spare-pool dm-remap-reassembly dm-remap-stats)

module_loaded() { [[ -d /sys/module/${1//-/_} ]]; } # NAME
modules_available() { modinfo -n dm-remap >/dev/null 2>&1; }
# modules_load: by name, as an administrator does; the soft dependencies bring all five.
modules_load() {
	local module
	modprobe "${MODULES[0]}" || return
	for module in "${MODULES[@]}"; do
		module_loaded "$module" || fail "modprobe ${MODULES[0]} has not loaded $module" || return
	done
}
# modules_insert: one after the other by path, the core first.
modules_insert() {
	local module
	modprobe dm_mod || return
	for module in "${MODULES[@]}"; do insmod "/lib/modules/$(uname -r)/extra/$module.ko" || return; done
}
modules_unload() {
	local i
	leaks_note_symbols
	for ((i = ${#MODULES[@]} - 1; i >= 0; i--)); do
		! module_loaded "${MODULES[i]}" || rmmod "${MODULES[i]}" || return
	done
}

# udev_start: for what needs rules. From here on libdevmapper waits for udev.
udev_start() {
	mkdir -p /run/udev
	/lib/systemd/systemd-udevd --daemon || return
	unset DM_DISABLE_UDEV MDADM_NO_UDEV
	patience
	udevadm trigger --action=add --subsystem-match=block && udevadm settle --timeout=$PATIENCE
}
