#!/bin/bash
# A guarded main is recognised by nobody, serves as before through the device, and is what it was when the guard is off.
# vm: drives=main:64M:scsi,spare:16M:virtio modules=required timeout=1200 smp=1
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"

X=/dev/mapper/x
LVM='devices { dir = "/dev" scan = [ "/dev" ] use_devicesfile = 0 obtain_device_list_from_udev = 0 external_device_info_source = "none" filter = [ "a|%s|", "r|.*|" ] } '
pv_of() { pvs --config "${LVM//%s/$1}" --noheadings -o pv_name "$1"; } # DEVICE

start_blank() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	defer 'dm_remove_if_there x'
}
# job_done MESSAGE...: to its end, all of it done.
job_done() {
	local line
	dmsetup message x 0 "$@"
	wait_for '! dmsetup message x 0 status | grep -q "^job .*state=running"' '' "$1 to end"
	line=$(dmsetup message x 0 status | grep '^job ')
	assert_match "$line" "kind=$1 state=done .* unreadable_sectors=0 refused_sectors=0"
}
guard_state() { dmsetup message x 0 status | sed -n 's/^guard state=\([a-z]*\) .*/\1/p'; }

# guarded IS_SEEN WORKS SECTOR COUNT...: what is on main now is seen by IS_SEEN DEVICE, and by libblkid; with these sectors guarded nobody
# sees it on main, and WORKS DEVICE succeeds through the device; in the end main is as it was, bit for bit.
guarded() {
	local is_seen=$1 works=$2 before after
	shift 2
	assert_ok "$is_seen" "$MAIN"
	assert_ok blkid -p "$MAIN"
	before=$(sum_of "$MAIN")
	remap_create x "$MAIN" "$SPARE"
	job_done guard "$@"
	assert_eq complete "$(guard_state)"
	for _ in 1 2; do
		assert_ok "$is_seen" $X
		assert_ok "$works" $X
		dmsetup remove x
		assert_fail "$is_seen" "$MAIN"
		assert_fail blkid -p "$MAIN"
		assert_fail_with 'mount' mount -o ro "$MAIN" /mnt
		assert_contains "$(dd if="$MAIN" skip="$1" count=1 status=none | strings)" "This disk is a part of the dm-remap device 'x'"
		remap_create x "$MAIN" "$SPARE"
	done
	job_done unguard
	assert_eq '' "$(guard_state)"
	assert_eq 0 "$(remap_get x remapped)"
	dmsetup remove x
	after=$(sum_of "$MAIN")
	assert_eq "$before" "$after" 'main before the guard and after it'
	assert_ok "$is_seen" "$MAIN"
}

is_ext4() { [[ $(blkid -p -s TYPE -o value "$1") == ext4 ]]; }
# Without replaying its journal, so that nothing is written.
reads_file() { mount -o ro,noload "$1" /mnt && grep -qx content /mnt/file; umount /mnt; }
ext4() {
	start_blank
	mkfs.ext4 -qF "$MAIN"
	mount "$MAIN" /mnt
	echo content >/mnt/file
	umount /mnt
	guarded is_ext4 reads_file 2 2
}

is_luks() { cryptsetup isLuks "$1"; }
works_as_luks() { printf secret | cryptsetup open --test-passphrase --key-file - "$1"; }
luks() {
	start_blank
	printf secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - "$MAIN"
	guarded is_luks works_as_luks 0 8 32 8
}

is_pv() { pv_of "$1" | grep -q "$1"; }
lvm() {
	start_blank
	pvcreate -qqffy --config "${LVM//%s/$MAIN}" "$MAIN"
	guarded is_pv is_pv 0 8
}

is_md() { mdadm --examine "$1" | grep -q 'Raid Level : raid1'; }
md() {
	start_blank
	mdadm --create /dev/md9 --run --force --level=1 --raid-devices=2 --metadata=1.2 "$MAIN" missing
	mdadm --stop /dev/md9
	guarded is_md is_md 8 8
}

has_table() { partx --show --noheadings "$1" | grep -q .; }
gpt() {
	start_blank
	printf 'label: gpt\nstart=2048, size=8192\n' | sfdisk -q "$MAIN"
	guarded has_table has_table 0 34 $(($(sectors_of "$MAIN") - 33)) 33
}

until_power_cut() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	mkfs.ext4 -qF "$MAIN"
	mount "$MAIN" /mnt
	echo content >/mnt/file
	umount /mnt
	sum_of "$MAIN" >/state/before
	remap_create x "$MAIN" "$SPARE"
	host slow main 4
	dmsetup message x 0 guard 0 8192
	wait_for '[[ -n $(guard_state) ]]' '' 'the first of it to be guarded'
	dmsetup message x 0 status | grep -q '^job .*state=running'
	power_cut
}

after_power_cut() {
	MAIN=$(drive main) SPARE=$(drive spare)
	host slow main off
	defer 'dm_remove_if_there x'
	remap_create x "$MAIN" "$SPARE"
	assert_match "$(guard_state)" '^(incomplete|complete)$'
	assert_num "$(remap_get x remapped)" -lt 8192 'sectors that are guarded'
	assert_ok reads_file $X
	job_done guard 2 2
	assert_ok reads_file $X
	job_done unguard
	assert_eq 0 "$(remap_get x remapped)"
	dmsetup remove x
	assert_eq "$(</state/before)" "$(sum_of "$MAIN")" 'main before the guard and after it'
}

case $PHASE in
1)
	test_case 'an ext4 filesystem' ext4
	test_case 'a LUKS header and its copy' luks
	test_case 'an LVM physical volume' lvm
	test_case 'a member of an md array' md
	test_case 'a GPT at both ends' gpt
	(set -e && until_power_cut)
	echo '# the power was not cut'
	exit 1
	;;
2)
	test_case 'the power goes in the middle of guarding' after_power_cut
	;;
esac
