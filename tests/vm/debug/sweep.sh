# shellcheck shell=bash
# Failures of memory on order, for groups on the kernel "debug": all that the modules' code allocates is counted, and one of
# it fails. Sourced after lib.sh and devices.sh.

ATTRIBUTES=(/sys/kernel/debug/failslab /sys/kernel/debug/fail_page_alloc)
PLACES=/run/places
SWEPT=/run/swept
STRIDE=1

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
	: >$PLACES
	: >$SWEPT
}

# Sets FAILED; without a process of its own, as there are thousands of passes.
failed_so_far() {
	local slab page
	read -r slab <${ATTRIBUTES[0]}/times
	read -r page <${ATTRIBUTES[1]}/times
	FAILED=$((2000000 - slab - page))
}

# Kernel threads that run work items. A task that begins inherits nothing: there is always an idle one, so that the first
# item of an operation meets one of these.
workers() {
	local dir name
	for dir in /proc/[0-9]*; do
		read -r name <"$dir/comm" || continue
		[[ $name != kworker/* ]] || echo "${dir##*/}"
	done 2>/dev/null
}
workers_fail() { # N
	local worker
	while read -r worker; do echo "$1" >"/proc/$worker/fail-nth" || true; done 2>/dev/null < <(workers)
}

# run_operation NAME N [workers]: of its task, or of workers, the N-th allocation fails. N may be 'watch': all are noted.
run_operation() {
	local name=$1 n=$2 who=${3:-}
	(
		exec >/run/output 2>&1
		case ${who:-task}-$n in
		task-watch) echo "$BASHPID" >$TRACE/set_event_pid ;;
		workers-watch) workers >$TRACE/set_event_pid ;;
		task-*) echo "$n" >/proc/self/fail-nth ;;
		workers-*) workers_fail "$n" ;;
		esac
		"do_$name"
	)
}

ALLOCATIONS=(kmem/kmalloc kmem/kmem_cache_alloc kmem/mm_page_alloc)
watch() { # NAME [workers]
	local event
	for event in "${ALLOCATIONS[@]}"; do echo 1 >"$TRACE/events/$event/enable"; done
	echo >$TRACE/trace
	run_operation "$1" watch "${@:2}" || true
	for event in "${ALLOCATIONS[@]}"; do echo 0 >"$TRACE/events/$event/enable"; done
	# Of each stack the innermost place of ours. It begins with a line that names its event.
	awk '/<stack trace>/ { new = 1 } new && /\[dm_remap/ { sub(/^.*=> /, ""); print; new = 0 }' $TRACE/trace >>$PLACES
	echo >$TRACE/set_event_pid
}

# sweep NAME [workers]: between before_NAME and after_NAME STATUS do_NAME, once more and once more, with the first, the
# second, … allocation failing in its own task (it ends with exec, as a child is not failed) or in workers. Until one pass has
# seen none fail: that one must succeed. With a STRIDE only one in so many fails.
sweep() {
	local name=$1 who=${2:-} n FAILED before failed status total=0
	"before_$name"
	n=0
	watch "$name" ${who:+"$who"}
	"after_$name" 0
	for ((n = 1; ; n += STRIDE)); do
		"before_$name"
		failed_so_far
		before=$FAILED
		status=0
		run_operation "$name" $n ${who:+"$who"} || status=$?
		[[ ! $who ]] || workers_fail 0
		failed_so_far
		failed=$((FAILED - before))
		"after_$name" $status || fail "pass $n of '$name', status $status: $(</run/output)"
		((failed)) || break
		total=$((total + failed))
	done
	((status == 0)) || fail "without any failure '$name' ends with status $status: $(</run/output)"
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
	say "swept: $swept allocations failed, of those at $(sort -u $PLACES | wc -l) places"
	assert_num $((swept * STRIDE)) -ge 100
}
