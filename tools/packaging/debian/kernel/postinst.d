#!/bin/sh
# A kernel was installed. Its initramfs is made after this: "dm-remap-dkms" comes before "dracut" and "initramfs-tools".
[ -x /usr/libexec/dm-remap/modules ] || exit 0
DM_REMAP_INITRAMFS=no /usr/libexec/dm-remap/modules build "$1" || echo "dm-remap: no modules for $1" >&2
exit 0
