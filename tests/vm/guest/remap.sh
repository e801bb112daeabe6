# shellcheck shell=bash
# Devices of the project's own, and what they say of themselves. Sourced by groups, after lib.sh.

# remap_line MAIN SPARE [FEATURE...]: the table line; all of MAIN, all of SPARE. SPARE may be DEVICE:START:SECTORS.
remap_line() {
	local main=$1 spare start sectors
	IFS=: read -r spare start sectors <<<"$2"
	shift 2
	echo "0 $(sectors_of "$main") remap $main $spare ${start:-0} ${sectors:-$(sectors_of "$spare")}${*:+ $# $*}"
}

# remap_create NAME MAIN SPARE [FEATURE...]: makes /dev/mapper/NAME.
remap_create() { dm_create "$1" "$(remap_line "${@:2}")"; }

# remap_again NAME: remove, and create by the line that the device has printed itself.
remap_again() {
	local line
	line=$(dmsetup table "$1") && dmsetup remove "$1" && dmsetup create "$1" --table "$line"
}

# remap_get NAME FIELD...: fields of the status line, by name, in one line.
remap_get() {
	local words values=() field
	read -ra words < <(dmsetup status "$1")
	for field in "${@:2}"; do
		case $field in
		generation) values+=("${words[3]}") ;;
		extents) values+=("${words[4]%/*}") ;;
		max_extents) values+=("${words[4]#*/}") ;;
		remapped) values+=("${words[5]}") ;;
		pending) values+=("${words[6]}") ;;
		used) values+=("${words[7]%/*}") ;;
		total) values+=("${words[7]#*/}") ;;
		bad) values+=("${words[8]}") ;;
		remaps) values+=("${words[9]}") ;;
		read_errors) values+=("${words[10]}") ;;
		write_errors) values+=("${words[11]}") ;;
		health) values+=("${words[12]}") ;;
		members) values+=("${words[13]}") ;;
		mode) values+=("${words[-1]}") ;;
		*) fail "no field '$field' in the status" || return ;;
		esac
	done
	echo "${values[*]}"
}

# wipe DEVICE...: zeroes all over, as a new disk.
wipe() {
	local device
	for device in "$@"; do blkdiscard --force --zeroout "$device" || return; done
}

# data_start SPARE NAME: where on the spare the blocks begin; before that lies metadata.
data_start() { echo $(($(sectors_of "$1") - $(remap_get "$2" total))); }

sum_of() { dd if="$1" bs=1M iflag=direct status=none | sha256sum; } # DEVICE, past the cache

# disk_stat DEVICE NUMBER: a field of /sys/block/*/stat, from 1: 5 writes, 7 sectors written, 12 discards, 16 flushes.
disk_stat() {
	local words
	read -ra words <"/sys/dev/block/$(stat -Lc %Hr:%Lr "$1")/stat"
	echo "${words[$2 - 1]}"
}

# remap_over_bad [RANGE...]: device x over drive main with these bad sectors (as bad_create) and drive spare, both wiped;
# their nodes in $MAIN and $SPARE.
remap_over_bad() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	bad_create bad "$MAIN" "$@"
	remap_create x /dev/mapper/bad "$SPARE"
}

# assert_refused REASON COMMAND...: fails, and the kernel says exactly this of the table or message.
assert_refused() {
	local reason=$1 said
	shift
	klog_mark
	assert_fail "$@" || return
	said=$(klog_since | sed -n 's/^dm-remap: [^:]*: \(table\|message\) refused: //p')
	assert_eq "$reason" "$said" "refused, but for another reason"
}

# --- a load on device x

LOADING=/run/loading LOAD_PASS=/run/load-pass
LOAD_ON=/dev/mapper/x # or a file on it

# random_load PASS [FIO-OPTION...]: writes the first 14 MiB at random, each sector once, and verifies them. No two passes
# write the same.
random_load() {
	fio --name=load --filename=$LOAD_ON --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite --bsrange=512-32k \
		--bs_unaligned=0 --size=14M --verify=crc32c --randseed="$(random_number 2147483647 load "$1")" \
		--output=/dev/shm/fio.log "${@:2}"
}
# random_load_start [FIO-OPTION...]: pass after pass, until load_ok.
random_load_start() {
	local before pass=0
	before=$(disk_stat /dev/mapper/x 5)
	: >$LOADING
	while [[ -e $LOADING ]]; do
		echo $((++pass)) >$LOAD_PASS
		random_load $pass "$@" || exit
	done &
	LOAD=$!
	wait_for "test \$(disk_stat /dev/mapper/x 5) -ge $((before + 50))" '' 'the load to begin'
}
# load_ok: at the end of its pass; it has seen no error, and no wrong data. load_again: nor is there any now.
load_ok() { rm -f $LOADING && wait "$LOAD" || fail "$(</dev/shm/fio.log)"; }
load_again() { random_load "$(<$LOAD_PASS)" --verify_only || fail "$(</dev/shm/fio.log)"; }
loading() { kill -0 "$LOAD" 2>/dev/null || fail 'the load is over before its time'; }

# Whether the kernel tells the names that drivers know of their disks. An older one does not: only the table can.
kernel_names_disks() { grep -qw sd_get_unique_id /proc/kallsyms; }
