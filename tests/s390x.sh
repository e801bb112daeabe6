#!/bin/bash
# A big-endian machine reads and writes the same disks: s390x, cross-compiled, under qemu-user.
#
#   tests/s390x.sh
#
# There pass the unit tests of what reads and writes disks; what the engine writes in the stories that the seeds of
# fuzz_metadata are made by is the same, byte for byte; each of the seeds is read, or refused, in the same words.
# Built in build/s390x, and what it is compared with in build/format.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=tools/lib/packages.sh
. tools/lib/packages.sh
# shellcheck source-path=SCRIPTDIR
mapfile -t packages < <(packages_of s390x)
packages_install "${packages[@]}"

configure() { # BUILD CMAKE-ARGUMENT...
	cmake -S . -B "$1" -G Ninja -DDMR_FORMAT=ON "${@:2}" >"$1.log" || { cat "$1.log"; exit 1; }
}
mkdir -p build
configure build/s390x --toolchain "$PWD/tools/cmake/s390x.cmake"
configure build/format
ninja -C build/s390x
ninja -C build/format metadata_seeds metadata_replay

status=0
ctest --test-dir build/s390x --output-on-failure -j "$(nproc)" || status=1

says_the_same() { # WHAT PROGRAM ARGUMENT...: on both machines
	local what=$1 program=$2
	shift 2
	DMR_FUZZ_TELL=1 "build/format/tests/fuzz/$program" "$@" >build/format/said 2>&1
	DMR_FUZZ_TELL=1 qemu-s390x -L /usr/s390x-linux-gnu "build/s390x/tests/fuzz/$program" "$@" >build/s390x/said 2>&1
	if diff build/format/said build/s390x/said; then echo "ok   $what"; else echo "FAIL $what" && status=1; fi
}
seeds=(tests/fuzz/corpus/metadata/*)
says_the_same "${#seeds[@]} images are read as on this machine" metadata_replay "${seeds[@]}"
for build in build/format build/s390x; do
	rm -rf $build/seeds
	mkdir $build/seeds
done
build/format/tests/fuzz/metadata_seeds build/format/seeds >build/format/said
qemu-s390x -L /usr/s390x-linux-gnu build/s390x/tests/fuzz/metadata_seeds build/s390x/seeds >build/s390x/said
if diff -r build/format/seeds build/s390x/seeds; then
	echo "ok   $(wc -l <build/s390x/said) images are written as on this machine"
else
	echo 'FAIL images are written in another way'
	status=1
fi
exit $status
