#!/bin/bash
# Modules for kernels that this machine's compiler and tools are too old or too new for: they are built in the Debian
# that the kernel comes from, kept as a root directory in the cache.
#
#   root.sh trixie release 7.3       7.3.4+deb13-amd64: the newest of the series that this Debian, or its backports, has
#   root.sh trixie release 7.3-rt    7.3.4+deb13-rt-amd64: so with every flavour
#   root.sh trixie release 6.12-arm64-16k       6.12.118+deb13-arm64-16k: for another architecture, cross-compiled
#   root.sh trixie modules 7.3       build/<release>/*.ko of this tree
#   root.sh trixie image 7.3         the kernel itself, unpacked where kernels.sh finds it; prints its release. With one
#                                    of another architecture comes what runs it (arm64.sh)
#   root.sh trixie tool              build/tool-trixie: dmremap, linked with that system's libraries
#   root.sh trixie prometheus        that system's Prometheus, promtool and node_exporter, unpacked and not installed; prints the directory
#   root.sh trixie run COMMAND...    in that root, in this tree, which is there under its own path
#
# A release is accepted wherever a series is. Roots there can be: bullseye, bookworm, trixie.
set -eu

lib=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$lib/../..")
# shellcheck source=tools/lib/packages.sh
. "$lib/packages.sh"
# shellcheck source=tools/lib/kernels.sh
. "$lib/kernels.sh"

MIRROR=http://deb.debian.org

root_sources() { # SUITE
	local suites suite
	case $1 in
	bullseye) suites=() ;;
	bookworm | trixie) suites=("$1-backports") ;;
	esac
	for suite in "$1" "${suites[@]}"; do echo "deb $MIRROR/debian $suite main"; done
	echo "deb $MIRROR/debian-security $1-security main"
}

# Made under another name, so that one that was interrupted is not taken for whole.
root_make() {
	[[ ! -d $ROOT ]] || return 0
	packages_install debootstrap
	echo "setup: making a Debian '$suite' to build in" >&2
	rm -rf "$ROOT.new"
	mkdir -p "$(dirname "$ROOT")"
	debootstrap --variant=minbase --include=make,kmod "$suite" "$ROOT.new" "$MIRROR/debian" >&2
	root_sources "$suite" >"$ROOT.new/etc/apt/sources.list"
	# Some headers bring their kernel along. Nobody boots it here: no modules of it, and no initramfs.
	printf 'path-exclude=%s\n' '/lib/modules/*/kernel/*' '/usr/lib/modules/*/kernel/*' '/etc/kernel/*' \
		>"$ROOT.new/etc/dpkg/dpkg.cfg.d/dm-remap"
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

root_install() { # PACKAGE...
	root_run env DEBIAN_FRONTEND=noninteractive "${APT[@]}" install -y --no-install-recommends "$@" >&2
}

release_of() { # SERIES, with a flavour or without
	local release series=$1 flavour=-amd64
	case $series in
	*-arm64 | *-arm64-16k) flavour=-arm64${series##*-arm64} series=${series%-arm64*} ;;
	*-rt | *-cloud) flavour=-${series##*-}-amd64 series=${series%-*} ;;
	esac
	[[ $flavour != -arm64* ]] || root_add_arm64
	release=$(chroot "$ROOT" apt-cache pkgnames "linux-headers-$series" |
		sed -nE "s/^linux-headers-(${series//[.+]/\\&}(\.[0-9]+)?(-[0-9]+|~rc[0-9]+|-rc[0-9]+)?(\+deb[0-9.]+)?($flavour)?)$/\1/p" |
		grep -e "$flavour\$" | sort -rV | head -n 1)
	[[ $release ]] || {
		echo "root: apt knows no headers of a kernel $1 in $suite; what it knows is as old as $ROOT: delete that to begin anew" >&2
		return 1
	}
	echo "$release"
}

# The machine's own architecture goes without saying.
foreign() { # RELEASE
	case $1 in
	*-arm64 | *-arm64-16k) echo :arm64 ;;
	esac
}
root_add_arm64() {
	! chroot "$ROOT" dpkg --print-foreign-architectures | grep -qx arm64 || return 0
	chroot "$ROOT" dpkg --add-architecture arm64
	chroot "$ROOT" "${APT[@]}" update >&2
}

# Downloads packages and unpacks them, without installing, to DIRECTORY.
root_unpack() { # DIRECTORY PACKAGE...
	local dir=$1 tmp deb
	shift
	tmp=$(mktemp -d "$ROOT/var/tmp/packages.XXXXXX")
	# shellcheck disable=SC2016
	chroot "$ROOT" sh -c 'cd "$1" && shift && exec "$@"' sh "/var/tmp/${tmp##*/}" "${APT[@]}" download "$@" >&2
	for deb in "$tmp"/*.deb; do dpkg-deb -x "$deb" "$dir"; done
	rm -rf "$tmp"
}

# The headers bring the C compiler that the kernel was made with; the C++ compiler of that version comes by its name. Those
# for another architecture want a compiler that runs there: they are unpacked, and a cross compiler is installed.
root_headers() { # RELEASE
	local version triplet=''
	[[ -z $(foreign "$1") ]] || triplet=aarch64-linux-gnu
	if [[ ! -e $ROOT/lib/modules/$1/build && ! -d $ROOT/usr/src/linux-headers-$1 ]]; then
		echo "setup: fetching the headers of $1" >&2
		if [[ $triplet ]]; then
			root_install "linux-headers-${1%-arm64*}-common" "linux-kbuild-${1%-arm64*}"
			root_unpack "$ROOT" "linux-headers-$1$(foreign "$1")"
		else
			root_install "linux-headers-$1"
		fi
	fi
	version=$(sed -nE 's/^CONFIG_CC_VERSION_TEXT="?([^ ]*-)?gcc(-[0-9]+) .*/\2/p' "$ROOT/usr/src/linux-headers-$1/include/config/auto.conf")
	[[ -z $version || -x $ROOT/usr/bin/${triplet:+$triplet-}g++$version ]] || root_install "g++$version${triplet:+-$triplet}"
}

# Its packages, as from 7.2 on the kernel itself, its modules and lists of both come in three.
image_packages() { # RELEASE
	local foreign
	foreign=$(foreign "$1")
	chroot "$ROOT" apt-cache depends --important "linux-image-$1$foreign" |
		sed -nE "s/^  Depends: (linux-(binary|modules|base)-${1//[.+]/\\&})($foreign)?$/\1$foreign/p"
	echo "linux-image-$1$foreign"
}

# kernels.sh's layout: boot/ with vmlinuz, config and System.map, lib/modules/<release>.
root_image() { # RELEASE
	local dir=$KERNEL_CACHE/$1 packages
	[[ ! -f $dir/.complete ]] || return 0
	echo "setup: fetching kernel $1" >&2
	mapfile -t packages < <(image_packages "$1")
	rm -rf "$dir"
	mkdir -p "$dir"
	root_unpack "$dir" "${packages[@]}"
	kernel_arrange "$dir" "$1"
}

root_tool() {
	local packages
	mapfile -t packages < <(packages_of build)
	root_install "${packages[@]}"
	root_run make --no-print-directory tool TOOL="$top/build/tool-$suite"
}

# For a machine of tests/vm that has this system's libraries.
root_prometheus() {
	local dir=${DM_REMAP_CACHE:-/var/cache/dm-remap}/prometheus-$suite packages
	if [[ ! -d $dir ]]; then
		mapfile -t packages < <(prometheus_packages "$suite")
		echo "setup: fetching ${packages[*]} prometheus-node-exporter of Debian '$suite'" >&2
		rm -rf "$dir.new"
		root_unpack "$dir.new" "${packages[@]}" prometheus-node-exporter
		mv "$dir.new" "$dir"
	fi
	echo "$dir"
}

suite=${1:-} what=${2:-}
case $suite:$what in
bullseye:* | bookworm:* | trixie:*) ;;
*) what= ;;
esac
case $what in
release | modules | image | tool | prometheus | run) shift 2 ;;
*)
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
	exit 2
	;;
esac
ROOT=${DM_REMAP_CACHE:-/var/cache/dm-remap}/$suite
mkdir -p /run/lock
exec 9>"/run/lock/dm-remap-$suite.lock"
flock 9
root_make
if [[ $what == release || $what == modules || $what == image ]]; then
	release=$(release_of "${1:?which kernel?}")
fi
case $what in
release) echo "$release" ;;
modules)
	root_headers "$release"
	flock --unlock 9
	root_run make --no-print-directory modules KVER="$release"
	;;
image)
	root_image "$release"
	if [[ $(foreign "$release") ]]; then "$lib/arm64.sh" root >&2; fi
	echo "$release"
	;;
tool) root_tool ;;
prometheus) root_prometheus ;;
run)
	flock --unlock 9
	root_run "$@"
	;;
esac
