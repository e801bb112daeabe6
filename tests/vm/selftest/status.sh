# vm: modules=none
. "$VM_LIB"
good() { true; }
test_case 'a good test' good
exit 3
