#!/bin/bash
# What is in the rpms, and their scriptlets, run by rpm itself in the Debian that the test of the debs has left: DKMS, a compiler,
# libraries and headers are there. Beside it lie rpm/new/ and rpm/old/: the same tree, and as version 0.9.0.
. "$(dirname "$0")/checks.sh"

tool=$(echo rpm/new/dm-remap-[0-9]*.rpm)
dkms=$(echo rpm/new/dm-remap-dkms-*.rpm)
new=$(basename "$tool" | sed 's/dm-remap-\(.*\)-.*/\1/')

"${APT[@]}" install rpm systemd >/dev/null
first=$(for build in /lib/modules/*/build/Makefile; do basename "${build%/build/Makefile}"; done | sort -V | head -n 1)

step 'files'
said 0 rpm -qpl "$tool"
for file in /usr/sbin/dmremap /usr/share/man/man8/dmremap.8.gz /usr/share/bash-completion/completions/dmremap \
	/usr/share/zsh/site-functions/_dmremap /usr/share/fish/vendor_completions.d/dmremap.fish \
	/usr/lib/systemd/system/dm-remap-{monitor.service,metrics.service,metrics.timer,scrub.service,scrub.timer} /usr/share/dm-remap/monitor.conf /etc/dm-remap/events.d \
	/usr/share/dm-remap/prometheus/dm-remap.rules.yml /usr/share/dm-remap/grafana/dm-remap-{fleet,machine}.json; do
	grep -qxF "$file" "$OUT" || fail "dm-remap lacks $file"
done
says_not /usr/src
says_not initramfs-tools
says_not /usr/local
said 0 rpm -qpl "$dkms"
for file in "/usr/src/dm-remap-$new/dkms.conf" "/usr/src/dm-remap-$new/Makefile" "/usr/src/dm-remap-$new/Kbuild" \
	"/usr/src/dm-remap-$new/src/core/target/core_module.c" "/usr/src/dm-remap-$new/include/dm_remap/version.h" \
	/usr/libexec/dm-remap/modules /usr/lib/kernel/install.d/45-dm-remap-dkms.install; do
	grep -qxF "$file" "$OUT" || fail "dm-remap-dkms lacks $file"
done
says_not /usr/sbin
said 0 rpm -qp --qf '%{ARCH}\n' "$dkms"
says noarch
said 0 rpm -qp --requires "$dkms"
for name in dkms gcc-c++ make kmod; do grep -qx "$name" "$OUT" || fail "dm-remap-dkms does not require $name"; done
# Each script is one that sh understands.
for package in "$tool" "$dkms"; do
	for script in PREIN POSTIN PREUN POSTUN POSTTRANS; do
		rpm -qp --qf "%{$script}" "$package" >/tmp/script
		[[ $(cat /tmp/script) == '(none)' ]] || sh -n /tmp/script || fail "%$script of $package"
	done
done

step 'installation'
RPM=(rpm --nodeps --nosignature)
said 0 "${RPM[@]}" -i rpm/old/*.rpm
says "dm-remap: making the modules of version 0.9.0 for kernel $first"
serves "$first" 0.9.0 dkms
equal 'dmremap 0.9.0' "$(dmremap --version)"

step 'upgrade'
said 0 "${RPM[@]}" -U rpm/new/*.rpm
serves "$first" "$new" dkms
equal 1 "$(dkms status -m dm-remap -k "$first" | grep -c .)" 'versions in DKMS'
[[ ! -e /lib/modules/$first/dm-remap-kept && ! -e /usr/src/dm-remap-0.9.0 ]] || fail 'the old version is still there'
equal "dmremap $new" "$(dmremap --version)"

# Nothing is switched on by itself; what somebody has switched on goes on being so.
equal '' "$(find /etc/systemd -name 'dm-remap*')" 'what is switched on'
units=(dm-remap-metrics.timer dm-remap-scrub.timer dm-remap-monitor.service)
said 0 systemctl enable "${units[@]}"
said 0 "${RPM[@]}" -U --replacepkgs rpm/new/*.rpm
equal "$(printf 'enabled\n%.0s' "${units[@]}")" "$(systemctl is-enabled "${units[@]}")" 'the units after an upgrade'
serves "$first" "$new" dkms

step 'a kernel goes and comes'
said 0 /usr/lib/kernel/install.d/45-dm-remap-dkms.install add "$first"
serves "$first" "$new" dkms
said 0 dkms uninstall -m dm-remap -v "$new" -k "$first"
said 0 dkms unbuild -m dm-remap -v "$new" -k "$first"
said 0 /usr/lib/kernel/install.d/45-dm-remap-dkms.install add "$first"
serves "$first" "$new" dkms

step 'the root filesystem is on a set: no removal by chance'
pretend dmsetup 'safe\t(254:0)\n'
pretend lsblk 'root\nsafe\nsda\n'
mkdir -p /dev/mapper
touch /dev/mapper/safe
for package in dm-remap dm-remap-dkms; do
	said 1 "${RPM[@]}" -e "$package"
	says "$package: not removed: the root filesystem is on safe"
done
rm /dev/mapper/safe
pretend_no_more dmsetup lsblk
serves "$first" "$new" dkms

step 'removal'
leave_traces
echo 'set 6d2f8a52-0000-4000-8000-000000000001 name=safe' >/etc/dm-remap/sets.conf
said 0 "${RPM[@]}" -e dm-remap dm-remap-dkms
has_none "$first"
# What rpm has no purge for: which sets there are, how they were, and when they were read through.
for left in /etc/dm-remap /var/lib/dm-remap /var/lib/systemd/timers/stamp-dm-remap-scrub.timer; do
	[[ -e $left ]] || fail "$left is gone"
	rm -r "$left"
done
no_trace
echo "all of it passed ($SECONDS s)"
