# shellcheck shell=bash
# Installing Debian packages without a question asked or a service started.

# shellcheck source=tools/lib/debian.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/debian.sh"

tool_libraries=(libfmt-dev libcli11-dev nlohmann-json3-dev libdevmapper-dev libblkid-dev libmount-dev libudev-dev libsystemd-dev
	libext2fs-dev xfslibs-dev scdoc)

# The runtime of the sanitizers has the version of clang in its name.
clang_runtime() {
	case $(debian_suite) in
	bookworm) echo libclang-rt-14-dev ;;
	*) echo libclang-rt-19-dev ;;
	esac
}

# Where prometheus and promtool are, in this Debian or another one.
prometheus_packages() { # [SUITE]
	case ${1:-$(debian_suite)} in
	bookworm) echo prometheus ;;
	*) printf '%s\n' prometheus promtool ;;
	esac
}

# Which packages a group needs. Kernels and their headers are kernels.sh's.
packages_of() { # GROUP...
	local group
	for group in "$@"; do
		case $group in
		# A Debian's default compiler is what its kernels were built with.
		build) printf '%s\n' g++ gcc make cmake ninja-build pkg-config kmod bc \
			"${tool_libraries[@]}" ;;
		test) printf '%s\n' clang "$(clang_runtime)" libgtest-dev libgmock-dev libbenchmark-dev \
			patch python3 python3-html5lib python3-jsonschema python3-yaml util-linux e2fsprogs initramfs-tools-core cpio jq \
			systemd kmod perl libmonitoring-plugin-perl; prometheus_packages ;;
		vm) printf '%s\n' qemu-system-x86 busybox-static kmod cpio xz-utils zstd python3 \
			fio dmsetup e2fsprogs xfsprogs btrfs-progs util-linux udev procps perl nbdkit nbdkit-plugin-dev kpartx gddrescue smartmontools ;;
		s390x) printf '%s\n' cmake ninja-build g++-s390x-linux-gnu qemu-user googletest ;;
		stack) printf '%s\n' mdadm lvm2 cryptsetup-bin fdisk thin-provisioning-tools qemu-utils prometheus-node-exporter iproute2; prometheus_packages ;;
		package) printf '%s\n' build-essential cmake ninja-build pkgconf "${tool_libraries[@]}" \
			debhelper lintian rpm ;;
		debug) packages_of build vm stack && printf '%s\n' flex bison libelf-dev ;;
		esac
	done
}

packages_missing() {
	local have want
	have=" $(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' 2>/dev/null |
		awk '$2 == "ii" { printf "%s ", $1 }')"
	for want in "$@"; do
		[[ $have == *" $want "* ]] || echo "$want"
	done
}

APT=(apt-get -qq -o DPkg::Lock::Timeout=600 -o APT::Sandbox::User=root)

# Lists may be absent (minimal images) or old (the package has gone from the mirror).
apt_refreshed=
apt_refresh() {
	[[ -z $apt_refreshed ]] || return 0
	apt_refreshed=1
	"${APT[@]}" update >&2
}

# mdadm, lvm2 and prometheus start services from their postinst; policy-rc.d is
# how an administrator forbids it. What was there before comes back afterwards.
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='# dm-remap tools/setup'
policy_deny() {
	# A run that was killed left ours behind: then there is nothing of the administrator's to keep.
	if [[ -e $POLICY || -L $POLICY ]] && ! grep -qsF "$POLICY_MARK" "$POLICY"; then
		mv -f "$POLICY" "$POLICY.dm-remap-saved"
	fi
	printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
	chmod 755 "$POLICY"
}
policy_restore() {
	if grep -qsF "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi
	if [[ -e $POLICY.dm-remap-saved || -L $POLICY.dm-remap-saved ]]; then
		mv -f "$POLICY.dm-remap-saved" "$POLICY"
	fi
}

packages_install() {
	local missing rc=0
	mapfile -t missing < <(packages_missing "$@")
	((${#missing[@]})) || return 0
	echo "setup: installing ${missing[*]}" >&2
	apt_refresh
	policy_deny
	trap policy_restore EXIT
	DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true \
		NEEDRESTART_MODE=l UCF_FORCE_CONFFOLD=1 \
		"${APT[@]}" install -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
		"${missing[@]}" </dev/null >&2 || rc=$?
	policy_restore
	trap - EXIT
	return "$rc"
}
