// SPDX-License-Identifier: GPL-2.0
#include "host/rcu.hh"

#include "host/memory.hh"
#include "host/world.hh"

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

RcuGuard::RcuGuard() : world_(World::current())
{
	if (world_)
		world_->rcu().lock(world_->scheduler());
}

RcuGuard::~RcuGuard()
{
	if (world_)
		world_->rcu().unlock(world_->scheduler());
}

void RcuGuard::maybe_switch()
{
	if (world_)
		world_->scheduler().maybe_switch();
}

} // namespace dm_remap::host

void dmr_rcu_read_lock(void)
{
	if (dm_remap::host::World *world = dm_remap::host::World::current())
		world->rcu().lock(world->scheduler());
}

void dmr_rcu_read_unlock(void)
{
	if (dm_remap::host::World *world = dm_remap::host::World::current())
		world->rcu().unlock(world->scheduler());
}
