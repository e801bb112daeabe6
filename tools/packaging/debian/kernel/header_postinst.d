#!/bin/sh
# The headers of a kernel were installed.
[ -x /usr/libexec/dm-remap/modules ] || exit 0
/usr/libexec/dm-remap/modules build "$1" || echo "dm-remap: no modules for $1" >&2
exit 0
