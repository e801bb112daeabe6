#!/bin/bash
# Modules for kernels that Debian 12's compiler and tools are too old for: they are built in a Debian 13, kept as a
# root directory in the cache.
#
#   trixie.sh release 7.3        7.3.4+deb13-amd64: the newest of the series that Debian 13, or its backports, has
#   trixie.sh modules 7.3        build/<release>/*.ko of this tree
#   trixie.sh tool               build/tool-trixie: dmremap, linked with that system's libraries
#   trixie.sh run COMMAND...     in that root, in this tree, which is there under its own path
#
# A release is accepted wherever a series is.
set -eu

lib=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$lib/../..")
# shellcheck source=tools/lib/packages.sh
. "$lib/packages.sh"

CACHE=${DM_REMAP_CACHE:-/var/cache/dm-remap}
ROOT=$CACHE/trixie
MIRROR=http://deb.debian.org

# Made under another name, so that one that was interrupted is not taken for whole.
root_make() {
	[[ ! -d $ROOT ]] || return 0
	packages_install debootstrap
	echo 'setup: making a Debian 13 to build in' >&2
	rm -rf "$ROOT.new"
	mkdir -p "$CACHE"
	debootstrap --variant=minbase --include=make,gcc-14,g++-14,kmod trixie "$ROOT.new" "$MIRROR/debian" >&2
	printf 'deb %s main\n' "$MIRROR/debian trixie" "$MIRROR/debian trixie-backports" \
		"$MIRROR/debian-security trixie-security" >"$ROOT.new/etc/apt/sources.list"
	chroot "$ROOT.new" "${APT[@]}" update >&2
	mv "$ROOT.new" "$ROOT"
}

root_run() { # COMMAND...
	# shellcheck disable=SC2016
	unshare --mount --propagation private sh -c '
		root=$1 top=$2
		shift 2
		mkdir -p "$root$top"
		mount --bind "$top" "$root$top"
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" sh -c "cd \"\$0\" && exec \"\$@\"" "$top" "$@"
	' sh "$ROOT" "$top" "$@"
}

release_of() { # SERIES
	local release
	release=$(chroot "$ROOT" apt-cache pkgnames "linux-headers-$1" |
		sed -nE "s/^linux-headers-(${1//[.+]/\\&}(\.[0-9]+)?(\+deb[0-9.]+)?(-amd64)?)$/\1/p" |
		grep -e '-amd64$' | sort -rV | head -n 1)
	[[ $release ]] || {
		echo "trixie: apt knows no headers of a kernel $1; what it knows is as old as $ROOT: delete that to begin anew" >&2
		return 1
	}
	echo "$release"
}

root_headers() { # RELEASE
	[[ ! -e $ROOT/lib/modules/$1/build && ! -d $ROOT/usr/src/linux-headers-$1 ]] || return 0
	echo "setup: fetching the headers of $1" >&2
	root_run env DEBIAN_FRONTEND=noninteractive "${APT[@]}" install -y --no-install-recommends "linux-headers-$1" >&2
}

root_tool() {
	local packages
	mapfile -t packages < <(packages_of build | grep -vE '^(gcc|g\+\+)-')
	root_run env DEBIAN_FRONTEND=noninteractive "${APT[@]}" install -y --no-install-recommends g++ "${packages[@]}" >&2
	root_run make --no-print-directory tool TOOL="$top/build/tool-trixie"
}

what=${1:-}
case $what in
release | modules | tool | run) shift ;;
*)
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
	exit 2
	;;
esac
mkdir -p /run/lock
exec 9>/run/lock/dm-remap-trixie.lock
flock 9
root_make
if [[ $what != run && $what != tool ]]; then
	release=$(release_of "${1:?which kernel?}")
fi
case $what in
release) echo "$release" ;;
modules)
	root_headers "$release"
	flock --unlock 9
	root_run make --no-print-directory modules KVER="$release"
	;;
tool) root_tool ;;
run)
	flock --unlock 9
	root_run "$@"
	;;
esac
