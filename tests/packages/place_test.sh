#!/bin/bash
# make install and make uninstall, in directories: DESTDIR, PREFIX, INSTALL_MOD_PATH, KVER.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."
release=$(tools/lib/kernels.sh release 6.1)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*"
	exit 1
}
snapshot() { (cd "$1" && find . -printf '%y %m %P\n' | LC_ALL=C sort); }
same() { diff <(echo "$1") <(echo "$2") || fail "$3"; }
run() { make --no-print-directory KVER="$release" "$@"; }
# What is there before: a system has other files in the same folders.
system() { # DIRECTORY
	mkdir -p "$1/lib/modules/$release/updates" "$1/usr/sbin" "$1/usr/lib/udev/rules.d"
	touch "$1/usr/sbin/other" "$1/usr/lib/udev/rules.d/60-other.rules"
}

echo '== place.sh: an upgrade takes what is no more, and nothing of others'
mkdir -p "$tmp/one/a/b" "$tmp/two/a" "$tmp/root/a"
touch "$tmp/one/a/"{both,gone} "$tmp/one/a/b/gone" "$tmp/two/a/both" "$tmp/root/a/other"
before=$(snapshot "$tmp/root")
tools/packaging/place.sh put "$tmp/one" "$tmp/root/" a/list
tools/packaging/place.sh put "$tmp/two" "$tmp/root/" a/list
[[ -e $tmp/root/a/both && ! -e $tmp/root/a/gone && ! -e $tmp/root/a/b ]] || fail "$(snapshot "$tmp/root")"
echo a/both >"$tmp/owned"
cp -a "$tmp/root" "$tmp/package"
tools/packaging/place.sh remove "$tmp/package/" a/list "$tmp/owned"
[[ -e $tmp/package/a/both && ! -e $tmp/package/a/list ]] || fail "what a package owns is gone: $(snapshot "$tmp/package")"
tools/packaging/place.sh remove "$tmp/root/" a/list
same "$before" "$(snapshot "$tmp/root")" 'not as before'
tools/packaging/place.sh remove "$tmp/root/" a/list | grep -q 'nothing was installed there'

echo '== DESTDIR and PREFIX'
run tool >/dev/null
dest=$tmp/dest
system "$dest"
before=$(snapshot "$dest")
run install DESTDIR="$dest" PREFIX=/opt/remap
for module in '' -metadata -spare-pool -reassembly -stats; do
	[[ -s $dest/lib/modules/$release/updates/dm-remap/dm-remap$module.ko ]] || fail "no dm-remap$module.ko"
done
equal=$("$dest/opt/remap/sbin/dmremap" --version)
[[ $equal == "dmremap $(sed -n 's/^#define DMR_VERSION "\(.*\)"/\1/p' include/dm_remap/version.h)" ]] || fail "version: $equal"
for module in "$dest/lib/modules/$release/updates/dm-remap/"*.ko; do
	[[ "dmremap $(modinfo -F version "$module")" == "$equal" ]] || fail "version of $module"
done
[[ -s $dest/opt/remap/share/man/man8/dmremap.8 ]] || fail 'no man page'
[[ -z $(find "$dest" -name 'modules.dep*') ]] || fail 'depmod has run below DESTDIR'
# Every file of tools/boot has a place, and names the tool where it is.
while read -r file; do
	[[ $(find "$dest/usr" -path "*/${file#tools/boot/*/}" | wc -l) == 1 ]] || fail "$file is not installed"
done < <(find tools/boot -mindepth 2 -type f ! -name '*.md' ! -name '.*')
! grep -rlF --exclude=installed /usr/sbin/dmremap "$dest/usr" || fail 'this names the tool where it is not'
[[ ! -e $dest/usr/sbin/dmremap ]] || fail 'PREFIX is ignored'
grep -qF 'exec /opt/remap/sbin/dmremap ' "$dest/usr/lib/nagios/plugins/check_dm_remap" || fail 'check_dm_remap does not name the tool where it is'
[[ -s $dest/opt/remap/share/dm-remap/prometheus/dm-remap.rules.yml ]] || fail 'no rules for Prometheus'
[[ -s $dest/opt/remap/share/dm-remap/monitor.conf && -d $dest/etc/dm-remap/events.d ]] || fail 'no example for the monitor, or no folder for its programs'
# What the administrator has put there stays, also when it goes.
touch "$dest/etc/dm-remap/events.d/page"
cmp -s tools/monitoring/grafana/dm-remap-fleet.json "$dest/opt/remap/share/dm-remap/grafana/dm-remap-fleet.json" || fail 'no dashboards for Grafana, or changed ones'
run uninstall DESTDIR="$dest" PREFIX=/opt/remap
rm "$dest/etc/dm-remap/events.d/page"
rmdir "$dest/etc/dm-remap/events.d" "$dest/etc/dm-remap" "$dest/etc"
same "$before" "$(snapshot "$dest")" 'after make uninstall it is not as before'

echo '== INSTALL_MOD_PATH'
system "$tmp/modules"
touch "$tmp/modules/lib/modules/$release/modules."{order,builtin}
run install-modules INSTALL_MOD_PATH="$tmp/modules"
grep -q '^updates/dm-remap/dm-remap.ko:' "$tmp/modules/lib/modules/$release/modules.dep" || fail 'depmod does not know the modules'
run uninstall INSTALL_MOD_PATH="$tmp/modules" DESTDIR= TOOL="$tmp/none" PREFIX="$tmp/none"
[[ ! -e $tmp/modules/lib/modules/$release/updates/dm-remap ]] || fail 'the modules are still there'
! grep -q dm-remap "$tmp/modules/lib/modules/$release/modules.dep" || fail 'depmod still knows the modules'
run install-modules INSTALL_MOD_PATH=/sub DESTDIR="$dest"
[[ -s $dest/sub/lib/modules/$release/updates/dm-remap/dm-remap.ko ]] || fail 'DESTDIR and INSTALL_MOD_PATH together'

echo '== the modules of the package are there'
mkdir -p "$tmp/modules/lib/modules/$release/updates/dkms"
touch "$tmp/modules/lib/modules/$release/updates/dkms/dm-remap.ko.xz"
before=$(snapshot "$tmp/modules")
! run install-modules INSTALL_MOD_PATH="$tmp/modules" >"$tmp/said" 2>&1 || fail 'it was installed over the package'
grep -q "has modules of the package dm-remap-dkms" "$tmp/said" || fail "it does not say why: $(cat "$tmp/said")"
same "$before" "$(snapshot "$tmp/modules")" 'a refusal has changed something'

echo '== modules with a deliberate mistake'
! run install MUTANT=x DESTDIR="$dest" >"$tmp/said" 2>&1 || fail 'it was installed'
echo 'all of it passed'
