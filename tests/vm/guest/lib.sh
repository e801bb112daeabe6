# shellcheck shell=bash
# For the scripts that run in the machine: tests and their results, assertions, the host, the kernel's log.
# Devices and data are in devices.sh, random numbers in random.sh. Use:  . "$VM_LIB"

. "${VM_LIB%/*}/devices.sh"
. "${VM_LIB%/*}/random.sh"

# --- the host

# host VERB ARGUMENT...: has the harness do something; prints its answer, fails with its error.
#   bad DRIVE RANGE... [read|write|rw|discard|flush|all] [medium|io|nospace|errno=N] [times=N]
#   heal DRIVE [RANGE...|flush]     slow DRIVE IOPS|off     rot DRIVE RANGE
#   unplug DRIVE                    plug DRIVE
# A RANGE is START, START:LENGTH (512-byte sectors) or '*'.
host() {
	local number=${EPOCHREALTIME//[.,]/}.$BASHPID
	(
		flock 9
		exec 8<>"$VM_CTL" || exit
		printf '%s %s\n' "$number" "$*" >&8
		patience
		while read -rt $PATIENCE -u 8 reply; do
			case $reply in
			"$number ok"*)
				reply=${reply#"$number ok"}
				[[ -z ${reply# } ]] || echo "${reply# }"
				exit 0
				;;
			"$number error "*)
				echo "host $*: ${reply#"$number error "}" >&2
				exit 1
				;;
			esac
		done
		echo "host $*: no answer" >&2
		exit 1
	) 9>/run/host.lock
}

# next_phase: powers the machine down; it boots again with the same drives and PHASE one higher.
next_phase() {
	leaks_to_klog
	host next-phase || exit 1
	sync
	echo o >/proc/sysrq-trigger
	sleep infinity
}

# power_cut: the same, but the machine stops at once, in the middle of what it does.
power_cut() {
	host power-cut
	echo '# the host did not cut the power'
	exit 1
}

# --- tests

TEST_NUMBER=${VM_TEST_NUMBER:-0}
TEST_NAME= # empty outside of tests
KLOG_MARK=

say() { printf '# %s\n' "$*"; }

# test_case NAME FUNCTION [ARGUMENT...]: runs it in a subshell that ends at the first command that fails.
test_case() {
	local name=$1 status begun=$SECONDS
	shift
	if [[ -n ${ONLY:-} && ! $name =~ $ONLY ]]; then return; fi
	TEST_NUMBER=$((TEST_NUMBER + 1))
	printf '# --- %s\n' "$name"
	# A subshell in a condition would run without -e.
	set +e
	(
		set -eEu
		TEST_NAME=$name
		DEFERRED=()
		trap 'test_failed_at "$?" "$BASH_COMMAND"' ERR
		trap 'test_clean_up "$?"' EXIT
		"$@"
	)
	status=$?
	say "$((SECONDS - begun)) s"
	case $status in
	0) test_result "ok $TEST_NUMBER - $name" ;;
	77) test_result "ok $TEST_NUMBER - $name # SKIP $(</run/test-skipped)" ;;
	*) test_result "not ok $TEST_NUMBER - $name" ;;
	esac
}

test_result() {
	printf '\n%s\n' "$1"
	host result "$1" || exit 1
}

test_failed_at() {
	local i
	trap - ERR
	exec >&2 # the output of a $(…) is somebody's value
	# A subshell is not quoted in full: what it did has said so itself.
	say "status $1 from: ${2%%$'\n'*}"
	for ((i = 1; i < ${#FUNCNAME[@]} - 1; i++)); do
		[[ ${FUNCNAME[i]} == test_case ]] || say "  in ${FUNCNAME[i]}, ${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]}"
	done
}

test_clean_up() {
	local status=$1 i
	trap - ERR EXIT
	set +e
	for ((i = ${#DEFERRED[@]} - 1; i >= 0; i--)); do
		eval "${DEFERRED[i]}" && continue
		say "clean-up failed: ${DEFERRED[i]}"
		# What is left behind would fail later tests, less clearly.
		((status)) || status=1
	done
	exit "$status"
}

# defer COMMAND: run at the end of the test, however it ends; the last first.
defer() { DEFERRED+=("$*"); }

# skip REASON: the test cannot be run here.
skip() {
	echo "$*" >/run/test-skipped
	exit 77
}

# --- assertions

# fail MESSAGE...: ends the test.
fail() {
	local line
	while IFS= read -r line; do say "$line"; done <<<"$*" >&2
	return 1
}

assert_eq() { # EXPECTED ACTUAL [WHAT]
	[[ $1 == "$2" ]] || fail "${3:-values differ}"$'\n'"  expected: $1"$'\n'"  actual:   $2"
}
assert_ne() { # UNEXPECTED ACTUAL [WHAT]
	[[ $1 != "$2" ]] || fail "${3:-value} must not be: $1"
}
assert_contains() { # TEXT PART [WHAT]
	[[ $1 == *"$2"* ]] || fail "${3:-text} does not contain: $2"$'\n'"$1"
}
assert_not_contains() { # TEXT PART [WHAT]
	[[ $1 != *"$2"* ]] || fail "${3:-text} contains: $2"$'\n'"$1"
}
assert_match() { # TEXT EXTENDED-REGEX [WHAT]
	[[ $1 =~ $2 ]] || fail "${3:-text} does not match: $2"$'\n'"$1"
}
assert_num() { # A OPERATOR B [WHAT], as in: assert_num "$count" -ge 3
	test "$1" "$2" "$3" || fail "${4:-numbers}: not $1 $2 $3"
}
assert_ok() { # COMMAND...
	local output status=0
	output=$("$@" 2>&1) || status=$?
	((status == 0)) || fail "status $status from: $*"$'\n'"$output"
}
# assert_fail COMMAND...: it must fail; its output is then in $OUTPUT, its status in $STATUS.
assert_fail() {
	STATUS=0
	OUTPUT=$("$@" 2>&1) || STATUS=$?
	((STATUS)) || fail "must fail, but does not: $*"$'\n'"$OUTPUT"
}
# assert_fail_with TEXT COMMAND...: and must say so.
assert_fail_with() {
	local text=$1
	shift
	assert_fail "$@"
	assert_contains "$OUTPUT" "$text" "the output of: $*"
}

# patience [SECONDS]: sets PATIENCE to how long to wait for what comes within that time on a stock kernel. Limits end what would
# never end: how fast a machine is that shares its processors with others is nobody's promise.
patience() { PATIENCE=$((${1:-120} * SLOWNESS)); }

# wait_for COMMAND [SECONDS] [WHAT]: until the command, a string, is true. For what announces itself there
# are dm_wait_event and klog_wait.
wait_for() {
	local limit
	patience "${2:-}"
	limit=$((SECONDS + PATIENCE))
	until eval "$1" >/dev/null 2>&1; do
		((SECONDS < limit)) || fail "waited $PATIENCE s in vain for: ${3:-$1}" || return
		sleep 0.05
	done
}

# --- leaks, on a kernel that looks for them

KMEMLEAK=/sys/kernel/debug/kmemleak
SYMBOLS=/run/symbols

# leaks_note_symbols: before modules go; what kmemleak tells of them later has no names.
leaks_note_symbols() { [[ ! -e $KMEMLEAK ]] || grep -F '[dm_remap' /proc/kallsyms >>$SYMBOLS || true; }
# leaks_to_klog: what the project's modules have allocated and nothing points to any more goes to the kernel's log, where
# the harness sees it.
leaks_to_klog() {
	[[ -e $KMEMLEAK ]] || return 0
	leaks_note_symbols
	# Nothing younger than 5 s is looked at, and only the second scan knows what has not changed since the first.
	sleep 5
	echo scan >$KMEMLEAK && echo scan >$KMEMLEAK
	perl "${VM_LIB%/*}/kmemleak.pl" $SYMBOLS <$KMEMLEAK | while IFS= read -r line; do echo "$line" >/dev/kmsg; done
}

# --- the kernel's log

# klog_mark: the other klog functions look at what comes after.
klog_mark() {
	KLOG_MARK="klog-mark $BASHPID $EPOCHREALTIME"
	echo "$KLOG_MARK" >/dev/kmsg
}

klog_since() {
	if [[ -n $KLOG_MARK ]]; then
		dmesg --notime | sed "1,/$KLOG_MARK/d"
	else
		dmesg --notime
	fi
}

assert_klog() { # EXTENDED-REGEX
	klog_since | grep -Eq -- "$1" || fail "the kernel's log has no: $1"$'\n'"$(klog_since | tail -n 30)"
}
assert_no_klog() { # EXTENDED-REGEX
	local lines
	lines=$(klog_since | grep -E -- "$1") || return 0
	fail "the kernel's log has: $1"$'\n'"$lines"
}

# klog_wait EXTENDED-REGEX [SECONDS]: until such a line comes; prints it.
klog_wait() {
	local log follower line
	patience "${2:-}"
	exec {log}< <(exec dmesg --notime --follow)
	follower=$!
	# The shell's own read takes a system call for every character of the log.
	# shellcheck disable=SC2016
	line=$(timeout $PATIENCE perl -e 'my ($mark, $regex) = @ARGV; my $after = $mark eq "";
		while (<STDIN>) {
			if (!$after) { $after = index($_, $mark) >= 0; }
			elsif (/$regex/) { print; exit 0; }
		}
		exit 1;' "$KLOG_MARK" "$1" <&"$log") || true
	kill "$follower"
	exec {log}<&-
	[[ -n $line ]] || fail "waited $PATIENCE s in vain for the kernel to say: $1" || return
	echo "$line"
}
