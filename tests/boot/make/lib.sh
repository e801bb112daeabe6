# shellcheck shell=bash
# For the scripts that make the sets of a layout, in a machine of the VM tests. Sourced after the VM tests' own library.
. "$VM_LIB"
. "${VM_LIB%/*}/tool.sh"
tool_install
udev_start || exit
modules_load

# by_id DRIVE: a name that it has on every machine.
by_id() {
	local device link
	device=$(drive "$1")
	udevadm settle
	for link in /dev/disk/by-id/wwn-*; do
		if [[ $(readlink -f "$link") == "$device" ]]; then
			echo "$link"
			return
		fi
	done
	fail "$1 has no name in /dev/disk/by-id"
}
# set_create NAME MAIN SPARE...: by names of drives.
set_create() {
	local name=$1 main spare spares=()
	main=$(by_id "$2")
	shift 2
	for spare in "$@"; do spares+=(--spare "$(by_id "$spare")"); done
	dmremap create "$name" --main "$main" "${spares[@]}" --yes
}
# stale_file FILE DRIVE: on a filesystem that begins at sector $BAD_OFFSET of the set, a file whose sectors main refuses to write: on main
# itself it stays what it was before, 'stale', and on the set it is 'true'.
stale_file() {
	local at
	yes stale | head -c 65536 >"$1"
	sync
	at=$(filefrag -b512 -e "$1" | awk '$1 == "0:" { sub(/\.\..*/, "", $4); print $4; exit }')
	[[ -n $at ]] || fail "where is $1?"
	host bad "$2" "$((at + ${BAD_OFFSET:-0})):128" write
	yes 'true ' | head -c 65536 | dd of="$1" bs=64k conv=notrunc,fsync oflag=direct status=none
	host heal "$2"
}
sets_done() {
	cp "$DM_REMAP_CONFIG" /state/sets.conf
	modules_unload
}
