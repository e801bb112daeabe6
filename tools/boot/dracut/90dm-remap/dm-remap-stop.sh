#!/bin/sh
# A set that root is on was not started: the boot stops with the reason. Whoever leaves the shell has it tried again, unless it was to
# release main: then the system boots without the set.

if systemctl is-failed --quiet dm-remap-root.service && ! ls /run/dm-remap/released-* > /dev/null 2>&1; then
    emergency_shell "dm-remap: root is on a set that was not started. $(cat /run/dm-remap/waiting-* 2> /dev/null)
dm-remap: attach what is missing and type 'exit': it is tried again. 'dmremap status' says more; 'dmremap open --help' how to do without a spare."
    systemctl reset-failed dm-remap-root.service
    systemctl --no-block start dm-remap-root.service
fi
