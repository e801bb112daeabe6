#!/bin/bash
# The set of the layout "luks": LVM on LUKS on it, and the system, which the drive "tree" brings, on a volume of that.
. "$REPO/tests/boot/make/lib.sh"

make_set() {
	set_create safe main spare second
	dmremap close safe
}
fill() {
	local key=/dev/shm/key
	install -D -m 644 /state/sets.conf "$DM_REMAP_CONFIG"
	dmremap open safe
	printf 'a key of the tests' >$key
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid 5a5e0003-0000-4000-8000-000000000003 \
		/dev/mapper/safe $key
	cryptsetup open --key-file $key /dev/mapper/safe crypt
	pvcreate -q /dev/mapper/crypt
	vgcreate -q sysvg /dev/mapper/crypt
	lvcreate -qy -n root -l 100%FREE sysvg
	dd if="$(drive tree)" of=/dev/sysvg/root bs=1M iflag=direct oflag=direct conv=sparse status=none
	vgchange -qan sysvg
	cryptsetup close crypt
	dmremap close safe
}
if [[ $1 == 1 ]]; then
	test_case 'the set is made' make_set
	sets_done
else
	test_case 'the system is put on a volume' fill
	modules_unload
fi
