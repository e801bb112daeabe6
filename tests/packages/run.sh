#!/bin/bash
# Packages, as a user meets them. As root on Debian 12 or 13; a quarter of an hour for each, more when the cache is empty.
#
#   tests/packages/run.sh [PART...]      default: all of them
#
#   place      make install and make uninstall, in directories
#   bookworm   tools/package deb in a Debian 12, then the packages in a fresh one: installation, upgrade, failing builds, a
#              new kernel, removal, purge
#   trixie     the same on Debian 13
#   rpm        tools/package rpm, then what is in them, and their scriptlets, in the Debian 12 that the test of debs has left
#
# With DM_REMAP_PACKAGES_AGAIN=yes the packages of the last run are tried again. The packages are left in build/packages/<part>, the output in build/packages/<part>.log; that of a single part is shown.
set -eu
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")

if [[ ${DM_REMAP_PACKAGES_INSIDE:-} != yes ]]; then
	export DM_REMAP_PACKAGES_INSIDE=yes
	exec unshare --mount --propagation private "$0" "$@"
fi
# shellcheck source=tools/lib/packages.sh
. "$top/tools/lib/packages.sh"
# shellcheck source=tests/packages/roots.sh
. "$here/roots.sh"

# A copy of the tree as git knows it, without git, built in the Debian that the packages are for; the packages go to OUT/new, and
# with a VERSION the same as that to OUT/old.
build_in_root() { # SUITE KIND OUT [VERSION]
	local version
	[[ ${DM_REMAP_PACKAGES_AGAIN:-} != yes || ! -d $3/new ]] || return 0
	rm -rf "$3"
	root_make "$1"
	root_enter "$1" build
	root_run apt-get -qq -o APT::Sandbox::User=root install -y --no-install-recommends ccache
	rm -rf "$ROOT/root/tree"
	mkdir -p "$ROOT/root/tree"
	git -C "$top" ls-files -z --cached --others --exclude-standard | tar -C "$top" --null --ignore-failed-read -cf - -T - |
		tar -C "$ROOT/root/tree" -xf -
	for version in '' ${4:-}; do
		if [[ $version ]]; then sed -i "s/\(DMR_VERSION \)\".*\"/\1\"$version\"/" "$ROOT/root/tree/include/dm_remap/version.h"; fi
		rm -rf "$ROOT/root/tree/out"
		root_run /root/tree/tools/package "$2" /root/tree/out
		mkdir -p "$3"
		cp -r "$ROOT/root/tree/out" "$3/$([[ $version ]] && echo old || echo new)"
	done
	root_leave
}

# The same packages under another version: all that knows it is a text, but for the tool's own words.
as_version() { # FROM TO VERSION [mistake]
	local deb tree old
	mkdir -p "$2"
	tree=$(mktemp -d)
	for deb in "$1"/*.deb; do
		rm -rf "$tree"
		dpkg-deb -R "$deb" "$tree"
		old=$(sed -n 's/^Version: \(.*\)~.*/\1/p' "$tree/DEBIAN/control")
		sed -i "s/^Version: $old/Version: $3/" "$tree/DEBIAN/control"
		if [[ -d $tree/usr/src ]]; then
			mv "$tree/usr/src/dm-remap-$old" "$tree/usr/src/dm-remap-$3"
			sed -i "s/${old//./\\.}/$3/" "$tree/usr/src/dm-remap-$3/"{dkms.conf,include/dm_remap/version.h} "$tree/usr/libexec/dm-remap/modules"
			[[ -z ${4:-} ]] || echo '#error this kernel is not what was expected' >>"$tree/usr/src/dm-remap-$3/src/core/target/core_module.c"
		fi
		rm -f "$tree/DEBIAN/md5sums"
		dpkg-deb --root-owner-group -b "$tree" "$2" >/dev/null
	done
	rm -rf "$tree"
}

deb() { # SUITE
	local out=$top/build/packages/$1
	build_in_root "$1" deb "$out"
	rm -rf "$out"/{old,broken,built} "$ROOTS/$1.test"
	as_version "$out/new" "$out/old" 0.9.0
	as_version "$out/new" "$out/broken" 0.9.1 mistake
	root_enter "$1" test
	# Beside the compiler's name, so that what DKMS compiles twice is compiled once.
	root_run apt-get -qq -o APT::Sandbox::User=root install -y --no-install-recommends ccache
	ln -s /usr/bin/ccache "$ROOT/usr/local/bin/$([[ $1 == bookworm ]] && echo g++-12 || echo x86_64-linux-gnu-g++-14)"
	mkdir -p "$ROOT/root/packages"
	cp -r "$out"/* "$here"/inside/* "$ROOT/root/packages/"
	root_run /root/packages/deb_test.sh "$1"
	cp -r "$ROOT/root/packages/built" "$out/"
	root_leave
}

rpm() {
	local out=$top/build/packages/rpm
	build_in_root bookworm rpm "$out" 0.9.0
	root_enter bookworm test
	rm -rf "$ROOT/root/packages/rpm"
	mkdir -p "$ROOT/root/packages/rpm"
	cp -r "$out"/* "$ROOT/root/packages/rpm/"
	cp -r "$here"/inside/* "$ROOT/root/packages/"
	root_run /root/packages/rpm_test.sh
	root_leave
}

part() {
	case $1 in
	place) "$here/place_test.sh" ;;
	bookworm | trixie) deb "$1" ;;
	rpm) rpm ;;
	*)
		sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
		exit 2
		;;
	esac
}

if (($# == 1)); then
	part "$1"
	exit
fi
(($#)) || set -- place bookworm trixie rpm
mkdir -p "$top/build/packages"
status=0
for part in "$@"; do
	SECONDS=0
	if "$0" "$part" >"$top/build/packages/$part.log" 2>&1; then
		echo "PASS $part ($SECONDS s)"
	else
		status=1
		tail -n 30 "$top/build/packages/$part.log"
		echo "FAIL $part ($SECONDS s): $top/build/packages/$part.log"
	fi
done
exit $status
