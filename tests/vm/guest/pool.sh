# shellcheck shell=bash
# A pool of several spares on device x. Sourced by groups whose drives are main, one, two, three and slow, after remap.sh.

X=/dev/mapper/x
UEVENTS=/run/uevents
RUNS=(1000:8 5003:1 20480:64 30000:16)

# named DEVICE: as the feature that adds all of it to the pool.
named() { echo "spare $1 0 $(sectors_of "$1")"; }

# prepare [SPARE...]: device x over a main that fails at RUNS, and these spares.
prepare() {
	local spare features=()
	MAIN=$(drive main) ONE=$(drive one) TWO=$(drive two) THREE=$(drive three) SLOW=$(drive slow)
	wipe "$MAIN" "$ONE" "$TWO" "$THREE" "$SLOW"
	bad_create bad "$MAIN" "${RUNS[@]}"
	for spare in "${@:2}"; do
		# shellcheck disable=SC2207
		features+=($(named "${!spare}"))
	done
	spare=${1:-ONE}
	remap_create x /dev/mapper/bad "${!spare}" "${features[@]}"
	: >$UEVENTS
}

# member DEVICE: its field of the status line.
member() { dmsetup status x | tr ' ' '\n' | grep "^$(number_of "$1"):"; }
state() { member "$1" | cut -d: -f3; }
used_of() { member "$1" | cut -d: -f4 | cut -d/ -f1; }
deps() { dmsetup deps x | grep -o '([0-9]*, [0-9]*)' | tr -d '( )' | tr , : | sort | xargs; }
numbers() { for device in "$@"; do number_of "$device"; done | sort | xargs; }
event_wait() { wait_for "grep -qx DM_REMAP_EVENT=$1 $UEVENTS" '' "the event $1"; }
# Not the event: one of an earlier removal may come late.
removal_wait() { wait_for '! dmsetup message x 0 status | grep -q ^removing' '' 'the removal to end'; }
reload() { dmsetup table x | dmsetup load x && dmsetup resume x; }
told() { dmsetup message x 0 status | tr ' ' '\n' | sed -n "s/^$1=//p"; } # of what there is once

# Until the group ends.
uevents_start() {
	: >$UEVENTS
	stdbuf -oL udevadm monitor --kernel --property --subsystem-match=block >>$UEVENTS &
	UEVENTS_MONITOR=$!
	wait_for "grep -q KERNEL $UEVENTS" '' 'udevadm to listen'
}
uevents_stop() { kill "$UEVENTS_MONITOR"; }
