# shellcheck shell=bash
# For cases: what has been booted. Use:  . "$BOOT_LIB"
. "$VM_LIB"

# Journals are looked at when something is wrong.
journal_of() { journalctl --no-pager -b -o short-monotonic "$@" | tail -n 60; }

# next_boot: the machine is shut down as an administrator does it, and boots again with the same drives and PHASE one higher.
next_boot() {
	host next-phase || exit 1
	# Bash has this script open: systemd would fail to unmount what is the harness's own.
	umount --lazy /run/vm
	systemctl poweroff
	sleep infinity
}

# nothing_failed: the system is up, and no unit has failed.
nothing_failed() {
	local failed
	failed=$(systemctl --failed --no-legend --plain)
	[[ -z $failed ]] || fail "units have failed:"$'\n'"$failed"$'\n'"$(journal_of -p warning)"
	assert_eq running "$STATE" 'the state of the system'
}

# dm_of NAME: dm-3
dm_of() {
	[[ -e /dev/mapper/$1 ]] || fail "there is no /dev/mapper/$1"$'\n'"$(dmremap assemble "$1" 2>&1)" || return
	basename "$(readlink -f "/dev/mapper/$1")"
}
# mounted_from DEVICE MOUNTPOINT
mounted_from() {
	assert_eq "$(stat -Lc '%Hr:%Lr' "$1")" "$(findmnt -rno MAJ:MIN --target "$2" | tail -n 1)" "what is mounted at $2 ($(findmnt -rno SOURCE "$2"))"
}
# link_is UUID DEVICE: whose is the link in /dev/disk/by-uuid?
link_is() { assert_eq "$(readlink -f "$2")" "$(readlink -f "/dev/disk/by-uuid/$1")" "what by-uuid/$1 is"; }

# the_true_file FILE: not what main itself has (make/lib.sh).
the_true_file() { assert_eq 'true ' "$(head -c 5 "$1")" "what $1 says"; }

remapped() { dmremap status "$1" --json | jq -r '.devices[0].map.remapped_sectors'; }

# Of bootlib/layouts.py.
ROOT_UUID=5a5e0001-0000-4000-8000-000000000001
# shellcheck disable=SC2034
DATA=5a5e0002-0000-4000-8000-000000000002

spare_states() { dmremap status "$1" --json | jq -r '[.devices[0].spares[].state] | join(" ")'; }
