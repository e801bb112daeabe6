#!/bin/sh
# Again and again while root is not found and udev has nothing to do. First the sets that root is on are asked for: a spare's event does that
# too, but there may be no spare. If they were not started in their time, the boot stops with the reason. Whoever leaves the shell has it
# tried again, unless it was to release main: then the system boots without the set.

case $(systemctl show --property=ActiveState --value dm-remap-root.service) in
inactive)
    systemctl --no-block start dm-remap-root.service
    ;;
failed)
    if ! ls /run/dm-remap/released-* > /dev/null 2>&1; then
        emergency_shell "dm-remap: root is on a set that was not started. $(cat /run/dm-remap/waiting-* 2> /dev/null)
dm-remap: attach what is missing and type 'exit': it is tried again. 'dmremap status' says more; 'dmremap open NAME' tells how to do without a spare."
        systemctl reset-failed dm-remap-root.service
        systemctl --no-block start dm-remap-root.service
    fi
    ;;
esac
