# vm: modules=none
# vm-allow: WARNING: this one is expected
. "$VM_LIB"
good() { echo 'WARNING: this one is expected' >/dev/kmsg; }
test_case 'a test that expects it' good
