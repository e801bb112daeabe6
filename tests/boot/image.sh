#!/bin/bash
# Debian systems to boot, made by debootstrap and kept in the cache.
#
#   image.sh release SYSTEM                       the kernel that it boots: 6.1.0-57-amd64
#   image.sh debian SYSTEM INITRAMFS              makes the system, without dm-remap; prints what it is made of, for a key
#   image.sh install SYSTEM INITRAMFS FROM OUT    a copy with the files under FROM, root's, in it: OUT/tree.img (ext4), OUT/vmlinuz,
#                                                 OUT/initrd. UUID and SIZE in the environment are those of the filesystem
#
# SYSTEM: bookworm (6.1), bookworm-6.12, trixie (6.12). INITRAMFS: initramfs-tools or dracut.
set -eu

here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
# shellcheck source=tools/lib/packages.sh
. "$top/tools/lib/packages.sh"

CACHE=${DM_REMAP_CACHE:-/var/cache/dm-remap}/boot
MIRROR=http://deb.debian.org

# What a machine with disks has, and what dmremap is linked with.
BASE=systemd-sysv,udev,dbus,kmod,procps,util-linux,zstd,perl,jq,attr,e2fsprogs,xfsprogs,fdisk,gdisk,kpartx
BASE+=,lvm2,thin-provisioning-tools,mdadm,cryptsetup-bin,dmsetup,libblkid1,libmount1,libudev1,ca-certificates

declare -A FMT=([bookworm]=libfmt9 [trixie]=libfmt10)

suite_of() { echo "${1%%-*}"; }

release_of() { # SYSTEM
	case $1 in
	bookworm) "$top/tools/lib/kernels.sh" release 6.1 ;;
	bookworm-6.12) "$top/tools/lib/kernels.sh" release 6.12 ;;
	trixie) "$top/tools/lib/root.sh" trixie release 6.12 ;;
	*)
		echo "image: there is no system '$1'" >&2
		return 2
		;;
	esac
}

sources_of() { # SUITE
	printf 'deb %s main\n' "$MIRROR/debian $1" "$MIRROR/debian $1-updates" "$MIRROR/debian-security $1-security"
}

# Under another name until it is whole.
base_make() { # SUITE
	local dir=$CACHE/$1
	[[ ! -d $dir ]] || return 0
	packages_install debootstrap
	rm -rf "$dir.new"
	mkdir -p "$CACHE/debs"
	echo "boot: making a Debian $1" >&2
	debootstrap --variant=minbase --cache-dir="$CACHE/debs" --include="$BASE,${FMT[$1]}" "$1" "$dir.new" "$MIRROR/debian" >&2
	sources_of "$1" >"$dir.new/etc/apt/sources.list"
	cp /etc/resolv.conf "$dir.new/etc/"
	chroot "$dir.new" "${APT[@]}" update >&2
	chroot "$dir.new" env DEBIAN_FRONTEND=noninteractive "${APT[@]}" dist-upgrade -y >&2
	rm -rf "$dir.new"/var/cache/apt/archives/*.deb "$dir.new"/usr/share/doc/* "$dir.new"/usr/share/locale/*
	mv "$dir.new" "$dir"
}

# in_tree UPPER LOWER COMMAND...: runs the command with $ROOT, a directory where LOWER is seen and what is changed goes to UPPER. Nothing
# of it stays mounted.
in_tree() {
	local upper=$1 lower=$2
	shift 2
	mkdir -p "$upper" "$upper.work" "$upper.root"
	# shellcheck disable=SC2016
	ROOT=$upper.root unshare --mount --propagation private bash -euc '
		mount -t overlay -o "lowerdir=$1,upperdir=$2,workdir=$2.work" overlay "$ROOT"
		mount -t proc proc "$ROOT/proc"
		mount -t sysfs -o ro sysfs "$ROOT/sys"
		mount --rbind /dev "$ROOT/dev"
		shift 2
		"$@"' bash "$lower" "$upper" "$@"
	rm -rf "$upper.work" "$upper.root"
}

variant_make() { # SYSTEM INITRAMFS
	local dir=$CACHE/$1-$2 release packages
	release=$(release_of "$1")
	base_make "$(suite_of "$1")"
	[[ ! -e $dir/.complete-$release ]] || return 0
	case $2 in
	initramfs-tools) packages=(initramfs-tools busybox cryptsetup-initramfs) ;;
	dracut) packages=(dracut cryptsetup) ;;
	*)
		echo "image: no initramfs is made by '$2'" >&2
		return 2
		;;
	esac
	echo "boot: installing $release and $2 on $1" >&2
	rm -rf "$dir" "$dir.new"
	# INITRD=No: the initramfs of a bare system is of no use to anybody.
	# shellcheck disable=SC2016
	in_tree "$dir.new" "$CACHE/$(suite_of "$1")" sh -euc '
		export DEBIAN_FRONTEND=noninteractive INITRD=No
		chroot "$ROOT" apt-get -qq update
		chroot "$ROOT" apt-get -qq install -y --no-install-recommends "$@"
		rm -rf "$ROOT"/var/cache/apt/archives/*.deb "$ROOT"/var/lib/apt/lists/* "$ROOT"/usr/share/doc/*' sh \
		"${packages[@]}" "linux-image-$release" >&2
	touch "$dir.new/.complete-$release"
	mv "$dir.new" "$dir"
}

# Runs with $ROOT mounted.
install_here() { # RELEASE INITRAMFS FROM OUT
	local release=$1 initramfs=$2 from=$3 out=$4
	cp -a "$from/." "$ROOT/"
	chroot "$ROOT" depmod "$release"
	case $initramfs in
	initramfs-tools) chroot "$ROOT" update-initramfs -c -k "$release" ;;
	dracut) chroot "$ROOT" dracut --force --no-hostonly "/boot/initrd.img-$release" "$release" ;;
	esac >"$out/initramfs.log" 2>&1 || {
		cat "$out/initramfs.log" >&2
		return 1
	}
	cp "$ROOT/boot/initrd.img-$release" "$out/initrd"
	cp "$ROOT/boot/vmlinuz-$release" "$out/vmlinuz"
	umount -R "$ROOT/dev" "$ROOT/sys" "$ROOT/proc"
	truncate -s "$SIZE" "$out/tree.img"
	mke2fs -q -F -t ext4 -U "$UUID" -d "$ROOT" "$out/tree.img"
}

case ${1:-} in
release) release_of "$2" ;;
debian)
	variant_make "$2" "$3"
	stat -c '%n %Y' "$CACHE/$(suite_of "$2")" "$CACHE/$2-$3/.complete-$(release_of "$2")"
	;;
install)
	variant_make "$2" "$3"
	export -f install_here
	export UUID SIZE
	in_tree "$5/upper" "$CACHE/$2-$3:$CACHE/$(suite_of "$2")" install_here "$(release_of "$2")" "$3" "$4" "$5"
	rm -rf "$5/upper"
	;;
*)
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
	exit 2
	;;
esac
