# vm: modules=none smp=1
. "$VM_LIB"
good() { true; }
test_case 'a good test' good
echo c >/proc/sysrq-trigger
