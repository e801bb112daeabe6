// SPDX-License-Identifier: GPL-2.0
// fio over an area of *strict*: pass after pass it writes all of it, in random order, and verifies. A pass has a pattern
// of its own (fio's checksums take what an earlier pass has left for right).
#ifndef DMR_STRESS_FIO_HH
#define DMR_STRESS_FIO_HH

#include "plan.hh"
#include "subject.hh"

#include <sys/types.h>

namespace dm_remap::stress {

class FioJob final {
public:
	FioJob(Subject &subject, uint32_t number) : subject_(subject), number_(number) {}

	// Before it sectors of the area go bad: nobody needs what is in them any more.
	void pass(const Action &action);
	// What the last pass has written, read once more.
	void verify();

private:
	void run(bool verify_only);

	Subject &subject_;
	const uint32_t number_;
	uint32_t pattern_ = 0;	// 0: no pass yet
};

} // namespace dm_remap::stress

#endif
