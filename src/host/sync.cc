// SPDX-License-Identifier: GPL-2.0
// Locks and conditions of kernel_api.h over the scheduler.
#include "host/world.hh"

#include <cstdio>
#include <cstdlib>

using dm_remap::host::BootObject;
using dm_remap::host::Fiber;
using dm_remap::host::WaitQueue;
using dm_remap::host::World;

namespace {

[[noreturn]] void fatal(const char *kind, const char *name, const char *what)
{
	std::fprintf(stderr, "dm_remap::host: %s %s: %s\n", kind, name, what);
	std::abort();
}

} // namespace

struct dmr_mutex final : BootObject {
	explicit dmr_mutex(const char *n) : name(n) {}

	const char *name;
	Fiber *owner = nullptr;
	WaitQueue waiting;
};

struct dmr_spinlock final : BootObject {
	explicit dmr_spinlock(const char *n) : name(n) {}

	const char *name;
	const Fiber *owner = nullptr;
};

struct dmr_cond final : BootObject {
	explicit dmr_cond(const char *n) : name(n) {}

	const char *name;
	WaitQueue waiting;
};

namespace {

// Blocking for ever in the main context after a power cut is a bug of the test: run the engine in a fiber.
void after_power_cut(World &world)
{
	static int calls;

	if (world.powered())
		calls = 0;
	else if (++calls > 10'000)
		fatal("main context", "", "blocks again and again after a power cut; run the engine in a fiber");
}

void lock(World &world, dmr_mutex *m)
{
	Fiber &self = world.scheduler().self();

	if (m->owner == &self)
		fatal("mutex", m->name, "locked by its owner");
	while (m->owner) {
		if (!world.scheduler().wait(m->waiting)) {
			after_power_cut(world);
			break;
		}
	}
	m->owner = &self;
}

void unlock(World &world, dmr_mutex *m)
{
	if (m->owner != &world.scheduler().self() && world.powered())
		fatal("mutex", m->name, "unlocked by somebody who does not own it");
	m->owner = nullptr;
	world.scheduler().wake_all(m->waiting);
}

template <typename T>
T *create(const char *what, const char *name)
{
	World *world = World::current();

	if (!world)
		fatal(what, name, "locks need a World");
	world->may_block(what);
	return world->memory().fail_now() ? nullptr : new T(name);
}

} // namespace

struct dmr_mutex *dmr_mutex_create(const char *name)
{
	return create<dmr_mutex>("dmr_mutex_create", name);
}

void dmr_mutex_destroy(struct dmr_mutex *m)
{
	if (m && m->owner)
		fatal("mutex", m->name, "destroyed while it is held");
	delete m;
}

void dmr_mutex_lock(struct dmr_mutex *m)
{
	World &world = *World::current();

	world.may_block("dmr_mutex_lock");
	lock(world, m);
}

void dmr_mutex_unlock(struct dmr_mutex *m)
{
	unlock(*World::current(), m);
}

struct dmr_spinlock *dmr_spinlock_create(const char *name)
{
	return create<dmr_spinlock>("dmr_spinlock_create", name);
}

void dmr_spinlock_destroy(struct dmr_spinlock *l)
{
	if (l && l->owner)
		fatal("spinlock", l->name, "destroyed while it is held");
	delete l;
}

unsigned long dmr_spin_lock(struct dmr_spinlock *l)
{
	Fiber &self = World::current()->scheduler().self();

	// Nobody can have been switched away with it: this is the holder himself.
	if (l->owner)
		fatal("spinlock", l->name, "taken while it is held");
	l->owner = &self;
	self.spinlocks++;
	return 0;
}

void dmr_spin_unlock(struct dmr_spinlock *l, unsigned long)
{
	Fiber &self = World::current()->scheduler().self();

	if (l->owner != &self)
		fatal("spinlock", l->name, "given up by somebody who does not hold it");
	l->owner = nullptr;
	self.spinlocks--;
}

struct dmr_cond *dmr_cond_create(const char *name)
{
	return create<dmr_cond>("dmr_cond_create", name);
}

void dmr_cond_destroy(struct dmr_cond *c)
{
	if (c && !c->waiting.empty())
		fatal("condition", c->name, "destroyed while somebody waits");
	delete c;
}

void dmr_cond_wait(struct dmr_cond *c, struct dmr_mutex *m)
{
	World &world = *World::current();

	world.check_may_block("dmr_cond_wait");
	unlock(world, m);
	if (!world.scheduler().wait(c->waiting))
		after_power_cut(world);
	lock(world, m);
}

int dmr_cond_wait_until(struct dmr_cond *c, struct dmr_mutex *m, uint64_t deadline_ns)
{
	World &world = *World::current();
	bool woken = false;

	world.check_may_block("dmr_cond_wait_until");
	unlock(world, m);
	if (world.now() < deadline_ns)
		woken = world.scheduler().wait(c->waiting, deadline_ns);
	if (!woken && world.now() < deadline_ns)
		after_power_cut(world);
	lock(world, m);
	return woken ? 0 : -ETIMEDOUT;
}

void dmr_cond_wake_all(struct dmr_cond *c)
{
	World::current()->scheduler().wake_all(c->waiting);
}
