// SPDX-License-Identifier: GPL-2.0
#include "host/instance.hh"

#include "host/world.hh"
#include "shim/inflight_protocol.h"

#include <cerrno>

using dm_remap::host::World;

dmr_instance::dmr_instance(std::string device_name)
	: name(std::move(device_name)), boot(World::current() ? World::current()->boots() : 0)
{
}

dmr_instance::~dmr_instance()
{
	World *world = World::current();

	if (persistent && world && world->boots() == boot)
		world->give_back_persistent(name);
}

void *dmr_instance_persistent(struct dmr_instance *inst, size_t size)
{
	World *world = World::current();

	world->may_block("dmr_instance_persistent");
	if (!inst->persistent)
		inst->persistent = world->take_persistent(inst->name, size);
	return inst->persistent;
}

int dmr_drain(struct dmr_instance *inst, uint64_t deadline_ns)
{
	World *world = World::current();
	dmr_inflight *f = &inst->inflight;

	world->may_block("dmr_drain");
	while (f->locked) {
		if (!world->scheduler().wait(f->unlocked))
			return -ETIMEDOUT;
	}
	f->locked = true;
	const bool idle = dmr_inflight_drain_one(f, deadline_ns);
	f->locked = false;
	world->scheduler().wake_all(f->unlocked);
	world->trace("drained", idle);
	return idle ? 0 : -ETIMEDOUT;
}
