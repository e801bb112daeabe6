#!/bin/bash
# The disk with the system is not there: the boot stops and says so.
# boot: layout=root absent=main timeout=600
# boot-stops: dm-remap: root is on a set that was not started.*main
# boot-stops: type 'exit': it is tried again
. "$BOOT_LIB"
test_case 'it does not boot' fail 'it has booted'
