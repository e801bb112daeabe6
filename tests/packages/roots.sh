# shellcheck shell=bash
# Debians to build packages in and to install them into, as directories. Read by run.sh, in a mount namespace of its own.
#
# <cache>/chroots/<suite>        what debootstrap makes, kept
# <cache>/chroots/<suite>.build  what building has added to it, kept
# <cache>/chroots/<suite>.test   what a test has added to it: begun anew by each
# <cache>/chroots/archives       packages that apt has fetched
# <cache>/chroots/ccache         of the compilers in there

ROOTS=${DM_REMAP_CACHE:-/var/cache/dm-remap}/chroots
MIRROR=http://deb.debian.org

# Made under another name, so that one that was interrupted is not taken for whole.
root_make() { # SUITE
	local root=$ROOTS/$1
	if [[ ! -d $root ]]; then
		packages_install debootstrap
		echo "packages: making a $1 in $root" >&2
		rm -rf "$root.new"
		mkdir -p "$ROOTS"
		debootstrap --variant=minbase --include=ca-certificates "$1" "$root.new" "$MIRROR/debian" >&2
		mv "$root.new" "$root"
	fi
	[[ ! -e $root/etc/apt/sources.list.d/test.list ]] || return 0
	printf 'deb %s main\n' "$MIRROR/debian $1-updates" "$MIRROR/debian $1-backports" "$MIRROR/debian-security $1-security" \
		>"$root/etc/apt/sources.list.d/test.list.new"
	mv "$root/etc/apt/sources.list.d/test.list.new" "$root/etc/apt/sources.list.d/test.list"
}

# SUITE over what NAME has added to it, at /run/dm-remap-packages, with what programs expect of a system.
root_enter() { # SUITE NAME
	local added=$ROOTS/$1.$2
	ROOT=/run/dm-remap-packages
	mkdir -p "$added/upper" "$added/work" "$ROOT" "$ROOTS/archives/$1/partial" "$ROOTS/ccache"
	mount -t overlay overlay -o "lowerdir=$ROOTS/$1,upperdir=$added/upper,workdir=$added/work" "$ROOT"
	mount -t proc proc "$ROOT/proc"
	# Of its own: what a test puts there is not the machine's.
	mount -t tmpfs tmpfs "$ROOT/dev"
	local node
	for node in null zero full random urandom tty; do cp -a "/dev/$node" "$ROOT/dev/$node"; done
	ln -s /proc/self/fd "$ROOT/dev/fd"
	mkdir "$ROOT/dev/shm"
	mount -t tmpfs tmpfs "$ROOT/run"
	mount --bind "$ROOTS/archives/$1" "$ROOT/var/cache/apt/archives"
	mkdir -p "$ROOT/run/ccache"
	mount --bind "$ROOTS/ccache" "$ROOT/run/ccache"
	cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
	echo force-unsafe-io >"$ROOT/etc/dpkg/dpkg.cfg.d/test"
	printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
	chmod +x "$ROOT/usr/sbin/policy-rc.d"
	echo 'Acquire::Languages "none";' >"$ROOT/etc/apt/apt.conf.d/99test"
	root_run apt-get -qq -o APT::Sandbox::User=root update
}

root_run() { # COMMAND...
	chroot "$ROOT" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/run/ccache CCACHE_BASEDIR=/root CCACHE_NOHASHDIR=1 "$@"
}

root_leave() {
	umount -R "$ROOT"
}
