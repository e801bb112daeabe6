#!/bin/bash
# Packages, as a user meets them. As root on Debian 12 or 13; a quarter of an hour for each, more when the cache is empty.
#
#   tests/packages/run.sh [PART...]      default: all of them
#
#   place      make install and make uninstall, in directories
#   bookworm   tools/package deb in a Debian 12, then the packages in a fresh one: installation, upgrade, failing builds, a
#              new kernel, removal, purge
#   trixie     the same on Debian 13
#   rpm        tools/package rpm, then what is in them, and their scriptlets (with the Debian 13 of the last test)
#
# The packages are left in build/packages/<part>, the output in build/packages/<part>.log; that of a single part is shown.
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

# The tree as somebody else has it: what git knows of it, without git.
tree_to() { # DIRECTORY [VERSION]
	mkdir -p "$1"
	git -C "$top" ls-files -z --cached --others --exclude-standard | tar -C "$top" --null --ignore-failed-read -cf - -T - | tar -C "$1" -xf -
	if [[ ${2:-} ]]; then sed -i "s/\(DMR_VERSION \)\".*\"/\1\"$2\"/" "$1/include/dm_remap/version.h"; fi
}

build_in_root() { # SUITE KIND OUT TREE...
	local suite=$1 kind=$2 out=$3 tree
	shift 3
	root_make "$suite"
	root_enter "$suite" build
	root_run apt-get -qq -o APT::Sandbox::User=root install -y --no-install-recommends ccache
	# All under one path: ccache then compiles once what they have in common.
	for tree in "$@"; do
		rm -rf "$ROOT/root/tree"
		cp -a "$tree" "$ROOT/root/tree"
		root_run /root/tree/tools/package "$kind" /root/tree/out
		mkdir -p "$out/${tree##*/}"
		cp "$ROOT/root/tree/out"/* "$out/${tree##*/}/"
	done
	root_leave
}

deb() { # SUITE
	local suite=$1 out=$top/build/packages/$1 trees
	rm -rf "$out"
	mkdir -p "$out"
	trees=$(mktemp -d)
	tree_to "$trees/new"
	tree_to "$trees/old" 0.9.0
	tree_to "$trees/broken" 0.9.1
	echo '#error this kernel is not what was expected' >>"$trees/broken/src/metadata/metadata_module.c"
	build_in_root "$suite" deb "$out" "$trees/new" "$trees/old" "$trees/broken"
	rm -rf "$trees" "$ROOTS/$suite.test"
	root_enter "$suite" test
	# Beside the compiler's name, so that what DKMS compiles twice is compiled once.
	root_run apt-get -qq -o APT::Sandbox::User=root install -y --no-install-recommends ccache
	ln -s /usr/bin/ccache "$ROOT/usr/local/bin/$([[ $suite == bookworm ]] && echo g++-12 || echo x86_64-linux-gnu-g++-14)"
	mkdir -p "$ROOT/root/packages"
	cp -r "$out"/* "$here"/inside/* "$ROOT/root/packages/"
	root_run /root/packages/deb_test.sh "$suite"
	cp -r "$ROOT/root/packages/built" "$out/"
	root_leave
}

rpm() {
	local out=$top/build/packages/rpm trees
	rm -rf "$out"
	trees=$(mktemp -d)
	tree_to "$trees/rpm-new"
	tree_to "$trees/rpm-old" 0.9.0
	build_in_root trixie rpm "$out" "$trees/rpm-new" "$trees/rpm-old"
	rm -rf "$trees"
	root_enter trixie test
	mkdir -p "$ROOT/root/packages"
	cp -r "$out"/* "$here"/inside/* "$ROOT/root/packages/"
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
