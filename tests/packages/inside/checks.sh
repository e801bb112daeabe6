# shellcheck shell=bash
# What the tests that run in a Debian of their own share. A check that fails ends the test.
set -eu
cd "$(dirname "$(readlink -f "$0")")"
export DEBIAN_FRONTEND=noninteractive
OUT=/tmp/said

APT=(apt-get -qq -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 -y --no-install-recommends --allow-downgrades)

step() { echo "== $* ($SECONDS s)"; }
fail() {
	echo "FAILED: $*"
	exit 1
}
# What the command said is shown, and in $OUT.
said() { # STATUS COMMAND...
	local status=0 expected=$1
	shift
	"$@" >"$OUT" 2>&1 </dev/null || status=$?
	cat "$OUT"
	((status == expected)) || fail "status $status of: $*"
}
says() { grep -qF -e "$1" "$OUT" || fail "it does not say: $1"; }
says_not() { ! grep -qF -e "$1" "$OUT" || fail "it says: $1"; }
equal() { [[ $1 == "$2" ]] || fail "${3:-}: expected '$1', found '$2'"; }

# The module that modprobe would load: version and folder.
module_of() { # KERNEL
	modinfo -k "$1" -F version dm-remap 2>/dev/null || echo none
}
serves() { # KERNEL VERSION FOLDER
	local name file
	for name in dm-remap dm-remap-metadata dm-remap-spare-pool dm-remap-reassembly dm-remap-stats; do
		equal "$2" "$(modinfo -k "$1" -F version "$name" 2>/dev/null || echo none)" "$name of $1"
		file=$(modinfo -k "$1" -n "$name")
		equal "$3" "$(basename "$(dirname "$file")")" "folder of $file"
	done
	grep -q "$3/dm-remap.ko" "/lib/modules/$1/modules.dep" || fail "modules.dep of $1 lacks $3/dm-remap.ko"
}
has_none() { # KERNEL
	equal none "$(modinfo -k "$1" -F version dm-remap 2>/dev/null || echo none)" "dm-remap of $1"
	[[ -z $(find "/lib/modules/$1" -name '*dm-remap*' 2>/dev/null) ]] || fail "files of ours in /lib/modules/$1"
}
configured() { # PACKAGE...
	local package
	for package in "$@"; do
		equal 'install ok installed' "$(dpkg-query -W -f '${Status}' "$package")" "state of $package"
	done
}
# Another program under that name: apt and rpm choose themselves where programs are looked for. What it was asked for is in /tmp/asked.
pretend() { # NAME OUTPUT
	printf '#!/bin/sh\necho "%s $*" >>/tmp/asked\nprintf "%s"\n' "$1" "$2" >"/root/$1"
	chmod +x "/root/$1"
	mount --bind "/root/$1" "$(command -v "$1")"
}
pretend_no_more() { # NAME...
	local name
	for name in "$@"; do umount "$(command -v "$name")"; done
}
asked() { grep -qxF -e "$1" /tmp/asked || fail "nobody was asked to: $1"$'\n'"$(cat /tmp/asked)"; }
# What the services leave while they run.
leave_traces() {
	mkdir -p /var/lib/dm-remap /var/lib/prometheus/node-exporter /var/lib/systemd/timers
	touch /var/lib/prometheus/node-exporter/dm_remap.prom /var/lib/dm-remap/history /var/lib/systemd/timers/stamp-dm-remap-scrub.timer
}
no_trace() {
	local left
	left=$(find / -xdev \( -path /proc -o -path /dev -o -path /root -o -path /tmp -o -path /run -o -path /var/cache/apt \) -prune -o \
		\( -iname '*dm?remap*' -o -name '*dmremap*' \) -print)
	[[ -z $left ]] || fail "left behind: $left"
}
