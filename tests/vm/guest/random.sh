# shellcheck shell=bash
# What tests draw at random, above all where disks go bad. Sourced by lib.sh.
#
# A draw follows from the run's seed ($SEED, from run_group.py --seed), the name of the test and the words that it is given,
# and from nothing else. So it is the same when the run is repeated, when the test runs alone (--only), in a subshell, and
# whatever goes on beside it; and two draws that shall differ are given different words.

# draw_for WORD...: begins the sequence of these words; draw_next gives its numbers.
draw_for() {
	local text="$SEED $TEST_NAME $*" code i
	DRAW_STATE=1
	for ((i = 0; i < ${#text}; i++)); do
		printf -v code %d "'${text:i:1}"
		DRAW_STATE=$(((DRAW_STATE ^ code) * 0x100000001b3))
	done
}
# draw_next LIMIT: sets DRAWN to a number from 0 to LIMIT - 1. (splitmix64; the shell's shifts carry the sign along.)
draw_next() {
	local z
	DRAW_STATE=$((DRAW_STATE + 0x9e3779b97f4a7c15))
	z=$(((DRAW_STATE ^ (DRAW_STATE >> 30 & 0x3ffffffff)) * 0xbf58476d1ce4e5b9))
	z=$(((z ^ (z >> 27 & 0x1fffffffff)) * 0x94d049bb133111eb))
	DRAWN=$((((z ^ (z >> 31 & 0x1ffffffff)) & 0x7fffffffffffffff) % $1))
}

random_number() { draw_for "${@:2}" && draw_next "$1" && echo "$DRAWN"; } # LIMIT WORD...: prints a number from 0 to LIMIT - 1

# random_ranges COUNT LENGTH FIRST END WORD...: prints COUNT ranges of LENGTH sectors from FIRST to before END, as 'host bad'
# takes them. One in each of COUNT equal parts, so that no two overlap.
random_ranges() {
	local i part=$((($4 - $3) / $1))
	((part >= $2)) || fail "$1 ranges of $2 sectors have no room from $3 to $4" || return
	draw_for "${@:5}"
	for ((i = 0; i < $1; i++)); do
		draw_next $((part - $2 + 1))
		echo "$(($3 + i * part + DRAWN)):$2"
	done
}

# count_sectors RANGE...: how many different sectors are in them?
count_sectors() {
	printf '%s\n' "$@" | awk -F: 'NF { for (i = 0; i < ($2 ? $2 : 1); i++) if (!seen[$1 + i]++) n++ } END { print n + 0 }'
}
