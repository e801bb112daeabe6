#!/bin/bash
# `dmremap guard`: what it finds by itself on main, that nobody recognises main then, and that all comes back.
# on: 6.12
# vm: drives=main:32M:scsi,spare:16M:virtio modules=required timeout=1500
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

LVM='devices { dir = "/dev" scan = [ "/dev" ] use_devicesfile = 0 obtain_device_list_from_udev = 0 external_device_info_source = "none" filter = [ "a|%s|", "r|.*|" ] } '
pv_of() { pvs --config "${LVM//%s/$1}" --noheadings -o pv_name "$1"; } # DEVICE

start_blank() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	defer 'dm_remove_if_there x'
}
# guarded IS_SEEN WORKS RANGE...: what is on main now is seen by IS_SEEN DEVICE, and by libblkid. Guarded, in these ranges, nobody sees it
# there, and WORKS DEVICE succeeds through the device. In the end main is as it was, bit for bit. With CLOSES=1 the device goes meanwhile,
# so that nobody but the guard keeps anybody from main. With BY=create that does it all at once.
guarded() {
	local is_seen=$1 works=$2 before range
	shift 2
	assert_ok "$is_seen" "$MAIN"
	assert_ok blkid -p "$MAIN"
	before=$(sum_of "$MAIN")
	if [[ ${BY:-} == create ]]; then
		said 0 create x --main "$MAIN" --spare "$SPARE" --guard --json
		document create
		assert_eq 'complete 0' "$(field "$OUT" guard.state guard.missing_sectors)"
	else
		said 0 create x --main "$MAIN" --spare "$SPARE"
		said 0 guard on x
		assert_contains "$OUT" 'x: the guard is complete, '
		assert_contains "$OUT" "nothing is recognised on $MAIN itself any more"
	fi
	if [[ -e /sys/class/block/${MAIN##*/}1 ]]; then
		assert_contains "$ERR" "'partx --delete $MAIN' takes them away"
		assert_ok partx --delete "$MAIN"
	fi
	(($# == 0)) || said 0 guard status x
	for range; do
		assert_contains "$OUT"$'\n' "    sectors $range"$'\n'
	done
	assert_ok "$is_seen" $X
	assert_ok "$works" $X
	if [[ -n ${CLOSES:-} ]]; then
		said 0 close x
		assert_fail_with 'mount' mount -o ro "$MAIN" /mnt
		said 3 check "$MAIN"
		assert_contains "$ERR" "of the device 'x', and guarded"
	fi
	assert_fail "$is_seen" "$MAIN"
	assert_fail blkid -p "$MAIN"
	if [[ -n ${CLOSES:-} ]]; then
		said 0 open x
		assert_ok "$works" $X
	fi
	said 0 guard off x
	assert_eq "x: $MAIN has back what was guarded" "$OUT"
	assert_eq 0 "$(remap_get x remapped)"
	said 0 close x
	assert_eq "$before" "$(sum_of "$MAIN")" 'main before the guard and after it'
	assert_ok "$is_seen" "$MAIN"
}

is_ext4() { [[ $(blkid -p -s TYPE -o value "$1") == ext4 ]]; }
# Without replaying its journal, so that nothing is written.
reads_file() { mount -o ro,noload "$1" /mnt && grep -qx content /mnt/file; umount /mnt; }
make_ext4() {
	mkfs.ext4 -qF -b 1024 "$MAIN"
	mount "$MAIN" /mnt
	echo content >/mnt/file
	umount /mnt
}
ext4() {
	start_blank
	said 1 create x --main "$MAIN" --spare "$SPARE" --guard --json
	assert_eq nothing-to-guard "$(field "$OUT" error.id)"
	assert_fail dmsetup info x
	make_ext4
	said 0 create x --main "$MAIN" --spare "$SPARE" --guard --json -n
	document create
	assert_eq '2 ext4 null' "$(field "$OUT" places.0.sector places.0.what guard)"
	BY=create CLOSES=1 guarded is_ext4 reads_file '2 to 3' '16386 to 16387' '49154 to 49155'
}

is_luks() { cryptsetup isLuks "$1"; }
works_as_luks() { printf secret | cryptsetup open --test-passphrase --key-file - "$1"; }
luks() {
	start_blank
	printf secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - "$MAIN"
	guarded is_luks works_as_luks '0 to 7' '32 to 39'
}

is_pv() { pv_of "$1" | grep -q "$1"; }
lvm() {
	start_blank
	pvcreate -qqffy --config "${LVM//%s/$MAIN}" "$MAIN"
	guarded is_pv is_pv
}

is_md() { mdadm --examine "$1" | grep -q 'Raid Level : raid1'; }
md() {
	start_blank
	mdadm --create /dev/md9 --run --force --level=1 --raid-devices=2 --metadata=1.2 "$MAIN" missing
	mdadm --stop /dev/md9
	guarded is_md is_md '8 to 15'
}

has_table() { partx --show --noheadings "$1" | grep -q .; }
gpt() {
	start_blank
	printf 'label: gpt\nstart=2048, size=8192\n' | sfdisk -q --no-reread "$MAIN"
	CLOSES=1 guarded has_table has_table '0 to 33' '65503 to 65535'
}

# What main shows where the device shows something else is guarded too.
what_main_alone_shows() {
	start_blank
	make_ext4
	said 0 create x --main "$MAIN" --spare "$SPARE"
	said 0 remap x 2 2 --wait
	wipefs --quiet --all $X
	printf 'label: dos\nstart=2048, size=8192\n' | sfdisk -q --no-reread $X
	assert_ok is_ext4 "$MAIN"
	said 1 doctor x --json
	assert_contains "$OUT" '"id": "not-guarded"'
	said 0 guard on x --json -n
	document guard
	assert_eq nothing "$(field "$OUT" result)"
	said 0 guard on x --json
	document guard
	assert_eq guarded "$(field "$OUT" result)"
	assert_fail blkid -p "$MAIN"
	assert_eq dos "$(blkid -p -s PTTYPE -o value $X)"
	said 0 guard status x --json
	document guard
	assert_eq 'guarded 0 1 2 2 16386' "$(field "$OUT" result ranges.0.sector ranges.0.sectors ranges.1.sector ranges.1.sectors ranges.2.sector)"
	said 0 status x --json
	document status
	assert_eq complete "$(field "$OUT" devices.0.guard.state)"
	said 0 guard off x --json
	document guard
	assert_eq 'unguarded null done' "$(field "$OUT" result guard job.state)"
	said 0 guard off x
	assert_eq 'x: nothing is guarded' "$OUT"
	said 0 close x
}

# What cannot be read cannot be moved away: the rest is guarded, and it is said that this is not all.
what_cannot_be_read() {
	start_blank
	make_ext4
	said 0 create x --main "$MAIN" --spare "$SPARE"
	defer 'host heal main'
	host bad main 16387:1 read
	assert_fail read_sectors $X 16387 1
	assert_eq 1 "$(remap_get x pending)"
	said 1 guard on x --json
	document guard
	assert_eq 'incomplete 1 0 complete' "$(field "$OUT" result unreadable_sectors refused_sectors guard.state)"
	said 1 guard on x
	assert_contains "$OUT" "1 sectors cannot be read, and are not guarded: 'dmremap retry x' may bring those that are pending"
	host heal main
	said 0 retry x --wait
	said 0 guard on x
	assert_contains "$OUT" 'x: the guard is complete, '
	said 0 guard off x
	said 0 close x
}

# Nothing tells main from other disks but its guard, and the kernel calls it by another name each time.
found_by_its_guard() {
	local first file set
	start_blank
	first=$(loop_create 16M)
	file=$(losetup -nO BACK-FILE "$first")
	defer "losetup --detach-all; rm -f $file"
	mkfs.ext4 -qF "$first"
	said 0 create x --main "$first" --spare "$SPARE" --json
	set=$(field "$OUT" set)
	said 0 close x
	said 3 open x
	assert_contains "$ERR" "nothing tells $first from other disks"
	said 0 open x --main "$first"
	said 0 guard on x
	said 0 close x
	losetup --detach "$first"
	losetup /dev/loop5 "$file"
	said 0 open x
	assert_eq ext4 "$(blkid -p -s TYPE -o value $X)"
	said 0 close x
	# Nobody makes another set of it, or asks in vain what it is.
	rm "$DM_REMAP_CONFIG"
	wipe "$SPARE"
	said 5 create y --main /dev/loop5 --spare "$SPARE" --json
	assert_eq guarded "$(field "$OUT" error.id)"
	assert_contains "$ERR" "it is main of set $set"
	said 3 doctor /dev/loop5
	assert_contains "$ERR" "it is main of set $set"
	said 3 check /dev/loop5
	assert_contains "$ERR" "it is main of set $set"
	said 0 create x --main "$MAIN" --spare "$SPARE"
	said 5 replace x /dev/loop5 --yes
	assert_contains "$ERR" "it is main of set $set"
	said 1 guard on x --json
	assert_eq nothing-to-guard "$(field "$OUT" error.id)"
	assert_eq 0 "$(remap_get x remapped)"
	said 0 close x
}

tool_install
modules_load
test_case 'an ext4 filesystem and its copies' ext4
test_case 'a LUKS header and its copy' luks
test_case 'an LVM physical volume' lvm
test_case 'a member of an md array' md
test_case 'a GPT at both ends' gpt
test_case 'what main alone shows' what_main_alone_shows
test_case 'what cannot be read' what_cannot_be_read
test_case 'main is found by its guard' found_by_its_guard
test_case 'documents are as the schema describes them' described
