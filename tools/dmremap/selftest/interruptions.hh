// SPDX-License-Identifier: GPL-2.0
// Of a verb that has something to clean up: signals that would end it wait until it asks for them.
#ifndef DMREMAP_SELFTEST_INTERRUPTIONS_HH
#define DMREMAP_SELFTEST_INTERRUPTIONS_HH

#include <csignal>

namespace dm_remap::tool {

class Interruptions final {
public:
	// SIGINT, SIGTERM, SIGHUP and SIGQUIT wait; who reads the answer may go: that is an error of the output then.
	Interruptions();
	// What came is forgotten.
	~Interruptions();
	Interruptions(const Interruptions &) = delete;
	Interruptions &operator=(const Interruptions &) = delete;

	// Throws Failure "interrupted" if one of them has come.
	void stop_if_any() const;

private:
	sigset_t ours_, before_;
};

} // namespace dm_remap::tool

#endif
