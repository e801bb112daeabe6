#!/bin/bash
# Runs as the guest's first process after init: prepares the machine, runs the script, reports how it ended.
set -a
. /run/vm/run.conf
set +a

for dir in /sys/class/virtio-ports/*; do
	read -r name <"$dir/name"
	printf -v "port_$name" %s "/dev/${dir##*/}"
done

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=${TERM:-dumb}
export VM_LIB=/run/vm/guest/lib.sh VM_STATE=/state
# shellcheck disable=SC2154
export VM_CTL=$port_ctl
# shellcheck disable=SC2154
exec </dev/null >"$port_out" 2>&1

# From here on all that the kernel says goes to the log; during boot only what is worrying.
echo 8 >/proc/sys/kernel/printk
# No udev runs here: libdevmapper and mdadm must make their own nodes.
export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1

. /run/vm/guest/lib.sh
host ready >/dev/null
cd "$REPO" || exit
mapfile -t args </run/vm/args
setsid bash "$SCRIPT" "${args[@]}"
status=$?

# What a leak or a swallowed warning leaves behind.
leaks_to_klog
host exit "$status" "$(</proc/sys/kernel/tainted)" >/dev/null
# The harness ends the machine; the first process must not end before.
exec sleep infinity
