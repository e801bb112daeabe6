#!/bin/bash
# What dmremap monitor costs while nothing happens: its CPU seconds, and how often it woke up, between its start and the end of this time.
#
#   tests/bench/monitor_bench.sh [SECONDS]      600; build/host has to be built
#
# Exit status 1 if it used a hundredth of a second or more. News of other block devices wakes it, too.
set -eu
seconds=${1:-600}
dmremap=$(dirname "$(readlink -f "$0")")/../../build/host/tools/dmremap/dmremap
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/dmremap-bench.XXXXXX")
trap 'kill "$monitor" 2>/dev/null || :; rm -rf "$scratch"' EXIT

echo journal=no >"$scratch/monitor.conf"
mkfifo "$scratch/said"
DM_REMAP_CONFIG=$scratch/sets.conf "$dmremap" monitor --config "$scratch/monitor.conf" 2>"$scratch/said" &
monitor=$!
exec 9<"$scratch/said"
while read -r -u 9 line && [[ $line != DM_REMAP_VERDICT=* ]]; do :; done
# What is left of its start.
sleep 1

figures() { # Nanoseconds on a processor, and how often it has begun to wait.
	awk '{ print $1 }' "/proc/$monitor/schedstat"
	awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$monitor/status"
}
mapfile -t before < <(figures)
sleep "$seconds"
mapfile -t after < <(figures)
awk -v ns=$((after[0] - before[0])) -v wakes=$((after[1] - before[1])) -v s="$seconds" 'BEGIN {
	printf "monitor: %.6f CPU seconds in %d s, woken %d times\n", ns / 1e9, s, wakes
	exit ns >= 1e7
}'
