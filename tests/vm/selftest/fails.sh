# vm: modules=none smp=1
. "$VM_LIB"
good() { true; }
bad() {
	assert_eq 1 2 'the numbers of this test'
	echo 'not reached'
}
test_case 'a good test' good
test_case 'a bad test' bad
