#!/bin/bash
# blkid, and so udev's links by UUID, finds no filesystem at all if a sector cannot be read that the filesystem found does not use,
# but where one of another kind would have its superblock.
#
# Version:   util-linux 2.38.1-5+deb12u3 (Debian 12).
# Expected:  the superblock of ext4 lies 1 KiB behind the start and can be read, so it is found: an error elsewhere is at most a
#            reason not to look for the other kind.
# Seen:      with one unreadable sector 64 KiB behind the start (where btrfs would have its superblock), or 1 MiB,
#            `blkid -p` prints nothing, not even an error, and has exit status 2: the same as for a blank disk. With the
#            sector 200 KiB behind the start instead the ext4 is found.
#
# As root on Debian 12 with network to its packages, and /dev/fuse. Exit status 0: as described. 1: it has changed.
set -eu
tmp=$(mktemp -d)
server=
# shellcheck disable=SC2317 # by the trap
clean_up() {
	! mountpoint -q "$tmp/seen" || umount "$tmp/seen"
	[[ -z $server ]] || wait "$server" || true
	rm -rf "$tmp"
}
trap clean_up EXIT

cd "$tmp"
chmod 755 "$tmp"
apt-get -q download util-linux=2.38.1-5+deb12u3 libblkid1=2.38.1-5+deb12u3 e2fsprogs=1.47.0-2+b2 libext2fs2=1.47.0-2+b2 nbdkit=1.32.5-1 \
	libnbd-bin=1.14.2-1 libnbd0=1.14.2-1 libfuse3-3=3.14.0-4 >apt.log 2>&1 || { cat apt.log; exit 1; }
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH=$tmp/root/usr/lib/x86_64-linux-gnu:$tmp/root/lib/x86_64-linux-gnu

truncate -s 16M disk
root/sbin/mke2fs -qFt ext4 disk
mkdir seen

# probe BYTE: what blkid says if the 512 bytes there cannot be read; its exit status in $status.
probe() {
	status=0
	root/usr/bin/nbdfuse -r seen/disk --command root/usr/bin/nbdkit -s \
		"$tmp/root/usr/lib/x86_64-linux-gnu/nbdkit/plugins/nbdkit-eval-plugin.so" get_size="stat -c %s $tmp/disk" \
		pread="if [ \$4 -lt $(($1 + 512)) ] && [ \$((\$4 + \$3)) -gt $1 ]; then echo EIO the sector is unreadable >&2; exit 1; fi
			exec dd if=$tmp/disk iflag=skip_bytes,count_bytes skip=\$4 count=\$3 bs=1M status=none" 2>server.log &
	server=$!
	until mountpoint -q seen; do kill -0 "$server" || { cat server.log; exit 1; }; done
	cmp <(dd if=seen/disk iflag=direct bs=4096 count=4 status=none) <(head -c 16384 disk) # as far as ext4 is known by
	root/sbin/blkid -p -o value -s TYPE seen/disk >said 2>&1 || status=$?
	umount seen
	wait "$server" || true
	server=
	echo "unreadable at byte $1: exit status $status, '$(<said)'"
}

probe 204800
[[ $status == 0 && $(<said) == ext4 ]]
for byte in 65536 1048576; do
	probe $byte
	[[ $status == 2 && ! -s said ]]
done
