#!/bin/bash
# `dmremap monitor` while a disk goes bad, with udev: journal, mail and programs say so, once for a burst, with what to do.
# on: 6.12
# vm: drives=main:32M:scsi,spare:16M:scsi,two:16M:scsi,three:16M:scsi modules=required timeout=900
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

DIR=/run/monitor LOG=/run/monitor/said

# There is no journald here: what it tells is in $LOG. A mail is a file of its own.
monitor_start() { # LINE-OF-ITS-FILE...
	rm -rf $DIR
	mkdir -p $DIR/events.d $DIR/mails
	printf '%s\n' mail=root "sendmail=$DIR/sendmail" "$@" >$DIR/monitor.conf
	printf '#!/bin/sh\ncat >$(mktemp %s/mails/XXXXXX)\n' $DIR >$DIR/sendmail
	printf '#!/bin/sh\necho "$DM_REMAP_KIND $DM_REMAP_VERDICT $DM_REMAP_DEVICE $DM_REMAP_STATE $DM_REMAP_EVENTS" >>%s/heard\n' $DIR >$DIR/events.d/10-hear
	printf '#!/bin/sh\nexit 3\n' >$DIR/events.d/20-fails
	chmod +x $DIR/sendmail $DIR/events.d/*
	"$TOOL" monitor --config $DIR/monitor.conf 2>$LOG &
	MONITOR=$!
	defer "kill -9 $MONITOR 2>/dev/null || :"
	said_so 'KIND=started'
}
monitor_end() {
	kill "$MONITOR"
	wait "$MONITOR"
	assert_contains "$(<$LOG)" 'no longer watching'
}
said_so() { wait_for "grep -q -e '$1' $LOG" '' "the monitor to say: $1"; }
mails() { find $DIR/mails -type f | wc -l; }
read_bad() { assert_fail dd if=$X of=/dev/null iflag=direct bs=4096 skip="$1" count=1 status=none; } # 4-KIB-BLOCK

# The first at once; twenty more places and the first remap are the second message, at the end of a time that does not come here.
burst() {
	local i mail
	start_blank
	said 0 create x --main "$MAIN" --spare "$SPARE"
	monitor_start together=3600
	for ((i = 0; i < 21; i++)); do host bad main $((1000 + 160 * i)):8; done
	read_bad 125
	said_so 'DM_REMAP_EVENTS=pending='
	wait_for '(($(mails) == 1))' '' 'a mail'
	mail=$(cat $DIR/mails/*)
	assert_match "$mail" '^To: root'$'\n''Subject: dm-remap on [^ ]*: x: blocks could not be read; DEGRADED: 8 sectors cannot be read'
	assert_contains "$mail" "restore the files that own them, or write them anew; 'dmremap files x' names them"
	wait_for "grep -q '^event attention x DEGRADED pending=' $DIR/heard" '' 'the program to hear'
	for ((i = 1; i < 20; i++)); do read_bad $((125 + 20 * i)); done
	# All who listen to udev hear it at once.
	udevadm monitor --udev --property >$DIR/udev &
	defer "kill $!"
	wait_for "grep -q '^UDEV' $DIR/udev" '' 'udevadm to listen'
	pattern_write $X $((1000 + 160 * 20)) 8 new
	wait_for "grep -q DM_REMAP_EVENT=first_remap $DIR/udev" '' 'udev to tell of the remap'
	assert_eq '8 160' "$(remap_get x remapped pending)"
	assert_eq 1 "$(grep -c 'DM_REMAP_KIND=event' $LOG)" 'messages during the burst'
	assert_eq 1 "$(mails)"
	monitor_end
	assert_eq 2 "$(grep -c 'DM_REMAP_KIND=event' $LOG)" 'messages after the burst'
	assert_eq 2 "$(mails)"
	assert_match "$(sed -n '/^event/p' $DIR/heard | tail -n 1)" '^event attention x DEGRADED first_remap=1 pending=[0-9]+$'
	mail=$(grep -rh 'more events within' $DIR/mails | head -n 1)
	assert_contains "$mail" 'the first block of main was remapped, blocks could not be read; DEGRADED: 160 sectors cannot be read'
	assert_contains "$(cat $DIR/mails/*)" "plan to replace /dev/"
	# A program that fails is told of, and stops nothing.
	assert_contains "$(<$LOG)" '20-fails: it ended with status 3'
	said 0 close x
}

# A scrub is no reason for a mail; what comes within the time is told at its end.
wanted() {
	start_blank
	said 0 create x --main "$MAIN" --spare "$SPARE"
	monitor_start together=1
	wait_for "dmremap scrub x --wait --rate 0; grep -q 'more events within [0-9]* s: .*a scrub' $LOG" '' 'a second message'
	assert_match "$(<$LOG)" 'dm-remap: x: a scrub begins[^;]*; ONLINE'
	monitor_end
	assert_eq 0 "$(mails)"
	said 0 close x
}

# Of this no event tells.
looks() {
	start_blank
	said 0 create x --main "$MAIN" --spare "$SPARE"
	monitor_start look_every=1
	said 0 close x
	said_so 'dm-remap: x: OFFLINE: it is in sets.conf, and does not run'
	said 0 open x
	said_so 'dm-remap: x: ONLINE, well again'
	said 0 close x
	modules_unload
	said_so 'dm-remap: this machine: CRITICAL: the module dm-remap is not loaded'
	modules_load
	monitor_end
	assert_contains "$(cat $DIR/mails/*)" "'dmremap open x'"
}

# What journald would get.
journal() {
	mkdir -p /run/systemd/journal $DIR
	defer 'rm -r /run/systemd/journal'
	python3 -c '
import socket, struct
sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sink.bind("/run/systemd/journal/socket")
data, fields = sink.recv(1 << 20), {}
while data:
	name, _, data = data.partition(b"\n")
	if b"=" in name:
		name, _, value = name.partition(b"=")
	else:
		length = struct.unpack("<Q", data[:8])[0]
		value, data = data[8:8 + length], data[9 + length:]
	fields[name.decode()] = value.decode()
for name in sorted(fields): print(name, repr(fields[name]))' >$DIR/journal &
	wait_for 'test -S /run/systemd/journal/socket'
	said 0 monitor --test --config /run/none.conf
	assert_contains "$OUT" 'journal: done'
	wait $!
	assert_eq '' "$ERR"
	for field in "MESSAGE 'a test: nothing has happened'" "MESSAGE_ID '1c1c6a6f2cbc48b1a7b7179d9c7ae8cd'" "PRIORITY '5'" \
		"DM_REMAP_KIND 'test'" "SYSLOG_IDENTIFIER 'dmremap'"; do
		assert_contains "$(<$DIR/journal)" "$field"
	done
	# It has more lines than one, as it ends with one.
	assert_contains "$(<$DIR/journal)" 'each channel. Nothing needs to be done.\n"'
}

tool_install
modules_load
udev_start
test_case 'a burst of bad sectors' burst
test_case 'what somebody wanted' wanted
test_case 'what no event tells of' looks
test_case 'the journal' journal
