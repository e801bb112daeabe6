# shellcheck shell=bash
# dmremap, and what it says. Sourced by groups, after remap.sh.

X=/dev/mapper/x
export DM_REMAP_CONFIG=/run/dm-remap/sets.conf
TOOL=/dev/shm/dmremap

dmremap() { "$TOOL" "$@"; }
# said STATUS WORD...: dmremap WORD... ends so; stdout is in $OUT, stderr in $ERR.
said() {
	local expected=$1 status=0
	shift
	OUT=$(dmremap "$@" 2>/run/stderr) || status=$?
	ERR=$(</run/stderr)
	assert_eq "$expected" "$status" "the exit status of dmremap $*"$'\n'"$OUT"$'\n'"$ERR"
}
# field JSON PATH...: jq's paths, values in one line.
field() {
	perl -MJSON::PP -e '
		my $d = decode_json(shift);
		sub at { my ($v, $path) = @_; for my $step (split /\./, $path) { $v = ref $v eq "ARRAY" ? $v->[$step] : $v->{$step}; } return $v; }
		print join(" ", map { my $v = at($d, $_); !defined $v ? "null" : JSON::PP::is_bool($v) ? ($v ? "true" : "false") : $v } @ARGV), "\n";
	' "$@"
}
# document VERB: $OUT is one of this verb, which described(), a test of its own at the end, looks at with all others: python takes its time to start here.
DOCUMENTS=/run/documents
document() { printf '%s %s\n' "$1" "$(tr '\n' ' ' <<<"$OUT")" >>$DOCUMENTS; }
described() {
	[[ -e $DOCUMENTS ]] || skip 'no test before has left a document'
	assert_ok python3 -c '
import json, jsonschema, sys
schema = json.load(open("docs/dmremap.schema.json"))
for line in open(sys.argv[1]):
	verb, document = line.split(" ", 1)
	jsonschema.validate(json.loads(document), {**schema, "$ref": "#/$defs/" + verb})' $DOCUMENTS
}
# start_blank: main, spare, two and three as new ones; no sets.
start_blank() {
	MAIN=$(drive main) SPARE=$(drive spare) TWO=$(drive two)
	wipe "$MAIN" "$SPARE" "$TWO" "$(drive three)"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	defer 'dm_remove_if_there x; host heal main'
}

# partition DISK START SECTORS: a DOS table.
partition() {
	perl -e 'print pack("x440Vx2x4Cx3VVx48a2", 0xD15C0001, 0x83, @ARGV, "\x55\xaa");' -- "$2" "$3" | write_sectors "$1" 0
	blockdev --rereadpt "$1"
}

tool_install() {
	cp "${VM_LIB%/*/*}/dmremap" $TOOL || fail 'there is no dmremap: cmake --build build/host --target dmremap'
}
