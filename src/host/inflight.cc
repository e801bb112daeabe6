// SPDX-License-Identifier: GPL-2.0
#include "host/inflight.hh"

#include "host/world.hh"

using dm_remap::host::World;

void dmr_if_grace()
{
	World *world = World::current();

	world->rcu().synchronize(world->scheduler());
}

void dmr_if_wake(dmr_inflight *f)
{
	World::current()->scheduler().wake_all(f->idle);
}

bool dmr_if_wait_idle(dmr_inflight *f, unsigned int epoch, uint64_t deadline_ns)
{
	World *world = World::current();

	world->drains_waited += dmr_if_sum_acquire(f, epoch) != 0;
	while (dmr_if_sum_acquire(f, epoch)) {
		if (world->now() >= deadline_ns || !world->scheduler().wait(f->idle, deadline_ns))
			return dmr_if_sum_acquire(f, epoch) == 0;
	}
	return true;
}
