#!/bin/bash
# `dmremap doctor` on a machine: who uses main itself, now or after a boot, and how its disks are set.
# on: 6.12
# vm: drives=main:64M:scsi,spare:32M:scsi,nameless:64M:virtio modules=required smp=1 timeout=1200
. "$VM_LIB"
. "${VM_LIB%/*}/remap.sh"
. "${VM_LIB%/*}/tool.sh"

# examined STATUS [OPTION...]: what doctor finds, "id" or "id@where" in one line in $FOUND; of other kernels than this one, and whether
# there is a smartctl, the host decides. The document is in $OUT.
examined() {
	local expected=$1 status=0
	shift
	OUT=$("$TOOL" doctor --json "$@" 2>/run/stderr) || status=$?
	FOUND=$(perl -MJSON::PP -e 'print join(" ", map { $_->{id} } grep { $_->{id} ne "modules" } @{decode_json(shift)->{findings}}), "\n"' "$OUT")
	[[ -z $expected ]] || assert_eq "$expected" "$status" "the exit status of doctor $*"$'\n'"$OUT"
}
of() { # ID text|action|where: of the first with this id
	perl -MJSON::PP -e 'my ($d, $id, $key) = @ARGV; print map { $_->{$key} } (grep { $_->{id} eq $id } @{decode_json($d)->{findings}})[0]' "$OUT" "$1" "$2"
}
written() { of "$1" action | sed "s/^[^']*'\([^']*\)'.*/\1/"; } # ID: the line to write
through() { echo 'write through' >"/sys/block/${1##*/}/queue/write_cache"; }

start_blank() { # [DEVICE]
	MAIN=${1:-$(drive main)} SPARE=$(drive spare)
	wipe "$MAIN" "$SPARE"
	blockdev --rereadpt "$MAIN"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	mkdir -p /run/mnt
	defer 'dm_remove_if_there x; host heal main'
	through "$MAIN"
	through "$SPARE"
}
create() { "$TOOL" create x --main "$MAIN" --spare "$SPARE" "$@" >/dev/null 2>/run/stderr || fail "$(</run/stderr)"; }

nothing_amiss() {
	start_blank
	rm -rf /run/dm-remap
	examined 0
	assert_contains "$("$TOOL" doctor)" 'no set runs'
	create
	mkfs.ext4 -qF $X
	examined ''
	assert_eq '' "$FOUND"
	host bad main 1000:8
	pattern_write $X 1000 8 new
	examined ''
	assert_eq not-guarded "$FOUND"
	assert_contains "$(of not-guarded text)" "takes it for a filesystem of type ext4"
	pattern_check $X 1000 8 new
	examined 3 other
}

# A set that does not run, and its main mounted.
raw_main_mounted() {
	start_blank
	create
	mkfs.ext4 -qF $X
	"$TOOL" close x
	mount "$MAIN" /run/mnt
	defer '! mountpoint -q /run/mnt || umount /run/mnt'
	examined 1
	assert_eq 'in-use not-running' "$FOUND"
	assert_contains "$(of in-use text)" "$MAIN is mounted on /run/mnt"
	assert_contains "$(of in-use action)" "unmount it; then use $X"
	examined 2 --test
	umount /run/mnt
	examined 1
	assert_eq not-running "$FOUND"
	assert_eq "'dmremap open x'" "$(of not-running action)"
	"$TOOL" open x >/dev/null
	examined ''
	assert_eq '' "$FOUND"
}

swap_and_absent() {
	start_blank
	create
	"$TOOL" close x
	mkswap -q "$MAIN"
	swapon "$MAIN"
	defer "swapoff $MAIN 2>/dev/null || true"
	examined 1
	assert_contains "$(of in-use action)" "swapoff $MAIN"
	swapoff "$MAIN"
	sed -i "s|main=[^ ]*|main=/dev/gone|; s|@$SPARE:|@/dev/lost:|" "$DM_REMAP_CONFIG"
	examined 1
	assert_eq 'not-running main-absent spare-absent' "$FOUND"
	assert_contains "$OUT" '/dev/lost'
}

# As the machine has it, line by line.
after_a_boot() {
	start_blank
	create
	mkfs.ext4 -qF $X
	cp /etc/fstab /run/fstab
	defer 'cp /run/fstab /etc/fstab'
	echo "UUID=$(blkid -s UUID -o value $X) /srv ext4 defaults 0 2" >/etc/fstab
	examined 1
	assert_eq fstab "$FOUND"
	assert_eq "$X /srv ext4 noauto 0 2" "$(written fstab)"
	written fstab >/etc/fstab
	examined ''
	assert_eq '' "$FOUND"
	mount /srv
	umount /srv
	mkdir -p /lib/modules/9.9-test
	touch /lib/modules/9.9-test/modules.order
	examined 1
	assert_contains "$OUT" 'kernel 9.9-test lacks dm-remap, dm-remap-metadata'
}

# The line that it says does what it is to do, with LVM itself.
volume_group() {
	local only_x
	start_blank
	create
	only_x="devices { filter = [ \"r|^$MAIN\$|\" ] }"
	pvcreate -qq --config "$only_x" $X
	vgcreate -qq --config "$only_x" group $X
	examined 1
	assert_eq lvm "$FOUND"
	cp /etc/lvm/lvm.conf /run/lvm.conf
	defer 'cp /run/lvm.conf /etc/lvm/lvm.conf'
	"$TOOL" close x
	assert_eq "$MAIN" "$(pvs --noheadings -o pv_name | xargs)" 'without the line'
	written lvm >>/etc/lvm/lvm.conf
	assert_eq '' "$(pvs --noheadings -o pv_name | xargs)" 'with the line'
	"$TOOL" open x >/dev/null
	assert_eq $X "$(pvs --noheadings -o pv_name | xargs)"
	examined ''
	assert_eq '' "$FOUND"
}

partitions() {
	local uuid
	start_blank
	echo ',16M' | sfdisk -q "$MAIN"
	mkfs.ext4 -qF "${MAIN}1"
	uuid=$(blkid -s UUID -o value "${MAIN}1")
	create
	cp /etc/fstab /run/fstab
	defer 'cp /run/fstab /etc/fstab'
	echo "UUID=$uuid /srv ext4 defaults 0 2" >/etc/fstab
	examined 1
	assert_eq "${X}1 /srv ext4 noauto 0 2" "$(written fstab)"
	assert_contains "$(of fstab action)" "kpartx -a $X"
	"$TOOL" close x
	mount "${MAIN}1" /run/mnt
	defer '! mountpoint -q /run/mnt || umount /run/mnt'
	examined 1
	assert_contains "$(of in-use text)" "${MAIN}1 is mounted on /run/mnt"
	umount /run/mnt
	# Both on one disk.
	echo ',8M' | sfdisk -q --append "$MAIN"
	rm -rf "${DM_REMAP_CONFIG%/*}"
	cp /run/fstab /etc/fstab
	SPARE=${MAIN}2 MAIN=${MAIN}1
	wipe "$SPARE"
	create
	examined 1
	assert_eq same-disk "$FOUND"
}

disks() {
	start_blank
	create
	for device in "$MAIN" "$SPARE"; do echo 'write back' >"/sys/block/${device##*/}/queue/write_cache"; done
	examined 1
	assert_eq 'cache spare-cache' "$FOUND"
	assert_contains "$(of cache action)" "sdparm --clear=WCE --save $MAIN"
	through "$MAIN"
	examined ''
	assert_eq spare-cache "$FOUND"
	through "$SPARE"
	# What a SATA disk says.
	mkdir -p /run/bin
	printf '#!/bin/sh\necho "$*" >/run/asked\ncat /run/smart\n' >/run/bin/smartctl
	chmod +x /run/bin/smartctl
	echo '{"device":{"protocol":"ATA"},"ata_sct_erc":{"read":{"enabled":false},"write":{"enabled":false}}}' >/run/smart
	PATH=/run/bin:$PATH examined 1
	assert_eq erc "$FOUND"
	assert_contains "$(of erc action)" "smartctl -l scterc,70,70 $MAIN"
	assert_eq "--json=c -l scterc $MAIN" "$(</run/asked)"
	echo 180 >"/sys/block/${MAIN##*/}/device/timeout"
	PATH=/run/bin:$PATH examined ''
	assert_eq '' "$FOUND"
	echo 30 >"/sys/block/${MAIN##*/}/device/timeout"
	# Nobody can name it.
	"$TOOL" close x
	start_blank "$(drive nameless)"
	create
	examined 1
	assert_eq identity "$FOUND"
}

# Nothing is read from it.
suspended() {
	start_blank
	create
	mkfs.ext4 -qF $X
	dmsetup suspend x
	defer 'dmsetup resume x'
	examined ''
	assert_eq '' "$FOUND"
}

tool_install
modules_load
test_case 'a set over a failing disk, and nothing amiss' nothing_amiss
test_case 'main is mounted' raw_main_mounted
test_case 'main is swap, and what is not there' swap_and_absent
test_case 'what the next boot would do' after_a_boot
test_case 'LVM, with the line that is said' volume_group
test_case 'partitions' partitions
test_case 'how disks are set' disks
test_case 'a set that is suspended' suspended
modules_unload
