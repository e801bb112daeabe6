#!/bin/bash
# dmremap files: on each filesystem a known file is hit, and found by name, mounted and not, also through what lies between.
# on: 6.12
# vm: drives=main:160M:scsi,spare:16M:virtio modules=required smp=1 timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

MOUNT=/run/mnt

# labelled NAME SECTORS: each sector says whose it is, and which.
labelled() { perl -e 'print pack("A512", "<$ARGV[0] $_>") for 0 .. $ARGV[1] - 1' "$1" "$2"; }
# sectors_of_labels DEVICE NAME:NUMBER...: where these sectors lie, by what is read there.
sectors_of_labels() {
	dd if="$1" bs=1M iflag=direct status=none 2>/dev/null | perl -e '
		my ($data, %at);
		for (my $n = 0; keys %at < @ARGV && read(STDIN, $data, 1 << 20); $n++) {
			for (@ARGV) {
				my $at = index($data, "<" . s/:/ /r . ">");
				$at{$_} //= $n * 2048 + $at / 512 if $at >= 0;
			}
		}
		keys %at == @ARGV or die "not all of @ARGV are there\n";
		print join(" ", @at{@ARGV}), "\n"' "${@:2}"
}
# blocks: of the answer in $OUT, a line each: sectors, cause, kind, what, offset, names.
blocks() {
	perl -MJSON::PP -e '
		for my $b (@{decode_json(shift)->{blocks}}) {
			print join(" ", "$b->{sector}+$b->{sectors}", $b->{cause}, $b->{kind}, map({ defined $_ ? "\"$_\"" : "-" } @$b{qw(what offset)}),
				join("=", @{$b->{paths}}) || "-"), "\n";
		}' "$OUT"
}
# start_blank: both drives as new ones, and a set of them that runs.
start_blank() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	mkdir -p $MOUNT
	said 0 create x --main "$MAIN" --spare "$SPARE"
	defer 'dm_remove_if_there x; host heal main'
}
# goes_bad SECTOR...: they cannot be read any more, and the device knows it.
goes_bad() {
	local sector
	for sector; do
		host bad main "$sector" read
		assert_fail read_sectors $X "$sector" 1
	done
}

# fill MOUNTED-DEVICE: a file with two names, one with a hole of 64 KiB, one that is deleted, and where they are: $KNOWN, $SPARSE, $FREE.
fill() {
	mkdir $MOUNT/a
	labelled known 64 >$MOUNT/known
	ln $MOUNT/known $MOUNT/a/second
	labelled sparse 64 | dd of=$MOUNT/a/sparse bs=64k seek=1 status=none
	labelled gone 64 >$MOUNT/gone
	sync -f $MOUNT
	read -r KNOWN SPARSE FREE < <(sectors_of_labels "$1" known:5 sparse:0 gone:7)
	rm $MOUNT/gone
	# XFS gives blocks back some time later; but now it has to.
	umount $MOUNT
	mount "$1" $MOUNT
}
# found [TEXT...]: the three are told as what they are; the text has these words.
found() {
	local word
	said 0 files x --json
	assert_eq '' "$ERR"
	assert_eq "$(printf '%s\n' "$KNOWN+1 pending file - \"2560\" /known=/a/second" "$SPARSE+1 pending file - \"65536\" /a/sparse" \
		"$FREE+1 pending free - - -" | sort -n)" "$(blocks)"
	said 0 files x
	assert_contains "$OUT" 'x: 3 sectors cannot be read'
	for word; do assert_contains "$OUT" "$word"; done
}
# on_filesystem TYPE MKFS...: mounted, and not.
on_filesystem() {
	local type=$1 written
	shift
	start_blank
	"$@" $X >/dev/null
	mount -t "$type" $X $MOUNT
	defer "umount $MOUNT 2>/dev/null || true"
	fill $X
	goes_bad "$KNOWN" "$SPARSE" "$FREE"
	found "file     $MOUNT/known = $MOUNT/a/second: $KNOWN"$'\n' "free     on $X: $FREE"$'\n'
	metadata_of_"$type"
	umount $MOUNT
	written=$(disk_stat $X 7)
	found "file     /known = /a/second, on $X: $KNOWN"$'\n'
	assert_eq "$written" "$(disk_stat $X 7)" 'sectors that files has written'
	# It is let go of.
	assert_ok perl -e 'use Fcntl; sysopen(my $f, shift, O_RDWR | O_EXCL) or die "$!\n"' $X
	dmsetup suspend x
	said 4 files x
	dmsetup resume x
}

metadata_of_ext4() {
	local table
	table=$(dumpe2fs -h $X 2>/dev/null | sed -n 's/^Block size: *//p')
	table=$((table / 512 * $(dumpe2fs $X 2>/dev/null | sed -n 's/.*Inode table at \([0-9]*\).*/\1/p' | head -n 1)))
	said 0 files x 2 $table --json
	assert_eq "2+1 asked metadata \"superblock\" - -"$'\n'"$table+1 asked metadata \"inode table of group 0\" - -" "$(blocks)"
}
metadata_of_xfs() {
	said 0 files x 1+2 --json
	assert_match "$(blocks)" '^1\+2 asked metadata "headers[a-z ]*" - -$'
}
metadata_of_btrfs() {
	local root tree
	root=$(btrfs inspect-internal dump-super $X | sed -n 's/^root[[:space:]][[:space:]]*\([0-9]*\)$/\1/p')
	tree=$(btrfs-map-logical -l "$root" $X | sed -n 's/^mirror 1 .* physical \([0-9]*\) .*/\1/p')
	said 0 files x 128 $((tree / 512)) --json
	assert_eq '128+1 asked metadata "superblock" - -'$'\n'"$((tree / 512))+1 asked metadata \"block of a tree, DUP: btrfs has it elsewhere, too\" - -" "$(blocks)"
}

# --- what is damaged does not keep the rest from being found

inodes_unreadable() {
	local table
	start_blank
	mkfs.ext4 -qFb 1024 $X
	mount $X $MOUNT
	defer "umount $MOUNT 2>/dev/null || true"
	touch $MOUNT/{1..20}
	fill $X
	umount $MOUNT
	# Not in the block of the table where the known one is.
	table=$(debugfs -R 'imap /5' $X 2>/dev/null | sed -n 's/^.*located at block \([0-9]*\),.*/\1/p')
	goes_bad "$KNOWN" $((table * 2))
	said 0 files x --json
	assert_contains "$(blocks)" "$KNOWN+1 pending file - \"2560\" /known=/a/second"
	assert_contains "$(blocks)" "$((table * 2))+1 pending metadata \"inode table of group 0\" - -"
	assert_contains "$OUT" 'inodes cannot be read: which blocks they have is not known'
	assert_eq incomplete "$(field "$OUT" warnings.0.id)"
	# Nothing is recognised any more, and that is said.
	goes_bad 2
	said 0 files x --json
	assert_match "$(blocks)" "$KNOWN\+1 pending unknown"
}

log_not_replayed() {
	local written
	start_blank
	mkfs.xfs -qf --unsupported $X
	mount $X $MOUNT
	defer "umount $MOUNT 2>/dev/null || true"
	fill $X
	labelled late 8 >$MOUNT/late
	# What fsync has returned for may be in the log alone.
	xfs_io -xc fsync -c 'shutdown -f' $MOUNT/late
	umount $MOUNT
	LATE=$(sectors_of_labels $X late:0)
	written=$(disk_stat $X 7)
	said 0 files x "$KNOWN" "$FREE" "$LATE" --json
	assert_contains "$ERR" 'the log has not been replayed'
	assert_contains "$(blocks)" "$KNOWN+1 asked file - \"2560\" /known=/a/second"
	assert_contains "$(blocks)" "$FREE+1 asked unknown \"it was free, but the log has not been replayed\" - -"
	assert_not_contains "$(blocks)" ' asked free '
	assert_eq "$written" "$(disk_stat $X 7)" 'sectors that files has written'
}

# --- a partition with LVM on it, a logical volume with LUKS in it

through_layers() {
	local start=2048 crypt pe header
	start_blank
	echo "label: gpt
start=$start, size=200000
start=204800" | sfdisk -q --no-reread --no-tell-kernel $X
	said 0 files x 300000 100 --json
	assert_match "$(blocks)" '^100\+1 asked unknown "it is in no partition: .* - -'
	assert_match "$(blocks)" "300000\+1 asked unknown \"it is in partition 2, of which there is no device: 'kpartx -a $X', and ask again\" - -"
	dm_create part1 "0 200000 linear $X $start"
	defer 'dm_remove_if_there part1'
	pvcreate -q /dev/mapper/part1 >/dev/null
	vgcreate -qs 1M vg /dev/mapper/part1 >/dev/null
	defer 'vgchange -qan vg >/dev/null'
	lvcreate -qqyn lv -L 40M vg >/dev/null
	# The kernel waits a minute for a cipher that is loaded because somebody asks for it, and tests it meanwhile.
	modprobe -qa dm_crypt aesni_intel xts ecb || true
	printf secret | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --key-file - /dev/vg/lv
	said 0 files x $((start + 2048 + 10000)) --json
	assert_match "$(blocks)" "unknown \"it is encrypted: 'cryptsetup open /dev/mapper/vg-lv NAME', and ask again\""
	printf secret | cryptsetup open --key-file - /dev/vg/lv secret
	defer 'cryptsetup close secret'
	mkfs.ext4 -qF /dev/mapper/secret
	mount /dev/mapper/secret $MOUNT
	defer "umount $MOUNT"
	fill /dev/mapper/secret
	header=$(cryptsetup luksDump /dev/vg/lv | sed -n 's/^Payload offset:[[:space:]]*//p')
	pe=$(pvs --noheadings --units s --nosuffix -o pe_start /dev/mapper/part1)
	crypt=$((start + pe + header))
	goes_bad $((crypt + KNOWN)) $((crypt + FREE))
	said 0 files x --json
	assert_eq "$(printf '%s\n' "$((crypt + KNOWN))+1 pending file - \"2560\" /known=/a/second" "$((crypt + FREE))+1 pending free - - -" | sort -n)" "$(blocks)"
	assert_eq "x part1 vg-lv secret" "$(field "$OUT" blocks.0.layers.0 blocks.0.layers.1 blocks.0.layers.2 blocks.0.layers.3)"
	assert_eq "/dev/mapper/secret ext4 $MOUNT/known" "$(field "$OUT" blocks.0.device blocks.0.type blocks.0.mounted_paths.0)"
	# The header of LUKS, LVM's own, and what is in no logical volume.
	said 0 files x $((start + pe)) $((start + 8)) $((start + pe + 90000)) --json
	assert_eq 'unknown metadata unknown' "$(field "$OUT" blocks.0.kind blocks.1.kind blocks.2.kind)"
	assert_contains "$(field "$OUT" blocks.2.what)" 'it is in no logical volume that is active'
	assert_eq 'header of LUKS' "$(field "$OUT" blocks.1.what)"
}

# --- subvolumes and copies that share blocks

shared_on_btrfs() {
	start_blank
	mkfs.btrfs -q $X >/dev/null
	mount $X $MOUNT
	defer "umount $MOUNT 2>/dev/null || true"
	btrfs -q subvolume create $MOUNT/home
	labelled known 64 >$MOUNT/home/known
	sync -f $MOUNT
	btrfs -q subvolume snapshot $MOUNT/home $MOUNT/yesterday
	cp --reflink=always $MOUNT/home/known $MOUNT/copy
	sync -f $MOUNT
	KNOWN=$(sectors_of_labels $X known:5)
	umount $MOUNT
	# Seen from within one of them.
	mount -o subvol=home $X $MOUNT
	said 0 files x "$KNOWN" --json
	assert_eq "$(printf '%s\n' /copy /home/known /yesterday/known)" "$(blocks | sed 's/.* //' | sort)"
	assert_ok python3 -c '
import json, jsonschema, sys
schema = json.load(open("docs/dmremap.schema.json"))
jsonschema.validate(json.loads(sys.argv[1]), {**schema, "$ref": "#/$defs/files"})' "$OUT"
	said 0 files x "$KNOWN"
	assert_contains "$OUT" "file     $MOUNT/known: $KNOWN"
	assert_contains "$OUT" "file     /copy, on $X: $KNOWN"
}

# --- what is no filesystem

no_filesystem() {
	start_blank
	said 0 files x
	assert_eq 'x: no sector is known that cannot be read' "$OUT"
	said 0 files x 5000 --json
	assert_match "$(blocks)" '^5000\+1 asked unknown "nothing that is known is there'
	mkswap $X >/dev/null
	said 0 files x 5000 --json
	assert_eq '5000+1 asked swap "swap" - -' "$(blocks)"
	said 2 files x 5000+
	said 2 files x 5000+99999999
	said 2 files x "$(sectors_of $X)"
	said 0 close x
	said 3 files x
	assert_contains "$ERR" "'dmremap open --readonly NAME'"
	said 3 files "$SPARE"
}

tool_install
modules_load
test_case 'ext4' on_filesystem ext4 mkfs.ext4 -qF
test_case 'XFS without a reverse map' on_filesystem xfs mkfs.xfs -qf --unsupported -m rmapbt=0
test_case 'XFS with a reverse map' on_filesystem xfs mkfs.xfs -qf --unsupported -m rmapbt=1
test_case 'btrfs' on_filesystem btrfs mkfs.btrfs -q
test_case 'subvolumes and shared blocks of btrfs' shared_on_btrfs
test_case 'inodes that cannot be read' inodes_unreadable
test_case 'a log that has not been replayed' log_not_replayed
test_case 'through a partition, LVM and LUKS' through_layers
test_case 'what is no filesystem' no_filesystem
modules_unload
