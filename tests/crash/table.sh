# shellcheck shell=bash
# For record.sh and replay.sh.

# table_line SPARES: the line of a device over main and so many spares, all of each.
table_line() {
	local i line spare main
	main=$(drive main)
	line="0 $(sectors_of "$main") remap $main"
	for ((i = 0; i < $1; i++)); do
		spare=$(drive "spare$i")
		((i == 0)) || line+=" spare"
		line+=" $spare 0 $(sectors_of "$spare")"
		((i > 0 || $1 == 1)) || line+=" $((($1 - 1) * 4))"
	done
	echo "$line"
}
