// SPDX-License-Identifier: GPL-2.0
// RCU as the simulator has it: memory lives until every reader that was inside when it was given up is out.
#ifndef DMR_HOST_RCU_HH
#define DMR_HOST_RCU_HH

#include "host/scheduler.hh"

#include <cstdint>
#include <deque>
#include <vector>

namespace dm_remap::host {

class Rcu final {
public:
	// A reader's section, by the rules of rcu_read_lock(): nests, no blocking inside.
	void lock(Scheduler &scheduler);
	void unlock(Scheduler &scheduler);
	// Free p (a dmr_alloc) at the first grace period allowed, which is now if nobody reads.
	void free_later(void *p);
	// Wait until every reader that is inside now is out. False past the deadline.
	bool synchronize(Scheduler &scheduler, uint64_t deadline = Scheduler::never);
	void forget(); // the power has gone: readers and what was to be freed

	size_t readers() const { return inside_.size(); }
	size_t deferred() const { return deferred_.size(); }

private:
	struct Deferred {
		void *p;
		uint64_t given_up;
	};

	bool older_inside(uint64_t than) const;
	void collect();

	uint64_t clock_ = 0;
	std::vector<uint64_t> inside_; // tickets: when they came in
	std::deque<Deferred> deferred_;
	WaitQueue left_;
};

// Without a World (threaded tests): dmr_free_rcu() only collects; this frees. No reader may be inside.
void free_deferred();

} // namespace dm_remap::host

#endif
