#!/bin/bash
# What the unit of the case runs, in the system that has booted: tells the host, runs the script, tells how it ended.
set -a
. /run/vm/run.conf
set +a
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
export VM_LIB=/run/vm/guest/lib.sh BOOT_LIB=/run/vm/boot.sh VM_CTL=/dev/virtio-ports/ctl
udevadm wait --timeout=120 /dev/virtio-ports/ctl /dev/virtio-ports/out || exit
exec >/dev/virtio-ports/out 2>&1

. "$VM_LIB"
# Booting is what is tested: a case begins when it has ended, well or not.
STATE=$(systemctl is-system-running --wait)
export STATE
host ready >/dev/null
bash "$SCRIPT"
status=$?
host exit "$status" "$(</proc/sys/kernel/tainted)" >/dev/null
