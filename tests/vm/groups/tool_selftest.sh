#!/bin/bash
# `dmremap selftest`: passes on this kernel, fails when a promise is broken, and leaves nothing behind however it ends.
# vm: drives=main:16M:scsi,spare:16M:scsi modules=required smp=1 timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

PROMISES='content write exact pending heal mended counts second durable spare main'
export TMPDIR=/dev/shm

outcomes() { # JSON: "id:outcome", in one line
	perl -MJSON::PP -e 'print join(" ", map { "$_->{id}:$_->{outcome}" } @{decode_json(shift)->{promises}}), "\n"' "$1"
}
all() { # OUTCOME
	local promise
	for promise in $PROMISES; do echo "$promise:$1"; done | xargs
}
nothing_left() {
	local dir
	assert_eq '' "$(dmsetup ls | grep -o 'dmremap-selftest[^ ]*' | xargs)" 'devices that are left'
	for dir in /sys/block/loop*; do
		[[ ! -e $dir/loop/backing_file ]] || fail "$dir is left, over $(<"$dir/loop/backing_file")" || return
	done
}

# begin_and_hold [OPTION...]: a selftest that waits, after its first promise is kept, until `go_on`: its answer goes into a pipe that is full.
begin_and_hold() {
	PIPE=/run/answer.$BASHPID
	mkfifo "$PIPE"
	exec 7<>"$PIPE"
	# As much as fits.
	timeout 20 dd if=/dev/zero of="$PIPE" bs=4096 oflag=nonblock status=none 2>/dev/null || true
	"$TOOL" selftest "$@" >"$PIPE" 2>/run/stderr &
	HELD=$!
	NAME=dmremap-selftest-$HELD
	# 1 is write(), to file descriptor 1.
	wait_for "read -ra words <\"/proc/$HELD/syscall\" && [[ \${words[0]} == 1 && \${words[1]} == 0x1 ]]" '' 'the selftest to wait'
}
# go_on: status in $STATUS, the answer in /run/answer.
go_on() {
	local reader
	exec 8<"$PIPE"
	exec 7>&-
	tr -d '\0' <&8 >/run/answer &
	reader=$!
	exec 8<&-
	STATUS=0
	wait "$HELD" || STATUS=$?
	wait "$reader"
	rm "$PIPE"
}

# --- it passes

passes() {
	local out
	out=$("$TOOL" selftest)
	assert_eq 11 "$(grep -c '^kept ' <<<"$out")"
	assert_contains "$out" "all 11 promises are kept on $(uname -r)"
	nothing_left
	assert_eq '' "$(ls -A /dev/shm | grep selftest || true)"
}

passes_beside_others() {
	local main spare out
	main=$(drive main) spare=$(drive spare)
	wipe "$main" "$spare"
	remap_create x "$main" "$spare"
	pattern_write /dev/mapper/x 0 64 mine
	"$TOOL" selftest --json --directory /dev/shm >/run/one &
	out=$("$TOOL" selftest --json)
	wait $!
	assert_eq "$(all kept)" "$(outcomes "$out")"
	assert_eq "$(all kept)" "$(outcomes "$(</run/one)")"
	pattern_check /dev/mapper/x 0 64 mine
	assert_eq '0 0' "$(remap_get x remapped read_errors)"
	nothing_left
}

only_said() {
	assert_eq "$(all not_tried)" "$(outcomes "$("$TOOL" selftest -n --json)")"
	nothing_left
}

# --- it refuses

refuses() {
	local status=0
	"$TOOL" selftest --directory /nowhere 2>/run/stderr || status=$?
	assert_eq 3 $status
	mkdir /run/small
	mount -t tmpfs -o size=1M none /run/small
	defer 'umount /run/small'
	assert_fail_with 'are needed; name another folder with --directory' "$TOOL" selftest --directory /run/small
	status=0
	setpriv --reuid=nobody --regid=nogroup --clear-groups "$TOOL" selftest 2>/run/stderr || status=$?
	assert_eq 1 $status
	nothing_left
}

no_modules() {
	modules_unload
	mv "/lib/modules/$(uname -r)/extra" /run/extra
	defer "mv /run/extra /lib/modules/$(uname -r)/extra; modules_load"
	assert_fail_with 'the kernel does not know the target' "$TOOL" selftest
	nothing_left
}

# --- it fails

# Somebody writes to main, where nothing is remapped.
neighbour_changes() {
	begin_and_hold
	dd if=/dev/urandom of="$(loop_of main)" bs=512 seek=990 count=1 oflag=direct conv=notrunc status=none
	go_on
	assert_eq 1 "$STATUS"
	assert_match "$(</run/answer)" "BROKEN +they alone have moved, and everything else is where it was: the device: sector 990 holds something else"
	assert_contains "$(</run/answer)" 'do not trust data to dm-remap'
	nothing_left
}

# The map is lost: all of the metadata area, 2048 sectors of the spare's 8192.
map_is_lost() {
	begin_and_hold
	dd if=/dev/zero of="$(loop_of spare)" bs=512 count=2048 oflag=direct conv=notrunc status=none
	go_on
	assert_eq 1 "$STATUS"
	assert_match "$(</run/answer)" "BROKEN +after a stop and a start the map is the same, and goes on growing: "
	nothing_left
}

loop_of() { # main|spare: of the selftest that waits
	local words
	if [[ $1 == main ]]; then
		read -ra words < <(dmsetup table "$NAME-main")
		node_of "${words[3]}"
	else
		read -ra words < <(dmsetup table "$NAME")
		node_of "${words[4]}"
	fi
}
node_of() { readlink -f "/dev/block/$1" 2>/dev/null | grep -x '/dev/loop.*' || echo "/dev/$(basename "$(readlink -f "/sys/dev/block/$1")")"; }

# --- it is interrupted

interrupted() { # SIGNAL
	begin_and_hold
	kill -"$1" "$HELD"
	go_on
	assert_eq 1 "$STATUS" "after $1"
	assert_contains "$(</run/stderr)" 'interrupted'
	nothing_left
}

reader_goes() {
	local out
	# The second line finds nobody.
	out=$("$TOOL" selftest 2>/run/stderr | head -n 1) || true
	assert_contains "$out" 'kept'
	wait_for '! pgrep -f "dmremap selftest"'
	nothing_left
}

killed() {
	begin_and_hold
	kill -KILL "$HELD"
	go_on
	assert_contains "$(dmsetup ls)" "$NAME"
	"$TOOL" selftest >/run/answer 2>/run/stderr
	assert_contains "$(</run/stderr)" "$NAME is removed: an earlier selftest was killed, and left it"
	nothing_left
}

tool_install
modprobe loop
modules_load
test_case 'all promises are kept' passes
test_case 'also beside another one, and a set that runs' passes_beside_others
test_case 'it says what it would try' only_said
test_case 'it refuses where nothing can be tried' refuses
test_case 'it refuses without modules' no_modules
test_case 'it notices a sector that has changed' neighbour_changes
test_case 'it notices a map that is lost' map_is_lost
for signal in INT TERM HUP; do
	test_case "SIG$signal leaves nothing" interrupted $signal
done
test_case 'whoever reads the answer goes away' reader_goes
test_case 'after SIGKILL the next one cleans up' killed
modules_unload
