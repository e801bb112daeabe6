# shellcheck shell=bash
# A main that our udev rules hide and hold, and the disks of its set, which come and go. Sourced by groups, after tool.sh.

export DM_REMAP_CONFIG=/etc/dm-remap/sets.conf
RUN=/run/dm-remap
ROOT_UUID=11111111-aaaa-bbbb-cccc-dddddddddddd
LINK=/dev/disk/by-uuid/$ROOT_UUID

settle() { patience && udevadm settle --timeout=$PATIENCE; }
look_again() { udevadm trigger --action=change "$1" && settle; } # DEVICE
props() { udevadm info -q property -n "$1"; }                    # DEVICE
prop() { udevadm info -q property --property "$2" --value -n "$1"; } # DEVICE NAME
leads_to() { [[ $(readlink -f "$1") == $(readlink -f "$2") ]]; } # LINK DEVICE
assert_leads_to() { leads_to "$1" "$2" || fail "$1 leads to $(readlink -f "$1"), not to $2"; }
assert_hidden() { # DEVICE
	local known
	known=$(props "$1")
	assert_contains "$known" "DM_REMAP_MAIN=$SET"
	assert_contains "$known" 'ID_FS_TYPE=dm_remap_main'
	assert_contains "$known" 'UDISKS_IGNORE=1'
	assert_contains "$known" 'SYSTEMD_READY=0'
	assert_not_contains "$known" 'ID_FS_UUID='
	assert_not_contains "$known" 'by-uuid'
	assert_not_contains "$known" 'by-partuuid'
}
assert_shown() { assert_not_contains "$(props "$1")" 'DM_REMAP_MAIN='; } # DEVICE
# With a name, the process that holds main of this set answers.
held() { [[ -S $RUN/hold-$1 ]] && perl -MFcntl -e 'exit(sysopen(my $f, $ARGV[0], O_RDONLY | O_EXCL) ? 1 : $!{EBUSY} ? 0 : 1)' "$2"; } # SET DEVICE
wait_held() { wait_for "held $SET $MAIN" '' "$MAIN to be held"; }
assert_free() { perl -MFcntl -e 'sysopen(my $f, $ARGV[0], O_RDONLY | O_EXCL) or die "$ARGV[0]: $!\n"' "$1"; } # DEVICE
let_go_of_all() {
	local note
	settle
	for note in $RUN/hold-*; do
		[[ ! -S $note ]] || dmremap release-main --yes "${note##*/hold-}" >/dev/null || return
	done
	settle
}

start_fresh() {
	MAIN=$(drive main) SPARE=$(drive spare) TWO=$(drive two) THREE=$(drive three)
	rm -rf /etc/dm-remap $RUN
	wipe "$MAIN" "$SPARE" "$TWO" "$THREE"
	for device in "$MAIN" "$SPARE" "$TWO" "$THREE"; do look_again "$device"; done
	defer let_go_of_all
	defer 'umount /run/mnt 2>/dev/null; dm_remove_if_there y; dm_remove_if_there x; host heal main'
	mkdir -p /run/mnt
}
make_set() { # [SPARE...]: the set x; main has a filesystem
	local spare words=()
	for spare in "${@:-$SPARE}"; do words+=(--spare "$spare"); done
	mkfs.ext4 -qFU $ROOT_UUID -L home "$MAIN"
	look_again "$MAIN"
	assert_leads_to $LINK "$MAIN"
	said 0 create x --main "$MAIN" "${words[@]}" --json
	SET=$(field "$OUT" set)
	settle
}
unplug() { # NAME
	defer "drive_now $1 >/dev/null || plug $1"
	host unplug "$1" && drive_gone "$1" && settle
}
plug() { host plug "$1" && drive "$1" >/dev/null && settle; } # NAME
# Main and the spare are away, and this machine knows nothing of the set.
forget_set() {
	said 0 close x
	unplug spare
	unplug main
	rm -rf $RUN /etc/dm-remap
}
