// SPDX-License-Identifier: GPL-2.0
// dmr_workers: each running worker is a fiber of its own; those over the World's limit wait for a slot.
#include "host/world.hh"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

using dm_remap::host::BootObject;
using dm_remap::host::WaitQueue;
using dm_remap::host::World;

struct dmr_workers final : BootObject {
	enum class State : uint8_t { Idle, Queued, Running, RunningAndQueued };

	const char *name;
	void (*run)(void *context, unsigned int worker);
	void *context;
	World *world;
	std::vector<State> states;
	std::vector<unsigned int> queue; // in the order of their starts, as a workqueue takes them
	unsigned int running = 0;
	WaitQueue idle;

	void dispatch();
	void body(unsigned int worker);
	bool busy() const { return running || !queue.empty(); }
};

void dmr_workers::dispatch()
{
	const unsigned int limit = world->worker_limit ? world->worker_limit : ~0u;

	while (!queue.empty() && running < limit) {
		const unsigned int worker = queue.front();

		queue.erase(queue.begin());
		states[worker] = State::Running;
		running++;
		world->spawn(name, [this, worker] { body(worker); });
	}
}

void dmr_workers::body(unsigned int worker)
{
	run(context, worker);
	running--;
	if (states[worker] == State::RunningAndQueued) {
		states[worker] = State::Queued;
		queue.push_back(worker);
	} else {
		states[worker] = State::Idle;
	}
	dispatch();
	if (!busy())
		world->scheduler().wake_all(idle);
}

struct dmr_workers *dmr_workers_create(const char *name, unsigned int count,
				       void (*run)(void *context, unsigned int worker), void *context)
{
	World *world = World::current();

	if (!world) {
		std::fprintf(stderr, "dm_remap::host: workers need a World\n");
		std::abort();
	}
	world->may_block("dmr_workers_create");
	if (world->memory().fail_now())
		return nullptr;

	auto *w = new dmr_workers;
	w->name = name;
	w->run = run;
	w->context = context;
	w->world = world;
	w->states.resize(count, dmr_workers::State::Idle);
	return w;
}

void dmr_worker_start(struct dmr_workers *w, unsigned int worker)
{
	using State = dmr_workers::State;
	State &state = w->states.at(worker);

	if (state == State::Running)
		state = State::RunningAndQueued;
	if (state != State::Idle)
		return;
	state = State::Queued;
	w->queue.push_back(worker);
	w->dispatch();
}

void dmr_workers_drain(struct dmr_workers *w)
{
	w->world->may_block("dmr_workers_drain");
	while (w->busy()) {
		if (!w->world->scheduler().wait(w->idle))
			return;
	}
}

void dmr_workers_destroy(struct dmr_workers *w)
{
	if (!w)
		return;
	dmr_workers_drain(w);
	delete w;
}
