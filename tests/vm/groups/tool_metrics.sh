#!/bin/bash
# `dmremap metrics` and `dmremap nagios` of devices that run: what they say is what sysfs says, in one document that Prometheus takes, and it
# follows what happens.
# on: 6.12
# vm: drives=main:32M:scsi,spare:16M:scsi,two:16M:scsi,other:16M:scsi modules=required timeout=900
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

export DM_REMAP_STATE=/run/histories
OUTSIDE=/run/textfile PROM=/run/textfile/dm_remap.prom

start_two() {
	MAIN=$(drive main) SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE" "$(drive two)" "$(drive other)"
	rm -rf "${DM_REMAP_CONFIG%/*}" $OUTSIDE
	mkdir $OUTSIDE
	defer 'dm_remove_if_there x; dm_remove_if_there "long name"; host heal main'
	said 0 create x --main "$MAIN" --spare "$SPARE"
}
write_file() { said 0 metrics --textfile $OUTSIDE && [[ -z $OUT$ERR ]]; }
# Of the file, a value: NAME LABELS.
value() { sed -n "s/^dm_remap_$1{$2} //p" $PROM; }
# All that sysfs says of the device is in the file. Nothing is done with it meanwhile.
as_sysfs() { # FOLDER
	local line missing=
	write_file
	while read -r line; do
		grep -qxF -e "$line" $PROM || missing+="$line"$'\n'
	done < <(grep -v '^#' "/sys/kernel/dm_remap/devices/$1/all_stats")
	assert_eq '' "$missing" "what sysfs says of $1, and the file does not"
	assert_eq dm_remap.prom "$(ls $OUTSIDE)"
}
check() { # STATUS TEXT [WORD...]: check_dm_remap's first line begins so.
	local status=$1 text=$2
	shift 2
	said "$status" nagios "$@"
	assert_eq "DM_REMAP $text" "${OUT:0:$((9 + ${#text}))}"
}

goes_bad() {
	start_two
	as_sysfs x
	assert_eq '100 0 0' "$(value health_score 'device="x"') $(value degraded 'device="x"') $(value pending_bytes 'device="x"')"
	check 0 'OK - x: health 100 |'
	host bad main 1000:8
	pattern_write $X 1000 8 new
	# As udev asks when the event comes; no udev runs here.
	assert_not_contains "$(<$PROM)" dm_remap_last_event
	DM_REMAP_EVENT=first_remap dmremap udev-device "$(dmsetup info -c --noheadings --separator : -o major,minor x)"
	write_file
	assert_num "$(value last_event_timestamp_seconds 'device="x",event="first_remap"')" -ge $((EPOCHSECONDS - 600))
	host bad main 2000:8
	assert_fail dd if=$X of=/dev/null iflag=direct bs=4096 skip=250 count=1 status=none
	as_sysfs x
	assert_eq '4096 4096 1' "$(value remapped_bytes 'device="x"') $(value pending_bytes 'device="x"') $(value spare_state 'device="x",spare="0",state="active"')"
	assert_eq '4096' "$(value member_used_bytes 'device="x",spare="0"')"
	assert_contains "$(grep '^dm_remap_main_info' $PROM)" "disk=\"${MAIN##*/}\""
	assert_ok promtool check metrics <$PROM
	check 1 'WARNING - x: health'
	assert_contains "$OUT" "'dmremap files x' names them"
	check 2 'CRITICAL - x: health' -c 99:
	said 0 scrub x --wait --rate 0
	write_file
	assert_ok test "$(value scrub_last_complete_timestamp_seconds 'device="x"')" -gt 1700000000
	dmsetup suspend x
	write_file
	assert_eq '1 4096' "$(value suspended 'device="x"') $(value pending_bytes 'device="x"')"
	assert_fail grep -q reads_total $PROM
	dmsetup resume x
}

# With so long a name its file in sysfs is not whole.
of_several() {
	local name set
	start_two
	name=$(printf 'n%.0s' {1..120})
	said 0 create y --main "$(drive other)" --spare "$(drive two)"
	set=$(cut -d ' ' -f 2 <<<"$(grep name=y "$DM_REMAP_CONFIG")")
	dmsetup rename y "$name"
	defer "dm_remove_if_there $name"
	write_file
	assert_ok promtool check metrics <$PROM
	assert_ok grep -q omitted_metrics "/sys/kernel/dm_remap/devices/y/all_stats"
	assert_eq "16777216 33554432" "$(value main_bytes "device=\"$name\"") $(value main_bytes 'device="x"')"
	assert_eq 1 "$(value set_assembled "set=\"$set\",name=\"y\"")"
	check 0 'OK - 2 sets and devices, all is well |'
	dmsetup remove "$name"
	write_file
	assert_fail grep -q "$name" $PROM
	assert_eq 0 "$(value set_assembled "set=\"$set\",name=\"y\"")"
	check 2 'CRITICAL - y: it is in sets.conf, and does not run'
	check 0 'OK - x: health 100' x
	said 0 close x
	rm "$DM_REMAP_CONFIG"
	write_file
	assert_eq '' "$(ls $OUTSIDE)"
	check 0 'OK - no set runs'
}

# What Debian's node_exporter gives of the file, once it was given: what sysfs says.
exported() {
	local got
	start_two
	host bad main 1000:8
	pattern_write $X 1000 8 new
	write_file
	ip link set lo up
	prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory=$OUTSIDE --web.listen-address=127.0.0.1:9100 2>/run/exporter &
	defer "kill $!"
	wait_for "grep -q 'Listening on' /run/exporter" '' 'node_exporter to listen'
	got=$(python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:9100/metrics").read().decode())')
	assert_contains "$got" 'node_textfile_scrape_error 0'
	assert_eq "$(grep -c '^dm_remap_' $PROM)" "$(grep -c '^dm_remap_' <<<"$got")" 'samples'
	assert_contains "$got" 'dm_remap_remapped_bytes{device="x"} 4096'
	said 0 close x
	rm "$DM_REMAP_CONFIG"
	write_file
	got=$(python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:9100/metrics").read().decode())')
	assert_fail grep -q dm_remap <<<"$got"
}

# A spare that is missing: sysfs does not know.
spare_missing() {
	local -a words
	start_two
	said 0 add-spare x "$(drive two)"
	read -ra words < <(dmsetup table x)
	assert_eq spare "${words[8]}"
	dmsetup remove x
	dm_create x "${words[*]:0:7} 6 spare - ${words[*]:10:2} degraded force"
	check 1 'WARNING - x: health'
	assert_contains "$OUT" 'is missing'
	write_file
	assert_eq '1 1' "$(value degraded 'device="x"') $(value spare_state 'device="x",spare="1",state="missing"')"
	rmmod dm_remap_stats
	defer 'modprobe dm-remap-stats'
	write_file
	assert_ok grep -q 'dm_remap_health_score{device="x"}' $PROM
}

# later SECONDS WORD...: dmremap as it would be then, for all that a clock tells that nobody sets.
later() { unshare --time --fork --boottime "$1" "$TOOL" "${@:2}"; }

# What happened is kept, over a device that is made anew; and a file that is none hinders nothing.
happened() {
	local file
	start_two
	rm -rf $DM_REMAP_STATE
	write_file
	file=$(ls $DM_REMAP_STATE/history-*.json)
	host bad main 1000:64
	pattern_write $X 1000 8 new
	pattern_write $X 1008 8 new
	assert_ok later 600 metrics >/dev/null
	said 0 health x --json
	document health
	assert_eq '2 16 16 0' "$(field "$OUT" devices.0.history.hours.-1.errors devices.0.history.days.-1.remaps devices.0.history.days.-1.taken_sectors devices.0.errors.consecutive)"
	assert_ok test "$(field "$OUT" devices.0.history.hours.-1.seconds)" -gt 0
	assert_eq 'too-short null unknown' "$(field "$OUT" devices.0.exhaustion.result devices.0.exhaustion.latest_seconds devices.0.errors.trend)"
	said 0 close x
	said 0 open x
	pattern_write $X 1016 8 new
	assert_ok later 1200 metrics >/dev/null
	said 0 health x
	assert_contains "$OUT" '3 errors, 0 of them told to programs, 24 blocks remapped, 24 sectors of the spares taken'
	assert_contains "$OUT" 'not enough to tell'
	assert_contains "$OUT" '1 in the last hour, 1 in the last day, 1.00 an hour: too early for a trend'
	truncate -s 100 "$file"
	said 0 health x
	assert_contains "$ERR" 'it is no history of this set'
	said 0 metrics
	assert_contains "$ERR" "$file.bad now"
	assert_eq 2 "$(find $DM_REMAP_STATE -type f | wc -l)"
	# No room for it: the metrics come all the same.
	rm -rf $DM_REMAP_STATE
	touch $DM_REMAP_STATE
	said 0 metrics
	assert_contains "$OUT" 'dm_remap_health_score{device="x"}'
	assert_contains "$ERR" 'the history of x cannot be kept'
	rm $DM_REMAP_STATE
}

tool_install
modules_load
test_case 'a disk goes bad' goes_bad
test_case 'what happened is kept' happened
test_case 'several devices, and none' of_several
test_case 'a spare is missing, and no statistics' spare_missing
test_case 'node_exporter has what sysfs says' exported
test_case 'its documents are as docs/dmremap.schema.json describes them' described
