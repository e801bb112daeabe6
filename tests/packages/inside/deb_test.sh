#!/bin/bash
# The debs in a Debian that has just been made: deb_test.sh bookworm|trixie. Beside it lie new/, old/, broken/: the same tree
# as it is, as version 0.9.0, and as 0.9.1 with a mistake in the modules.
. "$(dirname "$0")/checks.sh"

new=$(sed -n 's/.*_\(.*\)~.*/\1/p' <<<"$(ls new/dm-remap-dkms_*.deb)")

# Two kernels: the first with headers only, the second comes later, as a kernel does: image and headers.
newest() { # PATTERN
	apt-cache pkgnames linux-headers- | grep -E "^linux-headers-$1$" | sort -rV | head -n 1 | sed 's/^linux-headers-//'
}
case $1 in
bookworm)
	first=$(newest '6\.1\.0-[0-9]+-amd64')
	second=$(newest '6\.12\.[0-9]+\+deb12-amd64')
	;;
trixie)
	first=$(newest '6\.12\.[0-9]+\+deb13-amd64')
	second=$(newest '[7-9]\.[0-9]+\.[0-9]+\+deb13-amd64')
	;;
esac
echo "kernels: $first, then $second; version $new"

step 'installation, on a system that has just the headers'
said 0 "${APT[@]}" install "linux-headers-$first"
said 0 "${APT[@]}" install ./old/*.deb
says "dm-remap: making the modules of version 0.9.0 for kernel $first"
configured dm-remap dm-remap-dkms
serves "$first" 0.9.0 dkms
[[ $(modinfo -k "$first" -F signer dm-remap) ]] || fail 'the modules are not signed'
[[ -s /var/lib/dkms/mok.pub ]] || fail 'the key is not where docs/install.md says'
equal "dmremap $new" "$(dmremap --version)"
said 0 dmremap --help
[[ -s /usr/share/man/man8/dmremap.8.gz && -s /usr/share/bash-completion/completions/dmremap ]] || fail 'no man page or completions'
timer=/etc/systemd/system/timers.target.wants/dm-remap-scrub.timer
[[ -L $timer ]] || fail 'the scrub timer is not enabled'
[[ -L ${timer/scrub/metrics} ]] || fail 'the timer of the metrics is not enabled'
[[ -L /etc/systemd/system/multi-user.target.wants/dm-remap-monitor.service ]] || fail 'the monitor is not enabled'
said 0 dmremap monitor --test
says "programs: there is none in /etc/dm-remap/events.d"
[[ -d /etc/dm-remap/events.d && -s /usr/share/dm-remap/monitor.conf ]] || fail 'no folder for programs, or no example'
# Who does not want it.
rm "$timer"
said 3 /usr/lib/nagios/plugins/check_dm_remap --version
says "check_dm_remap $new"
said 0 /usr/lib/nagios/plugins/check_dm_remap
says 'DM_REMAP OK - no set runs'
[[ -s /usr/share/dm-remap/prometheus/dm-remap.rules.yml ]] || fail 'no rules for Prometheus'
[[ -s /usr/share/dm-remap/grafana/dm-remap-fleet.json && -s /usr/share/dm-remap/grafana/dm-remap-machine.json ]] || fail 'no dashboards for Grafana'

step 'upgrade to a version that does not build: what was there goes on to serve'
said 0 "${APT[@]}" install ./broken/dm-remap-dkms_*.deb
says "dm-remap: the modules of version 0.9.1 could not be made for kernel $first"
says 'this kernel is not what was expected'
says "dm-remap: the modules of version 0.9.0 stay in use for $first"
says "when the reason is gone: /usr/libexec/dm-remap/modules build $first"
configured dm-remap-dkms
serves "$first" 0.9.0 dm-remap-kept
equal 1 "$(dkms status -m dm-remap | grep -c .)" 'versions in DKMS'

# It is made several times, and what else is in it does not matter.
mkdir -p /etc/initramfs-tools/conf.d
echo MODULES=list >/etc/initramfs-tools/conf.d/test

step 'a kernel comes, and the build fails: the kernel is installed all the same'
said 0 "${APT[@]}" install initramfs-tools "linux-image-$second" "linux-headers-$second"
says "dm-remap: the modules of version 0.9.1 could not be made for kernel $second"
says "dm-remap: $second has no modules of dm-remap"
configured "linux-image-$second" "linux-headers-$second" dm-remap-dkms
has_none "$second"
[[ -s /boot/initrd.img-$second ]] || fail "no initramfs of $second"
said 0 dkms autoinstall -k "$second"

step 'upgrade to a version that builds'
touch -d '2001-01-01' "/boot/initrd.img-$second"
said 0 "${APT[@]}" install ./new/*.deb
for kernel in "$first" "$second"; do
	serves "$kernel" "$new" dkms
	[[ ! -e /lib/modules/$kernel/dm-remap-kept ]] || fail "what was kept for $kernel is still there"
done
# For a machine to try them in: see docs/testing.md.
for kernel in "$first" "$second"; do
	mkdir -p "built/$kernel"
	cp "/lib/modules/$kernel/updates/dkms"/dm-remap*.ko* "built/$kernel/"
	find "built/$kernel" -name '*.xz' -exec unxz {} +
done
[[ /boot/initrd.img-$second -nt /etc/os-release ]] || fail 'the initramfs was not made anew'
[[ ! -L $timer ]] || fail 'the scrub timer is enabled again, though somebody has switched it off'
equal "dmremap $new" "$(dmremap --version)"
equal 2 "$(dkms status -m dm-remap | grep -c "$new.*installed")" 'kernels in DKMS'
equal 2 "$(dkms status -m dm-remap | grep -c .)" 'lines in DKMS'

step 'the same version once more, where systemd runs'
mkdir -p /run/systemd/system
pretend deb-systemd-invoke ''
rm -f /tmp/asked
said 0 "${APT[@]}" install --reinstall ./new/*.deb
serves "$first" "$new" dkms
serves "$second" "$new" dkms
for words in 'start dm-remap-metrics.timer' 'restart dm-remap-monitor.service'; do asked "deb-systemd-invoke $words"; done
# One that somebody has switched off deb-systemd-invoke does not start.
equal 3 "$(grep -c '^deb-systemd-invoke' /tmp/asked)" 'what systemd was asked for'
pretend_no_more deb-systemd-invoke
rmdir /run/systemd/system

step 'the kernel goes, and comes again'
said 0 "${APT[@]}" purge "linux-image-$second" "linux-headers-$second"
[[ ! -e /lib/modules/$second ]] || fail "/lib/modules/$second stays: $(find "/lib/modules/$second")"
said 0 "${APT[@]}" install "linux-image-$second" "linux-headers-$second"
says "dm-remap: making the modules of version $new for kernel $second"
serves "$second" "$new" dkms
configured "linux-image-$second" "linux-headers-$second"

step 'a kernel that is not supported'
mkdir -p /lib/modules/5.10.0-1-amd64/build/include
touch /lib/modules/5.10.0-1-amd64/build/Makefile
said 0 /usr/libexec/dm-remap/modules build 5.10.0-1-amd64
says "kernel 5.10.0-1-amd64 is none of those that dm-remap $new supports"
rm -r /lib/modules/5.10.0-1-amd64

step 'the compiler of the kernel is missing'
cxx=$(sed -n 's/^CONFIG_CC_VERSION_TEXT="\([^ ]*\) .*/\1/p' "/lib/modules/$first/build/.config" | sed 's/gcc/g++/')
dkms uninstall -m dm-remap -v "$new" -k "$first" >/dev/null
dkms unbuild -m dm-remap -v "$new" -k "$first" >/dev/null
for folder in /usr/local/bin /usr/bin; do
	mkdir -p "/root/compiler$folder"
	if [[ -e $folder/$cxx ]]; then mv "$folder/$cxx" "/root/compiler$folder/"; fi
done
said 0 /usr/libexec/dm-remap/modules build "$first"
says "$cxx is not installed: apt install g++-"
has_none "$first"
cp -a /root/compiler/usr/. /usr/

step 'modules of make install are noticed'
mkdir -p "/lib/modules/$first/updates/dm-remap"
cp /lib/modules/"$second"/updates/dkms/dm-remap*.ko* "/lib/modules/$first/updates/dm-remap/"
said 0 /usr/libexec/dm-remap/modules build "$first"
says "that 'make install' has put into /lib/modules/$first/updates/dm-remap"
[[ -z $(find "/lib/modules/$first/updates" -path '*dkms*' -name '*.ko*') ]] || fail 'modules of the package are there as well'
rm -r "/lib/modules/$first/updates/dm-remap"
said 0 /usr/libexec/dm-remap/modules build "$first"
serves "$first" "$new" dkms

mkdir -p /usr/local/share/dm-remap
touch /usr/local/share/dm-remap/installed
said 100 "${APT[@]}" install --reinstall ./new/dm-remap_*.deb
says "dm-remap: not installed: the tool is in /usr/local by 'make install'"
rm -r /usr/local/share/dm-remap
configured dm-remap
said 0 dmremap --version

step 'the root filesystem is on a set: no removal by chance'
pretend dmsetup 'safe\t(254:0)\n'
pretend lsblk 'root\nvg-root\nsafe\nsda\n'
mkdir -p /dev/mapper
touch /dev/mapper/safe
for package in dm-remap-dkms dm-remap; do
	said 100 "${APT[@]}" remove "$package"
	says "$package: not removed: the root filesystem is on safe"
done
serves "$first" "$new" dkms
said 0 dmremap --version
pretend_no_more lsblk
pretend lsblk 'root\nsda\n'
leave_traces
echo 'set 6d2f8a52-0000-4000-8000-000000000001 name=safe' >/etc/dm-remap/sets.conf
echo mail=root >/etc/dm-remap/monitor.conf
touch /etc/dm-remap/events.d/page
mkdir -p /run/systemd/system
pretend deb-systemd-invoke ''
rm -f /tmp/asked
said 0 "${APT[@]}" remove dm-remap dm-remap-dkms
asked 'deb-systemd-invoke stop dm-remap-metrics.timer dm-remap-metrics.service dm-remap-scrub.timer dm-remap-monitor.service'
pretend_no_more deb-systemd-invoke
rmdir /run/systemd/system
says 'dm-remap: these go on running and do not start at the next boot: safe'
says '/etc/dm-remap/sets.conf stays until the package is purged'
rm /dev/mapper/safe
pretend_no_more dmsetup lsblk

step 'removed, and purged'
has_none "$first"
has_none "$second"
for file in /etc/dm-remap/{sets.conf,monitor.conf,events.d/page} /var/lib/dm-remap/history; do
	[[ -e $file ]] || fail "$file is gone"
done
[[ ! -e /var/lib/prometheus/node-exporter/dm_remap.prom ]] || fail 'the metrics are still told'
said 0 "${APT[@]}" purge dm-remap dm-remap-dkms
says 'set 6d2f8a52-0000-4000-8000-000000000001 name=safe'
no_trace
said 0 dpkg --audit
equal '' "$(cat "$OUT")"
echo "all of it passed ($SECONDS s)"
