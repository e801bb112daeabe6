#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# negative.sh <release>
#
# Shows that the gates can fail. Every file in negative/ is a small module,
# built by the rules of the real Kbuild, that does one thing wrong. Its
# comments say what the gates must answer, and nothing else may be reported:
#   expect: <rule>...      of check_modules (none: the module passes)
#   log: <regex>           what the build's log must warn of (none: nothing)
#   as: <module>           whose rules apply, dm-remap unless given
#   flags: <flags>         added to the compiler's
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
release=${1:?usage: negative.sh <release>}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0

pass() { echo "ok   $1"; }
fail() { echo "FAIL negative $1: $2"; failures=$((failures + 1)); }
field() { sed -n "s|^// $1: *||p" "$2"; }

mkdir -p "$tmp/src/shim/probes"
cp "$top/Makefile" "$tmp/"
cp "$top"/src/shim/probes/{run.sh,collect.sh,probe.h,control_*.c} "$tmp/src/shim/probes/"
cp "$here"/negative/* "$tmp/src/"
cp -r "$top/include" "$tmp/"
mkdir -p "$tmp/src"/{metadata,spare_pool,reassembly,stats}

{
	for file in "$here"/negative/*.c*; do
		name=$(basename "${file%.*}")
		echo "obj-m += neg-$name.o"
		echo "neg-$name-y := src/$name.o src/$name.runtime.o"
		echo "CFLAGS_$name.o := $(field flags "$file")"
		echo "CXXFLAGS_$name.o := $(field flags "$file")"
		{
			cat "$top/src/shim/runtime.c"
			echo "#include <linux/module.h>"
			echo "MODULE_LICENSE(\"GPL\"); MODULE_DESCRIPTION(\"negative case\");"
		} >"$tmp/src/$name.runtime.c"
	done
	sed '0,/^# ==== Rules ====/d' "$top/Kbuild"
} >"$tmp/Kbuild"

# No type information for the debugger: it takes most of the time.
build() { make -C "$tmp" modules KVER="$release" KBUILD_MODPOST_WARN=1 CONFIG_DEBUG_INFO_BTF_MODULES= >"$tmp/log" 2>&1; }

# Undefined symbols stop modpost, but the gate must see them too. Modpost names
# the first ten only, hence they are no part of what is asked of the log.
if ! build; then
	tail -n 30 "$tmp/log"
	echo "FAIL negative: the modules do not build"
	exit 1
fi

for file in "$here"/negative/*.c*; do
	name=$(basename "${file%.*}")
	module=$(field as "$file")
	module=${module:-dm-remap}
	expected=$(field expect "$file" | tr ' ' '\n' | sort)

	dir=$tmp/case/$name
	mkdir -p "$dir"
	for suffix in ko mod; do
		cp "$tmp/build/$release/neg-$name.$suffix" "$dir/$module.$suffix"
	done
	cp "$tmp/build/$release/.identity" "$dir/"
	status=0
	"$here/check_modules.sh" --modules "$module" "$dir" >"$dir/report" 2>&1 || status=$?
	reported=$(sed -n 's/^FAIL \([^ ]*\) .*/\1/p' "$dir/report" | sort -u)
	if [[ $reported != "$expected" || $status != "$((${#expected} > 0))" ]]; then
		fail "$name" "expected '${expected//$'\n'/ }' but got, with status $status: $(<"$dir/report")"
		continue
	fi

	pattern=$(field log "$file")
	grep -E "\b(neg-)?$name(\.o|\.cc?|\.ko)\b" "$tmp/log" | grep -vE '^ +(CC|CXX|LD|BTF|MODPOST)|undefined!$' >"$dir/log" || true
	status=0
	"$here/build_quiet.sh" --log "$dir/log" >"$dir/quiet" || status=$?
	if [[ $pattern ]] && { ((status == 0)) || ! grep -qE "^FAIL build-quiet .*$pattern" "$dir/quiet"; }; then
		fail "$name" "the log should warn of '$pattern' but has: $(<"$dir/log")"
	elif [[ ! $pattern && $status != 0 ]]; then
		fail "$name" "unexpected in the log: $(<"$dir/quiet")"
	else
		pass "$name: ${expected//$'\n'/ }${pattern:+ [log: $pattern]}"
	fi
done

# Probes that cannot decide, and controls that decide wrongly, stop the build.
broken_probe() { # <name> <expected message> <probe's file name>, the probe on stdin
	local probe=$tmp/src/shim/probes/$3 keep=
	[[ ! -e $probe ]] || { keep=$tmp/keep; cp "$probe" "$keep"; }
	cat >"$probe"
	if build; then
		fail "$1" "the build went through"
	elif ! grep -q "$2" "$tmp/log"; then
		fail "$1" "no '$2' in the log: $(tail -n 5 "$tmp/log")"
	else
		pass "$1"
	fi
	if [[ $keep ]]; then mv "$keep" "$probe"; else rm "$probe"; fi
}
broken_probe probe-neither 'probe broken: .*zz.c: compiles neither' zz.c <<<'#include <linux/no_such_header.h>'
broken_probe probe-both 'probe broken: .*zz.c: compiles as present and as absent' zz.c <<<'int zz;'
broken_probe control-present 'probes broken: control_present gave 0' control_present.c <<'END'
#ifndef DMR_PROBE_ABSENT
#error
#endif
END
broken_probe control-absent 'probes broken: control_absent gave 1' control_absent.c <<'END'
#ifdef DMR_PROBE_ABSENT
#error
#endif
END

# check_sources, on a tree with one bad line per rule.
bad_source() { # <rule> <file> [<other file> <its source>], the source on stdin
	local root=$tmp/sources
	rm -rf "$root"
	mkdir -p "$root/src/shim" "$root"/src/core/{target,engine,recovery,map,index}
	echo '// A volatile cache. "volatile" __ATOMIC_SEQ_CST' >"$root/src/core/map/good.cc"
	echo 'void f() { asm volatile(""); }' >>"$root/src/core/map/good.cc"
	echo '#include "core/index/good.hh"' >>"$root/src/core/map/good.cc"
	echo 'int x;' >"$root/src/core/index/good.hh"
	cat >"$root/$2"
	if [[ ${3:-} ]]; then mkdir -p "$root/${3%/*}" && echo "$4" >"$root/$3"; fi
	if "$here/check_sources.sh" "$root" >"$tmp/report" ||
		[[ $(sed 's/:[0-9]*: .*//' "$tmp/report") != "FAIL $1 $2" ]]; then
		fail "$1" "$(<"$tmp/report")"
	else
		pass "$1"
	fi
}
bad_source kernel-header src/core/map/bad.cc <<<'#include <linux/types.h>'
bad_source standard-header src/core/map/bad.hh <<<'#include <vector>'
bad_source volatile src/core/map/bad.cc <<<'volatile int x;'
bad_source seq-cst src/core/map/bad.cc <<<'int f(int *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }'
bad_source room src/core/index/bad.cc src/core/map/good.hh 'int x;' <<<'#include "core/map/good.hh"'
bad_source room src/core/bad.cc <<<'int x;'
bad_source room src/core/engine/bad.c <<<'int x;'
bad_source room src/core/index/bad.cc src/metadata/good.hh 'int x;' <<<'#include "metadata/good.hh"'
bad_source include-name src/core/map/bad.cc <<<'#include "../index/good.hh"'
bad_source include-name src/core/index/bad.cc <<<'#include "good.hh"'
bad_source circle src/core/map/bad.hh <<<$'#include "core/index/good.hh"\n#include "core/map/good.hh"' \
	src/core/map/good.hh '#include "core/map/bad.hh"'
bad_source cxx-in-shim src/shim/bad.cc <<<'int x;'

# A sound module of a stock kernel, said to be one of an instrumented one.
echo 'CONFIG_KASAN=y' >"$tmp/config"
if "$here/check_modules.sh" --config "$tmp/config" --modules dm-remap "$tmp/case/good" >"$tmp/report" 2>&1 ||
	[[ $(sed 's/:.*//' "$tmp/report" | sort -u) != 'FAIL not-instrumented dm-remap' ]]; then
	fail not-instrumented "$(<"$tmp/report")"
else
	pass not-instrumented
fi

# A module that was not built is not a module without faults.
mkdir -p "$tmp/case/none"
if "$here/check_modules.sh" "$tmp/case/none" >"$tmp/report" 2>&1 ||
	[[ $(grep -c '^FAIL missing-module' "$tmp/report") != 5 ]]; then
	fail missing-module "$(<"$tmp/report")"
else
	pass missing-module
fi

((failures == 0)) || { echo "$failures of the gates do not work"; exit 1; }
