#!/bin/bash
# dracut's module for dm-remap: main itself is hidden and held in the initramfs too, and root can be on a set.
# shellcheck disable=SC2154

DM_REMAP_CONF=/etc/dm-remap/sets.conf

# A machine that has sets needs it, whether root is on one or not: in the initramfs, too, somebody may look at main.
check() {
    grep -Eqs '^[[:blank:]]*set[[:blank:]]' "$dracutsysrootdir$DM_REMAP_CONF" || return 255
    require_binaries /usr/sbin/dmremap || return 1
    return 0
}

# What starts sets are units.
depends() {
    echo systemd-initrd dm rootfs-block
}

# By name: only core follows from the others.
installkernel() {
    instmods dm-remap dm-remap-metadata dm-remap-spare-pool dm-remap-reassembly dm-remap-stats
}

install() {
    inst_multiple /usr/sbin/dmremap cat ls
    # Where a shell finds it.
    [[ -e $initdir/sbin/dmremap ]] || ln_r /usr/sbin/dmremap /sbin/dmremap
    inst_simple "$DM_REMAP_CONF"
    inst_rules 59-dm-remap-main.rules 65-dm-remap-spare.rules 66-dm-remap-device.rules
    inst_multiple "$systemdsystemunitdir/dm-remap-assemble@.service" "$systemdsystemunitdir/dm-remap-hold@.service"
    inst_simple "$moddir/dm-remap-root.service" "$systemdsystemunitdir/dm-remap-root.service"
    # Not with initrd.target: the time that the sets may take begins when udev has dealt with the disks that were there at once.
    inst_hook initqueue/settled 90 "$moddir/dm-remap-settled.sh"
    dracut_need_initqueue
}
