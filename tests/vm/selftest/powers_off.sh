# vm: modules=none smp=1
# Gone without a word: neither a phase nor an end.
. "$VM_LIB"
good() { true; }
test_case 'a good test' good
echo o >/proc/sysrq-trigger
sleep infinity
