#!/bin/bash
# The part of stress.py that runs in the virtual machine: two remap devices over disks that fail, and dmr_stress, which
# does all at once to them and calls this script again, with `again` alone, to have the devices made anew.
#
# stress.sh PROGRAM SEED SECONDS
# The spares of *strict* have no cache: a write that one refuses is no flush that it fails.
# vm: drives=smain:128M:scsi,s0:32M:scsi:nowce,s1:32M:scsi:nowce,s2:32M:scsi:nowce,s3:32M:scsi:nowce,s4:32M:scsi:nowce
# vm: drives=rmain:64M:virtio,r0:32M:scsi,r1:32M:scsi,r2:32M:scsi,r3:32M:scsi,r4:32M:scsi
# vm: modules=required smp=2 memory=2G
# shellcheck source=/dev/null
. "$VM_LIB"
# shellcheck source=/dev/null
. "${VM_LIB%/*}/remap.sh"
set -eu
TABLES=/dev/shm/tables

# create SIDE: by the line in $TABLES.
create() { dmsetup create "$1" --uuid "DMR-STRESS-$1" <"$TABLES/$1"; }

if [[ $1 == again ]]; then
	for side in strict rough; do
		dmsetup table $side >"$TABLES/$side"
		dmsetup remove --retry $side
	done
	modules_unload
	modules_load
	for side in strict rough; do create $side; done
	exit
fi
program=$1 seed=$2 seconds=$3

# What drives and spares complain of is expected; worse is shown.
dmesg -n 5
# A machine that shares its processors is slow; dmr_stress itself waits less long, and tells more.
echo 400 >/proc/sys/kernel/hung_task_timeout_secs
modules_load
modprobe dm_flakey
mkdir -p "$TABLES"

disks=() gates=()
for name in smain s0 s1 s2 s3 s4 rmain r0 r1 r2 r3 r4; do
	node=$(drive $name) gate=
	if [[ $name != s? ]]; then
		gate=DMR-GATE-$name
		dmsetup create "gate-$name" --uuid "$gate" --table "0 $(sectors_of "$node") linear $node 0"
		gates+=("gate-$name")
	fi
	disks+=("$name:$node${gate:+:$gate}")
done

# line MAIN SPARE...: the pool is as large as the plan has it in the beginning.
line() {
	local spare features=()
	for spare in "${@:3}"; do features+=(spare "$spare" 0 "$(sectors_of "$spare")"); done
	remap_line "$1" "$2" "${features[@]}"
}
line /dev/mapper/gate-smain "$(drive s0)" "$(drive s1)" "$(drive s2)" >"$TABLES/strict"
line /dev/mapper/gate-rmain /dev/mapper/gate-r{0,1,2} >"$TABLES/rough"
for side in strict rough; do create $side; done

cp "$program" /dev/shm/dmr_stress
/dev/shm/dmr_stress run "$seed" "$seconds" "bash $0 again" "${disks[@]}"

for side in strict rough; do
	remap_get $side generation extents remapped pending used bad mode
	dmsetup remove --retry $side
done
for name in "${gates[@]}"; do dmsetup remove --retry "$name"; done
modules_unload
