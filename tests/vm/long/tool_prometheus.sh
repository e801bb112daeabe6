#!/bin/bash
# A disk goes bad, and Prometheus tells: from the modules by `dmremap metrics`, Debian's node_exporter and Debian's Prometheus with our rules to alerts
# that fire in order, and that end when what they are about has. The rules are a copy with seconds in place of minutes and hours: what those are for,
# tests/monitoring/alerts_test.py has. Each query of the dashboards is asked of it, too. Two servers start and much is waited for, so it is no group of tools/check:
#
#   tests/vm/run_group.py --kernel 6.12 --group tests/vm/long/tool_prometheus.sh
#   tests/vm/run_group.py --kernel 6.12 --group tests/vm/long/tool_prometheus.sh -- "$(tools/lib/root.sh trixie prometheus)"
#
# The second takes Debian 13's programs, which the argument says where to find.
# vm: drives=main:32M:scsi,spare:16M:scsi,new:40M:scsi modules=required memory=2G smp=2 timeout=2400
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

OUTSIDE=/run/textfile
RULES=/run/prometheus/rules.yml
export DM_REMAP_STATE=/run/copies

# get PORT PATH: what answers there. Without a program that would take its time to start.
get() {
	local answer
	exec {answer}<>"/dev/tcp/127.0.0.1/$1" || return
	printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&"$answer"
	sed '1,/^\r$/d' <&"$answer"
	exec {answer}>&-
}
write_file() { said 0 metrics --textfile $OUTSIDE; }
# alerts QUERY: of the alerts' own series, as it stands in an address: which there are, without our prefix, in one line.
FIRING='ALERTS%7Balertstate=%22firing%22%7D'
alerts() {
	get 9090 "/api/v1/query?query=$1" | perl -MJSON::PP -0777 -ne '
		my %names = map { $_->{metric}{alertname} => 1 } @{decode_json($_)->{data}{result}};
		print join(" ", map { s/^DmRemap//r } sort keys %names), "\n"'
}
firing() { alerts $FIRING; }
microseconds() { echo "${EPOCHREALTIME//[.,]/}"; }
# fired ALERT...: since the mark these have fired and no others. What looks half a minute back ends by itself, on a busy machine between two looks.
mark() { MARK=$(microseconds); }
have_fired() { alerts "last_over_time($FIRING%5B$((($(microseconds) - MARK) / 1000 + 1))ms%5D)"; }
fired() {
	write_file
	wait_for "[[ \$(have_fired) == '$*' ]]" 240 "'$*' to have fired" || fail "there was '$(have_fired)', and is '$(firing)'"
}
# seen QUERY: there is such a sample of the device, and what else is of this moment will be asked for, too.
seen() {
	write_file
	wait_for "get 9090 '/api/v1/query?query=$1' | grep -q device" 240 "$1"
	# A moment is a whole second, and the sample may be of its end.
	TIMES+=($((EPOCHSECONDS + 1)))
}
# fire [ALERT...]: once Prometheus has what is now, these fire and no others. They come one after the other, and go so.
fire() {
	write_file
	wait_for "[[ \$(firing) == '$*' ]]" 240 "alerts '$*'" || fail "there is '$(firing)'"
}

start_all() {
	ip link set lo up
	rm -rf $OUTSIDE /run/prometheus "${DM_REMAP_CONFIG%/*}" $DM_REMAP_STATE
	mkdir $OUTSIDE /run/prometheus
	# An hour back is half a minute; what has to last for minutes or hours lasts for so many seconds. Trends and what takes days stay.
	sed -E '/name: dm-remap-trend/,/name: dm-remap-care/! { s/\[1h\]/[30s]/; s/offset 1h/offset 30s/; s/^( +for: [0-9]+)[mh]$/\1s/ }' \
		tools/monitoring/prometheus/dm-remap.rules.yml >$RULES
	assert_ok promtool check rules $RULES
	cat >/run/prometheus/prometheus.yml <<-END
		global: { scrape_interval: 1s, evaluation_interval: 1s }
		rule_files: [ $RULES ]
		scrape_configs:
		  - job_name: node
		    static_configs: [ { targets: [ '127.0.0.1:9100' ] } ]
	END
	prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory=$OUTSIDE \
		--web.listen-address=127.0.0.1:9100 2>/run/exporter.log &
	defer "kill $!"
	prometheus --config.file=/run/prometheus/prometheus.yml --storage.tsdb.path=/run/prometheus/data --web.listen-address=127.0.0.1:9090 \
		2>/run/prometheus.log &
	defer "kill $!"
	wait_for "grep -q 'Server is ready' /run/prometheus.log" 240 'Prometheus to be ready'
}

a_disk_goes_bad() {
	local new
	MAIN=$(drive main) SPARE=$(drive spare) new=$(drive new)
	wipe "$MAIN" "$SPARE" "$new"
	start_all
	TIMES=()
	defer 'dm_remove_if_there x; host heal main'
	said 0 create x --main "$MAIN" --spare "$SPARE"
	# Something for a guard to hide.
	mkfs.ext4 -qF $X
	said 0 guard on x
	write_file
	# Whoever asks for what was before needs something before. And it is there, as sysfs has it.
	wait_for "get 9090 '/api/v1/query?query=dm_remap_relocated_bytes%20offset%2030s%20%3D%3D%200' | grep -q device" 240 'half a minute of samples'
	assert_contains "$(get 9100 /metrics)" "$(grep ^dm_remap_health_score /sys/kernel/dm_remap/devices/x/all_stats)"
	fire

	say 'the first bad blocks: told, and then an old story'
	mark
	host bad main 1000:8
	pattern_write $X 1000 8 new
	fired FirstRemap
	fire

	say 'what cannot be read'
	mark
	host bad main 2000:8
	assert_fail dd if=$X of=/dev/null iflag=direct bs=4096 skip=250 count=1 status=none
	fired Pending Unrecovered
	fire Pending
	seen dm_remap_pending_bytes
	pattern_write $X 2000 8 new
	fire

	say 'a set that does not run'
	said 0 close x
	fire SetNotAssembled
	said 0 open x
	fire

	say 'little room'
	said 0 remap x 8192 $(($(remap_get x total) * 4 / 5)) --wait
	fire HealthLow SpareLow

	say 'each query of the dashboards has had data'
	said 0 scrub x --rate 2048
	said 0 scrub x --pause
	seen dm_remap_scrub_progress_ratio
	said 0 scrub x --rate 0 --wait
	seen 'dm_remap_scrub_last_complete_timestamp_seconds%20%3E%200'
	assert_ok python3 tests/monitoring/ask_dashboards.py http://127.0.0.1:9090 127.0.0.1:9100 x "${TIMES[@]}"

	say 'a new disk in the place of all'
	said 0 replace x "$new" --yes --swap --standstill 600
	fire
	assert_contains "$(dmsetup table x)" linear
	assert_not_contains "$(get 9100 /metrics)" dm_remap_health_score
}

if (($#)); then
	[[ -x $1/usr/bin/prometheus ]] || { fail "there is no Prometheus in '$1'"; exit 1; }
	PATH=$1/usr/bin:$PATH
fi
say "$(prometheus --version 2>&1 | head -n 1)"
say "$(prometheus-node-exporter --version 2>&1 | head -n 1)"
tool_install
modules_load
test_case 'a disk goes bad, and Prometheus tells' a_disk_goes_bad
