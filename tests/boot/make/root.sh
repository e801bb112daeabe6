#!/bin/bash
# The set of the layout "root": main's content, the system, is put there afterwards.
. "$REPO/tests/boot/make/lib.sh"

make_set() {
	set_create safe main spare second
	dmremap close safe
}
test_case 'the set is made' make_set
sets_done
