#!/bin/bash
# Which kernel is "6.1"? Answers from the cache that `tools/setup kernels` fills, and for "debug" and "kcsan" also
# tools/check-debug.
#
#   kernels.sh list                  the series there are, with their releases, the oldest first
#   kernels.sh release 6.1           6.1.0-56-amd64
#   kernels.sh image   6.1           path of its vmlinuz
#   kernels.sh modules 6.1           path of its lib/modules/<release>
#   kernels.sh headers 6.1           path to build modules against
#
# A release is accepted wherever a series is. Other scripts may source this file.

KERNEL_CACHE=${DM_REMAP_CACHE:-/var/cache/dm-remap}/kernels

# shellcheck source=tools/lib/debian.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/debian.sh"
KERNEL_SERIES=${DM_REMAP_KERNELS:-$(kernel_series)}

kernel_release() {
	local link=$KERNEL_CACHE/$1
	if [[ -L $link ]]; then
		basename "$(readlink "$link")"
	elif [[ -d $link || -e /lib/modules/$1/build ]]; then
		echo "$1"
	else
		echo "kernels: no kernel '$1' in $KERNEL_CACHE; run tools/setup kernels (debug, kcsan: tools/check-debug)" >&2
		return 1
	fi
}
kernel_image() {
	local release
	release=$(kernel_release "$1") && echo "$KERNEL_CACHE/$release/boot/vmlinuz-$release"
}
kernel_modules() {
	local release
	release=$(kernel_release "$1") && echo "$KERNEL_CACHE/$release/lib/modules/$release"
}
kernel_headers() {
	local release
	release=$(kernel_release "$1") || return
	if [[ -d $KERNEL_CACHE/$release/build ]]; then
		echo "$KERNEL_CACHE/$release/build"
	else
		echo "/lib/modules/$release/build"
	fi
}
kernel_has_headers() {
	local release
	release=$(kernel_release "$1" 2>/dev/null) && [[ -e /lib/modules/$release/build/Makefile ]]
}
kernel_has_image() {
	local release
	release=$(kernel_release "$1" 2>/dev/null) && [[ -f $KERNEL_CACHE/$release/.complete ]]
}
kernel_list() {
	local series
	for series in $KERNEL_SERIES; do
		if kernel_has_image "$series"; then echo "$series $(kernel_release "$series")"; fi
	done
}

# The newest release of a series that apt knows both an image and headers of.
kernel_newest() {
	local release
	while read -r release; do
		if apt-cache show "linux-image-$release" "linux-headers-$release" >/dev/null 2>&1; then
			echo "$release"
			return 0
		fi
	done < <(apt-cache pkgnames "linux-image-$1." |
		sed -nE "s/^linux-image-(${1//./\\.}\.[0-9]+(-[0-9]+)?(\+deb[0-9u]+)?(\+[0-9]+)?-amd64)$/\1/p" | sort -rV)
	echo "kernels: apt knows no kernel $1 (is $(debian_suite)-security among its sources?)" >&2
	return 1
}

# Downloads packages and unpacks them, without installing, to DIRECTORY.
kernel_unpack() { # DIRECTORY PACKAGE...
	local dir=$1 tmp
	shift
	mkdir -p "$KERNEL_CACHE"
	tmp=$(mktemp -d "$KERNEL_CACHE/.tmp.XXXXXX")
	chmod 755 "$tmp"
	(
		set -e
		cd "$tmp"
		"${APT[@]}" download "$@" >&2
		for deb in ./*.deb; do dpkg-deb -x "$deb" unpacked; done
	) || {
		rm -rf "$tmp"
		return 1
	}
	rm -rf "$dir"
	mv "$tmp/unpacked" "$dir"
	rm -rf "$tmp"
}

# An installed image would put itself into /boot and the boot loader of the
# machine: it is unpacked beside the system instead.
kernel_fetch_image() { # RELEASE
	local dir=$KERNEL_CACHE/$1
	[[ ! -f $dir/.complete ]] || return 0
	echo "setup: fetching kernel $1" >&2
	kernel_unpack "$dir" "linux-image-$1" || return 1
	kernel_arrange "$dir" "$1"
}

# boot/ and lib/modules/ out of what the packages of a kernel have unpacked.
kernel_arrange() { # DIRECTORY RELEASE
	local dir=$1 modules=$1/lib/modules/$2 name
	mkdir -p "$dir/boot" "$dir/lib"
	if [[ -d $dir/usr/lib/modules ]]; then mv "$dir/usr/lib/modules" "$dir/lib/"; fi
	# In an image that is split into several packages these lie beside the modules.
	for name in vmlinuz config System.map; do
		if [[ -e $modules/$name ]]; then mv "$modules/$name" "$dir/boot/$name-$2"; fi
	done
	rm -rf "${dir:?}/usr" "${dir:?}/etc"
	depmod -b "$dir" "$2" && touch "$dir/.complete"
}

# The headers of 6.12 depend on its image: installed, they would bring it along.
kernel_fetch_headers() { # RELEASE
	local dir=$KERNEL_CACHE/$1.headers packages others
	[[ ! -e /lib/modules/$1/build/Makefile ]] || return 0
	echo "setup: fetching the headers of $1" >&2
	mapfile -t packages < <(kernel_depends "linux-headers-$1" | grep -E '^linux-(headers|kbuild)-')
	mapfile -t others < <(kernel_depends "${packages[@]}" | grep -v '^linux-')
	packages_install "${others[@]}" || return 1
	if [[ ! -f $dir/.complete ]]; then
		kernel_unpack "$dir" "linux-headers-$1" "${packages[@]}" || return 1
		sed -i "s|/usr/src/|$dir/usr/src/|" "$dir/usr/src/linux-headers-$1/Makefile"
		touch "$dir/.complete"
	fi
	mkdir -p "/lib/modules/$1"
	ln -sfn "$dir/usr/src/linux-headers-$1" "/lib/modules/$1/build"
}
kernel_depends() { # PACKAGE...
	apt-cache depends --important "$@" | sed -n 's/^  Depends: //p' | grep -v '^<' | sort -u
}

# The cache wins over what apt has newer: a run must not change kernels underfoot.
# Deleting the symlink asks for the newest again.
kernel_install() { # SERIES headers|all
	local series=$1 what=$2 release=
	if [[ -L $KERNEL_CACHE/$series ]]; then
		release=$(kernel_release "$series")
		# A cache may be older than what the mirror still has headers for.
		if [[ ! -e /lib/modules/$release/build/Makefile ]]; then
			apt_refresh
			apt-cache show "linux-headers-$release" >/dev/null 2>&1 || release=
		fi
	fi
	if [[ -z $release ]]; then
		apt_refresh
		release=$(kernel_newest "$series") || return 1
	fi
	kernel_fetch_headers "$release" || return 1
	if [[ $what == all ]]; then kernel_fetch_image "$release" || return 1; fi
	mkdir -p "$KERNEL_CACHE"
	ln -sfn "$release" "$KERNEL_CACHE/$series"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	set -eu
	case ${1:-} in
	list) kernel_list ;;
	release | image | modules | headers) "kernel_$1" "${2:?which kernel?}" ;;
	*)
		sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
		exit 2
		;;
	esac
fi
