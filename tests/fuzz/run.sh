#!/bin/bash
# One fuzzer for some time, in minutes of CI or hours by hand:
#
#   tests/fuzz/run.sh NAME SECONDS [LIBFUZZER-OPTION...]      tests/fuzz/run.sh table 3600
#   tests/fuzz/run.sh NAME FILE...                            one input again, from findings/
#
# Starts from corpus/NAME and from what earlier runs have found worth keeping. Build it first: ninja -C build/host fuzzers.
# DMR_FUZZ_BUILD: where that is (build/host/fuzz).
set -eu
here=$(dirname "$(readlink -f "$0")")
build=${DMR_FUZZ_BUILD:-$here/../../build/host/fuzz}

if (($# < 2)); then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
	exit 2
fi
name=$1 seconds=$2
shift 2
fuzzer=$build/tests/fuzz/fuzz_$name
if [[ ! -x $fuzzer ]]; then
	echo "run.sh: there is no $fuzzer: build it with 'ninja -C build/host fuzzers' (clang++ is needed)" >&2
	exit 2
fi
if [[ $seconds == *[!0-9]* ]]; then
	exec "$fuzzer" "$seconds" "$@"
fi

found=$build/found/$name findings=$build/findings
mkdir -p "$found" "$findings"
options=("-max_total_time=$seconds" "-artifact_prefix=$findings/$name-" -timeout=10 -print_final_stats=1)
if [[ -f $here/$name.dict ]]; then options+=("-dict=$here/$name.dict"); fi
exec "$fuzzer" "$found" "$here/corpus/$name" "${options[@]}" "$@"
