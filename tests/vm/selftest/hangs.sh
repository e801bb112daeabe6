# vm: modules=none timeout=40 smp=1
. "$VM_LIB"
good() { true; }
test_case 'a good test' good
sleep infinity
