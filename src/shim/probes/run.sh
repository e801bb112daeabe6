#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh <result> <probe.c> <compiler> <flags...>
#
# Compiles a probe twice: as it is, which must work if the API is there, and
# with DMR_PROBE_ABSENT, which must work if it is not. Exactly one may
# compile. So a missing header, a bad flag or an API that changed once more
# stops the build, and is not taken for "absent".

result=$1 probe=$2
shift 2

compile() {
	"$@" -Werror -Wno-unused -Wno-missing-prototypes -Wno-missing-declarations \
		-fms-extensions -S -o "$result.s" "$probe"
}

compile "$@" -UDMR_PROBE_ABSENT >"$result.present.log" 2>&1 && present=1 || present=0
compile "$@" -DDMR_PROBE_ABSENT >"$result.absent.log" 2>&1 && absent=1 || absent=0
rm -f "$result.s"

case $present$absent in
10) echo 1 >"$result" ;;
01) echo 0 >"$result" ;;
11)
	echo "error: probe broken: $probe: compiles as present and as absent" >&2
	exit 1 ;;
00)
	echo "error: probe broken: $probe: compiles neither as present nor as absent" >&2
	head -n 5 "$result.present.log" "$result.absent.log" >&2
	exit 1 ;;
esac
