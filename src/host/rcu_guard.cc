// SPDX-License-Identifier: GPL-2.0
#include "host/rcu_guard.hh"

namespace dm_remap::host {

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
