# shellcheck shell=bash
# Failures of memory on order, for groups on the kernel "debug": all that the modules' code allocates is counted, and one of
# it fails. Sourced after lib.sh and devices.sh.

ATTRIBUTES=(/sys/kernel/debug/failslab /sys/kernel/debug/fail_page_alloc)
PLACES=/run/places
SWEPT=/run/swept
STRIDE=1
FAILING=

# Only what is called from the modules' text counts, whoever allocates it; not what the kernel's own checkers ask for, nor
# what the block layer needs for a request: it has reserves, or reports an error, which other groups are about.
failing_prepare() {
	local first last attribute reject cache symbols=/run/kallsyms
	grep ' [tT] ' /proc/kallsyms | sort >$symbols
	read -r first last < <(grep -F '[dm_remap' $symbols | sed -n '1p;$p' | cut -d' ' -f1 | xargs)
	last=$(printf %x $((0x$last + 4096)))
	assert_eq '' "$(awk -v first="$first" -v last="$last" '$1 >= first && $1 < last && !/\[dm_remap/' $symbols)" \
		'what of other modules lies between ours'
	mapfile -t reject < <(grep -A1 ' submit_bio$' $symbols | cut -d' ' -f1)
	for attribute in "${ATTRIBUTES[@]}"; do
		echo N >"$attribute/ignore-gfp-wait"
		echo 0 >"$attribute/verbose"
		echo 0 >"$attribute/probability"
		echo 32 >"$attribute/stacktrace-depth"
		echo "0x$first" >"$attribute/require-start"
		echo "0x$last" >"$attribute/require-end"
		echo "0x${reject[0]}" >"$attribute/reject-start"
		echo "0x${reject[1]}" >"$attribute/reject-end"
		# Counts downwards: how many have failed.
		echo 1000000 >"$attribute/times"
	done
	for cache in /sys/kernel/slab/*; do
		[[ $cache == */kmemleak_* || $cache == */debug_objects_* ]] || echo 1 >"$cache/failslab"
	done
	echo Y >/sys/kernel/debug/failslab/cache-filter
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	# To see which there are: a stack for each allocation of chosen tasks.
	mountpoint -q $TRACE || mount -t tracefs none $TRACE
	echo 1 >$TRACE/options/stacktrace
	echo 1 >$TRACE/options/sym-offset # with the module's name
	: >$PLACES
	: >$SWEPT
}

# dm WORDS...: an order to doer.py; sets ANSWER to what it says, and fails with its error number.
dm() {
	local status
	printf '%s\n' "$*" >&"$ORDERS"
	read -r status ANSWER <&"$ANSWERS" || status=1
	((status == 0)) || [[ $FAILING ]] || say "dm $*: $status $ANSWER" >&2
	return "$status"
}
doer_start() {
	mkfifo /run/orders /run/answers
	"$REPO/tests/vm/debug/doer.py" </run/orders >/run/answers &
	exec {ORDERS}>/run/orders {ANSWERS}</run/answers
}

ALLOCATIONS=(kmem/kmalloc kmem/kmem_cache_alloc kmem/mm_page_alloc)
# watch NAME [workers]: of each allocation that do_NAME asks for the innermost place of ours.
watch() {
	local event
	for event in "${ALLOCATIONS[@]}"; do echo 1 >"$TRACE/events/$event/enable"; done
	echo >$TRACE/trace
	dm watch ${2:-}
	"do_$1" || fail "'$1', without any failure: $ANSWER" || return
	dm unfail
	for event in "${ALLOCATIONS[@]}"; do echo 0 >"$TRACE/events/$event/enable"; done
	# A stack begins with a line that names its event.
	awk '/<stack trace>/ { new = 1 } new && /^ => .*\[dm_remap/ { print $2, $3; new = 0 }' $TRACE/trace >>$PLACES
}

# sweep NAME [workers]: between before_NAME and after_NAME STATUS do_NAME, once more and once more, with the first, the
# second, … allocation failing, in the task that does it or in workers. Until one pass has seen none fail: that one must
# succeed. With a STRIDE only one in so many fails.
sweep() {
	local name=$1 who=${2:-} n=0 status said failed total=0
	"before_$name"
	watch "$name" "$who"
	"after_$name" 0
	for ((n = 1; ; n += STRIDE)); do
		"before_$name"
		dm fail $n "$who"
		status=0 FAILING=yes
		"do_$name" || status=$?
		said=$ANSWER FAILING=
		dm unfail
		failed=$ANSWER
		"after_$name" $status || fail "pass $n of '$name', which has said: $status $said" || return
		((failed)) || break
		total=$((total + failed))
	done
	((status == 0)) || fail "without any failure '$name' fails: $said" || return
	say "$name${who:+, $who}: $total allocations failed, in $(((n - 1) / STRIDE)) passes"
	echo "$total" >>$SWEPT
}

# every INTERVAL: not once, but now and then: of so many allocations beneath the modules' code one fails; 0 for none.
every() {
	local attribute
	for attribute in "${ATTRIBUTES[@]}"; do
		echo "$1" >"$attribute/interval"
		echo $(($1 ? 100 : 0)) >"$attribute/probability"
	done
}

# places: what was swept, in all.
places() {
	local swept
	swept=$(awk '{ sum += $1 } END { print sum }' $SWEPT)
	sort $PLACES | uniq -c | sort -rn
	say "swept: $swept allocations failed; the modules were seen to allocate at $(sort -u $PLACES | wc -l) places"
	# A part of the sweep may be small.
	assert_num $((swept * STRIDE)) -ge $((${#ONLY} ? 1 : 100))
}
