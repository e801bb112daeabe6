#!/bin/bash
# Line and branch coverage of the metadata and the spare pool by all host tests: unit tests, the simulator, crash points.
#
#   tests/coverage.sh [--uncovered] [--histories N] [--no-build] [--no-run]
#
# --uncovered: also each branch that was never taken, with its line. --histories: of the simulator (2000).
# --no-build, --no-run: with what is there; --no-run prints the table of the last run again.
# Built in build/coverage, at -O0, without sanitizers. Needs gcov, and ninja.
set -eu
root=$(readlink -f "$(dirname "$0")/..")
build=$root/build/coverage
uncovered='' histories=2000 make=1 run=1

while (($#)); do
	case $1 in
	--uncovered) uncovered=$1 ;;
	--histories) histories=$2; shift ;;
	--no-build) make=0 ;;
	--no-run) run=0 make=0 ;;
	*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"; exit 2 ;;
	esac
	shift
done

if ((make)); then
	cmake -S "$root" -B "$build" -G Ninja -DDMR_COVERAGE=ON -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-g0 >/dev/null
	ninja -C "$build"
fi
if ((run)); then
	find "$build" -name '*.gcda' -delete
	# A test that fails here fails without gcov too: this only counts.
	ctest --test-dir "$build" -j2 -L unit | sed -n '/tests passed/,$p'
	"$build/tests/sim/dmremap_sim" --seed 1 --histories "$histories" --keep-going | tail -n 1 || true
	"$build/tests/sim/dmremap_crash_points" | tail -n 1
fi
exec python3 "$root/tests/coverage_table.py" $uncovered "$root" "$build"
