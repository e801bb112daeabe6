#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# same_hash.sh SOURCE BUILD SIMULATOR: histories have the same trace hash in two runs, and when clang++ built the simulator.
set -euo pipefail
source=$1 build=$2 simulator=$3
clang=$build/clang

cmake -S "$source" -B "$clang" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ >"$build/clang-configure.log" 2>&1 ||
	{ cat "$build/clang-configure.log"; exit 1; }
ninja -C "$clang" -j2 dmremap_sim >"$build/clang-build.log" 2>&1 || { tail -20 "$build/clang-build.log"; exit 1; }

hashes() { "$1" --seed 1 --histories 50 --trace-hash --keep-going | grep ^trace_hash; }
first=$(hashes "$simulator")
[ "$(wc -l <<<"$first")" -eq 50 ]
diff <(echo "$first") <(hashes "$simulator") || { echo 'a seed has another history the second time'; exit 1; }
diff <(echo "$first") <(hashes "$clang/tests/sim/dmremap_sim") || { echo 'g++ and clang++ make different histories'; exit 1; }
echo '50 histories: the same twice, and with g++ and clang++'
