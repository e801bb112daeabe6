#!/bin/sh
# A kernel is being removed. What DKMS has built for it, DKMS's own hook takes away.
[ -x /usr/libexec/dm-remap/modules ] || exit 0
/usr/libexec/dm-remap/modules forget "$1"
exit 0
