# vm: modules=none smp=1
# Words as of a warning: the kernel itself goes on.
. "$VM_LIB"
good() { echo 'WARNING: CPU: 0 PID: 1 at drivers/md/dm-remap.c:1 remap+0x1/0x2' >/dev/kmsg; }
test_case 'a test that does not notice' good
