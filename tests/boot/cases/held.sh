#!/bin/bash
# No spare is there, so no set runs: the boot goes on, and nobody gets main in its place. When the spares come, the sets are started.
# boot: layout=stacks absent=spare,vspare,rspare timeout=900
. "$BOOT_LIB"

boot_went_on() {
	assert_ne running "$STATE" 'the state of a system with sets that were not started'
	assert_eq "$(printf '%s\n' dm-remap-assemble@{"$SAFE","$VOL","$RAID"}.service | sort)" \
		"$(systemctl --failed --no-legend --plain | awk '{ print $1 }' | sort)" 'the units that failed'
	assert_contains "$(dmremap status safe 2>&1)" OFFLINE
}
nobody_gets_main() {
	mkdir -p /run/mnt
	assert_fail mount "UUID=$DATA" /run/mnt
	assert_fail mount "$(drive main)" /run/mnt
	assert_fail mount -o ro,noload "$(drive main)" /run/mnt
	assert_fail mount "$(drive rmain)" /run/mnt
	vgchange -ay >&2 || true
	assert_fail test -e /dev/vg/lv
	mdadm --assemble --scan >&2 || true
	mdadm --assemble --scan --run >&2 || true
	assert_not_contains "$(cat /proc/mdstat)" active
	for drive in main vmain rmain; do
		assert_eq '' "$(ls "/sys/block/$(basename "$(drive "$drive")")/holders")" "who holds $drive"
	done
}
spares_come() {
	host plug spare
	host plug vspare
	host plug rspare
	wait_for '[[ -b /dev/mapper/safe && -b /dev/mapper/vol && -b /dev/mapper/raid ]]'
	wait_for '[[ -e /dev/vg/lv ]]'
	# An array that nobody has written to yet is read-only.
	wait_for 'grep -q "active .*raid1" /proc/mdstat'
	# What systemd gave up at boot it mounts when it is asked.
	udevadm settle
	mount /data
	mount /volume
	the_true_file /data/which
	the_true_file /volume/which
	assert_eq /dev/mapper/vol "$(pvs --noheadings -o pv_name | xargs)" 'the volume group lies on'
}
uuid_of() { awk -v name="name=$1" '$1 == "set" && $3 == name { print $2 }' /etc/dm-remap/sets.conf; }
SAFE=$(uuid_of safe) VOL=$(uuid_of vol) RAID=$(uuid_of raid)

test_case 'the boot went on' boot_went_on
test_case 'mount, LVM and md do not get main' nobody_gets_main
test_case 'when the spares come, all of it starts' spares_come
