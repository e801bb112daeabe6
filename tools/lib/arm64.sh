#!/bin/bash
# What machines of tests/vm need to run kernels for arm64 here: the emulator, and a root directory with programs for
# them, as this machine's own cannot run there. Kernels and modules: root.sh trixie image|modules 6.12-arm64.
#
#   arm64.sh root      makes them unless they are there; prints the directory
set -eu

lib=$(dirname "$(readlink -f "$0")")
# shellcheck source=tools/lib/packages.sh
. "$lib/packages.sh"

ROOT=${DM_REMAP_CACHE:-/var/cache/dm-remap}/arm64
# What the groups promise, lifecycle, pool and disks use.
PROGRAMS=(busybox-static dmsetup e2fsprogs fdisk fio kmod perl procps udev xfsprogs)

# The packages are unpacked and no more: their scripts are for a processor that this machine has not.
root_make() {
	local new=$ROOT.new deb
	rm -rf "$new"
	mkdir -p "$(dirname "$new")"
	debootstrap --foreign --arch=arm64 --variant=minbase --include="$(IFS=, && echo "${PROGRAMS[*]}")" trixie "$new" \
		http://deb.debian.org/debian >&2
	for deb in "$new"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$deb" "$new"; done
	# What the scripts would have done, as far as programs ask for it.
	ln -sf mawk "$new/usr/bin/awk"
	cp "$new/usr/share/base-passwd/passwd.master" "$new/etc/passwd"
	cp "$new/usr/share/base-passwd/group.master" "$new/etc/group"
	rm -rf "$new/debootstrap" "$new"/var/cache/apt/archives/*.deb
	mv "$new" "$ROOT"
}

case ${1:-} in
root) ;;
*)
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
	exit 2
	;;
esac
mkdir -p /run/lock
exec 9>/run/lock/dm-remap-arm64.lock
flock 9
packages_install debootstrap qemu-system-arm
if [[ ! -d $ROOT ]]; then
	echo 'setup: making a root directory of programs for arm64' >&2
	root_make
fi
echo "$ROOT"
