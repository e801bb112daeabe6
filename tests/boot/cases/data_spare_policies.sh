#!/bin/bash
# A spare is missing: with what only it may have, the set is not started; once the other has recorded that it was dropped, it is, unless
# degraded=never.
# boot: layout=data timeout=1500 absent=second
. "$BOOT_LIB"

not_without_an_active_spare() {
	assert_eq "dm-remap-assemble@$SAFE.service" "$(systemctl --failed --no-legend --plain | awk '{ print $1 }')" 'the units that failed'
	assert_fail findmnt /data
	assert_contains "$(dmremap status safe 2>&1)" OFFLINE
	assert_fail mount "UUID=$DATA" /mnt
}
dropped_by_hand() {
	dmremap open safe --degraded --force --yes
	assert_eq 'active missing' "$(spare_states safe)"
	mount /data
	mountpoint -q /data
}
starts_without_a_dropped_one() {
	nothing_failed
	mounted_from /dev/mapper/safe /data
	assert_eq 'active missing' "$(spare_states safe)"
	sed -i 's/degraded=dropped/degraded=never/' /etc/dm-remap/sets.conf
	grep -q degraded=never /etc/dm-remap/sets.conf
}
never_means_never() {
	assert_fail findmnt /data
	assert_fail mount "UUID=$DATA" /mnt
}
SAFE=$(awk '$1 == "set" { print $2 }' /etc/dm-remap/sets.conf)

case $PHASE in
1)
	test_case 'an active spare is missing: the boot goes on without the set' not_without_an_active_spare
	test_case 'the administrator does without it' dropped_by_hand
	next_boot
	;;
2)
	test_case 'the next boot starts it without the spare that was dropped' starts_without_a_dropped_one
	next_boot
	;;
3) test_case 'degraded=never: not even then' never_means_never ;;
esac
