#!/bin/bash
# What the packages switch on runs from the boot on: the metrics' timer, the monitor, the scrub's timer. A bad block is told by the first two, once, and
# they end with the machine as they should.
# boot: layout=root timeout=1800
# boot-never: Failed to start
. "$BOOT_LIB"

UNITS=(dm-remap-metrics.timer dm-remap-monitor.service dm-remap-scrub.timer)
METRICS=/var/lib/prometheus/node-exporter/dm_remap.prom
HEARD=/var/heard

# What the packages do (tests/packages/inside/deb_test.sh), and the administrator: node_exporter's folder, mail, a program, a journal that stays.
set_up() {
	mkdir -p "${METRICS%/*}" $HEARD /etc/dm-remap/events.d /var/log/journal
	printf '%s\n' mail=root@example.org sendmail=/usr/local/sbin/sendmail >/etc/dm-remap/monitor.conf
	printf '#!/bin/sh\ncat >$(mktemp %s/mail.XXXXXX)\n' $HEARD >/usr/local/sbin/sendmail
	printf '#!/bin/sh\nenv >$(mktemp %s/program.XXXXXX)\n' $HEARD >/etc/dm-remap/events.d/hear
	chmod +x /usr/local/sbin/sendmail /etc/dm-remap/events.d/hear
	systemctl enable "${UNITS[@]}"
}

# told KIND [FIELD...]: how often the monitor has told of that kind in this boot, or these fields of it, in lines.
told() {
	local kind=$1
	shift
	journalctl --sync
	journalctl -b -q -o json -t dmremap DM_REMAP_KIND="$kind" >/run/told
	if (($#)); then
		jq -r --args '. as $all | $ARGS.positional[] | $all[.]' "$@" </run/told
	else
		jq -s length </run/told
	fi
}
# heard program|mail TEXT: how many have it.
heard() { grep -rlxe "$2" $HEARD --include="$1.*" | wc -l; }
metric() { sed -n "s/^$1{[^}]*device=\"safe\"[^}]*} //p" $METRICS; }

runs_from_the_boot_on() {
	nothing_failed
	mounted_from /dev/mapper/safe /
	assert_eq "$(printf 'active\n%.0s' "${UNITS[@]}")" "$(systemctl is-active "${UNITS[@]}")" "${UNITS[*]}"
	wait_for "[[ -s $METRICS ]]" 120 'the timer to have the file written'
	assert_eq '100 0' "$(metric dm_remap_health_score) $(metric dm_remap_remapped_bytes)"
	assert_eq "$(modinfo -F version dm-remap)" "$(sed -n 's/^dm_remap_build_info{version="\(.*\)"} 1$/\1/p' $METRICS)" 'the version in the file'
	[[ -n $(find /var/lib/dm-remap -type f) ]] || fail 'the history is not kept'
	assert_eq 1 "$(told started)" 'messages at the start'
	assert_eq 'watching: 1 sets and devices, all is well' "$(told started MESSAGE)"
	wait_for '(($(heard program DM_REMAP_KIND=started) == 1))' 120 'the program to hear of the start'
	assert_eq 0 "$(heard mail '.*')" 'mails while all is well'
}

# a_bad_block FILE: main refuses to write where the file is, and somebody writes there.
a_bad_block() {
	local at
	head -c 4096 /dev/zero >"$1"
	sync
	at=$(filefrag -b512 -e "$1" | awk '$1 == "0:" { sub(/\.\..*/, "", $4); print $4; exit }')
	host bad main "$at:8" write
	yes new | head -c 4096 | dd of="$1" bs=4k iflag=fullblock conv=notrunc,fsync oflag=direct status=none
}

a_bad_block_is_told() {
	local uuid
	# So it is udev alone that has the file written anew.
	systemctl stop dm-remap-metrics.timer
	wait_for '[[ $(systemctl is-active dm-remap-metrics.service) == inactive ]]' 120 'the service to end'
	a_bad_block /root/file
	wait_for '[[ $(metric dm_remap_remapped_bytes) == 4096 ]]' 120 'the event to have the file written'
	wait_for '(($(told event) > 0))' 120 'the monitor to tell'
	assert_eq 1 "$(told event)" 'messages'
	uuid=$(dmremap status safe --json | jq -r '.devices[0].set')
	assert_eq "$(printf '%s\n' 414f97df48ac4d46a6c3e853cb71622a 5 well safe "$uuid" ONLINE remapped first_remap=1)" \
		"$(told event MESSAGE_ID PRIORITY DM_REMAP_{VERDICT,DEVICE,SET,STATE,FINDINGS,EVENTS})"
	assert_eq "$(drive main)" "$(readlink -f "$(told event DM_REMAP_MAIN)")" 'main in the message'
	assert_eq 'safe: the first block of main was remapped; ONLINE' "$(told event MESSAGE)"
	assert_contains "$(told event DM_REMAP_TEXT)" 'plan to replace /dev/'
	wait_for '(($(heard program DM_REMAP_EVENTS=first_remap=1) == 1))' 120 'the program to hear of it'
	assert_eq 1 "$(heard program 'DM_REMAP_MESSAGE=safe: the first block of main was remapped; ONLINE')"
	wait_for '(($(heard mail "Subject: .*: safe: the first block of main was remapped; ONLINE") == 1))' 120 'the mail'
	assert_eq 0 "$(told undelivered)" 'messages that did not go'
	systemctl start dm-remap-metrics.timer
	nothing_failed
}

each_channel_is_tried() {
	local out
	out=$(dmremap monitor --test) || fail "status $?"$'\n'"$out"
	assert_eq $'journal: done\nmail to root@example.org: done\n/etc/dm-remap/events.d/hear: done' "$out"
	assert_eq 1 "$(told test)" 'messages in the journal'
	assert_eq 1 "$(heard program DM_REMAP_KIND=test)" 'runs of the program'
	assert_eq 1 "$(heard mail 'Subject: .*: a test: nothing has happened')" 'mails'
}

a_scrub_begins() {
	systemctl start dm-remap-scrub.service
	assert_ne none "$(dmremap status safe --json | jq -r '.devices[0].scrub.state')" 'the state of the scrub'
	nothing_failed
}

they_have_ended_well() {
	local said
	nothing_failed
	journalctl --sync
	said=$(journalctl -b -1 -q -o cat -u 'dm-remap-m*' -u 'dm-remap-scrub*')
	assert_contains "$said" 'dm-remap-monitor.service: Deactivated successfully.'
	assert_contains "$said" 'no longer watching'
	for wrong in 'Failed with result' 'timed out' Killing SIGKILL; do assert_not_contains "$said" "$wrong" 'the journal of the last boot'; done
	assert_eq 1 "$(journalctl -b -1 -q -o json -t dmremap DM_REMAP_KIND=stopped | jq -s length)" 'messages at the end'
	assert_eq 0 "$(journalctl -b -1 -q -o json -t dmremap DM_REMAP_KIND=undelivered | jq -s length)" 'messages that did not go'
}
and_all_begins_again() {
	assert_eq "$(printf 'active\n%.0s' "${UNITS[@]}")" "$(systemctl is-active "${UNITS[@]}")" "${UNITS[*]}"
	assert_eq 1 "$(told started)" 'messages at the start'
	wait_for "[[ $METRICS -nt /run/systemd/system ]]" 120 'the timer to have the file written in this boot'
	assert_eq 4096 "$(metric dm_remap_remapped_bytes)"
}

case $PHASE in
1)
	test_case 'what the packages switch on is switched on' set_up
	next_boot
	;;
2)
	test_case 'after the boot all of it runs' runs_from_the_boot_on
	test_case 'a bad block is told: metrics, journal, mail, program' a_bad_block_is_told
	test_case 'each channel is tried' each_channel_is_tried
	test_case 'the unit of the scrub begins one' a_scrub_begins
	next_boot
	;;
3)
	test_case 'they have ended well' they_have_ended_well
	test_case 'and all of it begins again' and_all_begins_again
	;;
esac
