// SPDX-License-Identifier: GPL-2.0
#include "host/rcu.hh"

#include "host/memory.hh"

#include <algorithm>

namespace dm_remap::host {

void Rcu::lock(Scheduler &scheduler)
{
	Fiber &self = scheduler.self();

	if (self.rcu_depth++ == 0) {
		self.rcu_ticket = ++clock_;
		inside_.push_back(self.rcu_ticket);
	}
}

void Rcu::unlock(Scheduler &scheduler)
{
	Fiber &self = scheduler.self();

	if (--self.rcu_depth)
		return;
	inside_.erase(std::find(inside_.begin(), inside_.end(), self.rcu_ticket));
	collect();
	scheduler.wake_all(left_);
}

bool Rcu::older_inside(uint64_t than) const
{
	return std::any_of(inside_.begin(), inside_.end(), [=](uint64_t ticket) { return ticket <= than; });
}

void Rcu::collect()
{
	while (!deferred_.empty() && !older_inside(deferred_.front().given_up)) {
		Memory::release(deferred_.front().p);
		deferred_.pop_front();
	}
}

void Rcu::free_later(void *p)
{
	deferred_.push_back({p, clock_});
	collect();
}

bool Rcu::synchronize(Scheduler &scheduler, uint64_t deadline)
{
	const uint64_t now = clock_;

	while (older_inside(now)) {
		if (!scheduler.wait(left_, deadline))
			return false;
	}
	return true;
}

void Rcu::forget()
{
	inside_.clear();
	deferred_.clear();
	left_ = WaitQueue();
}

} // namespace dm_remap::host
