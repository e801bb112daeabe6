# vm: modules=none smp=1
# vm-allow: WARNING: this one is expected
. "$VM_LIB"
good() { echo 'WARNING: this one is expected' >/dev/kmsg; }
test_case 'a test that expects it' good
