#!/bin/bash
# xfs_repair gives up, before it has looked at anything, if a block near the start of an allocation group cannot be read,
# though the block is free and was never written.
#
# Version:   xfsprogs 6.1.0-1 (Debian 12).
# Expected:  what is free is not read by a check of the metadata; the superblock of the group lies in its first sector, which
#            can be read.
# Seen:      the superblock of each group is read together with the 128 KiB that follow it, as far ahead as that. With one
#            unreadable sector among these, 100 KiB behind the superblock:
#                superblock read failed, offset 104857600, size 131072, ag 1, rval -1
#                fatal error -- Input/output error
#            and exit status 1, with -n too. The same image without the bad sector is clean: exit status 0.
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
apt-get -q download xfsprogs=6.1.0-1 libinih1=55-1 liburcu8=0.13.2-1 nbdkit=1.32.5-1 libnbd-bin=1.14.2-1 libnbd0=1.14.2-1 \
	libfuse3-3=3.14.0-4 >apt.log 2>&1 || { cat apt.log; exit 1; }
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH=$tmp/root/usr/lib/x86_64-linux-gnu:$tmp/root/lib/x86_64-linux-gnu

truncate -s 400M disk
root/sbin/mkfs.xfs -q disk
group=$(root/usr/sbin/xfs_db -r -c 'sb 0' -c 'print agblocks' disk | awk '{ print $3 }')
bad=$((group * 4096 + 100 * 1024))
echo "free extents of allocation group 1, in blocks of 4096 bytes:"
root/usr/sbin/xfs_db -r -c 'agf 1' -c 'addr bnoroot' -c 'print recs' disk | tee free
first=$(sed -n 's/^1:\[\([0-9]*\),.*/\1/p' free)
((first < 25)) || { echo "block 25 of the group is in use: nothing is shown"; exit 1; }

# The image, of which 512 bytes in block 25 of group 1 cannot be read.
mkdir seen
root/usr/bin/nbdfuse -r seen/disk --command root/usr/bin/nbdkit -s \
	"$tmp/root/usr/lib/x86_64-linux-gnu/nbdkit/plugins/nbdkit-eval-plugin.so" get_size="stat -c %s $tmp/disk" \
	pread="if [ \$4 -lt $((bad + 512)) ] && [ \$((\$4 + \$3)) -gt $bad ]; then echo EIO the sector is unreadable >&2; exit 1; fi
		exec dd if=$tmp/disk iflag=skip_bytes,count_bytes skip=\$4 count=\$3 bs=1M status=none" 2>server.log &
server=$!
until mountpoint -q seen; do kill -0 "$server" || { cat server.log; exit 1; }; done
dd if=seen/disk of=/dev/null iflag=skip_bytes,direct skip=$((group * 4096)) bs=4096 count=1 status=none
echo "the superblock of group 1 can be read alone"

plain=0 damaged=0
root/sbin/xfs_repair -n -f disk >plain.log 2>&1 || plain=$?
root/sbin/xfs_repair -n -f seen/disk >damaged.log 2>&1 || damaged=$?
echo "xfs_repair -n, all readable: exit status $plain; one free sector unreadable: exit status $damaged"
grep -E 'failed|fatal' damaged.log || true
[[ $plain == 0 && $damaged == 1 ]] && grep -q "superblock read failed, offset $((group * 4096)), size 131072, ag 1" damaged.log
