// SPDX-License-Identifier: GPL-2.0
#include "host/host.hh"

#include "shim/inflight_protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>

using namespace dm_remap::host;

namespace {

// ---- locks ----

TEST(HostLocks, AMutexExcludes)
{
	World world;
	dmr_mutex *m = dmr_mutex_create("m");
	int inside = 0, most = 0;

	for (int i = 0; i < 10; i++)
		world.spawn("locker", [&] {
			dmr_mutex_lock(m);
			most = std::max(most, ++inside);
			world.scheduler().sleep(100);
			inside--;
			dmr_mutex_unlock(m);
		});
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_EQ(most, 1);
	dmr_mutex_destroy(m);
}

TEST(HostLocks, MistakesAreCaught)
{
	World world;
	dmr_mutex *m = dmr_mutex_create("m");
	dmr_spinlock *l = dmr_spinlock_create("l");

	dmr_mutex_lock(m);
	EXPECT_DEATH(dmr_mutex_lock(m), "locked by its owner");
	EXPECT_DEATH(dmr_mutex_destroy(m), "destroyed while it is held");
	dmr_mutex_unlock(m);
	EXPECT_DEATH(dmr_mutex_unlock(m), "does not own it");
	const unsigned long flags = dmr_spin_lock(l);
	EXPECT_DEATH(dmr_spin_lock(l), "taken while it is held");
	EXPECT_DEATH(dmr_mutex_lock(m), "with a spinlock held");
	dmr_spin_unlock(l, flags);
	dmr_mutex_destroy(m);
	dmr_spinlock_destroy(l);
}

TEST(HostLocks, AConditionWakesAllAndReturnsWithTheMutex)
{
	World world;
	dmr_mutex *m = dmr_mutex_create("m");
	dmr_cond *c = dmr_cond_create("c");
	bool ready = false;
	int woken = 0;

	for (int i = 0; i < 5; i++)
		world.spawn("waiter", [&] {
			dmr_mutex_lock(m);
			while (!ready)
				dmr_cond_wait(c, m);
			woken++;
			dmr_mutex_unlock(m);
		});
	world.spawn("waker", [&] {
		world.scheduler().sleep(1000);
		dmr_mutex_lock(m);
		ready = true;
		dmr_cond_wake_all(c);
		dmr_mutex_unlock(m);
	});
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_EQ(woken, 5);
	dmr_cond_destroy(c);
	dmr_mutex_destroy(m);
}

TEST(HostLocks, AConditionIsWaitedForUntilADeadline)
{
	World world;
	dmr_mutex *m = dmr_mutex_create("m");
	dmr_cond *c = dmr_cond_create("c");
	const uint64_t begin = world.now();
	int woken = 1, late = 0, past = 0;

	world.spawn("in time", [&] {
		dmr_mutex_lock(m);
		woken = dmr_cond_wait_until(c, m, begin + 1'000'000);
		EXPECT_LT(world.now(), begin + 1'000'000);
		late = dmr_cond_wait_until(c, m, begin + 2'000'000);
		EXPECT_GE(world.now(), begin + 2'000'000);
		past = dmr_cond_wait_until(c, m, world.now());
		dmr_mutex_unlock(m);
	});
	world.spawn("waker", [&] {
		world.scheduler().sleep(1000);
		dmr_cond_wake_all(c);
	});
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_EQ(woken, 0);
	EXPECT_EQ(late, -ETIMEDOUT);
	EXPECT_EQ(past, -ETIMEDOUT);
	dmr_cond_destroy(c);
	dmr_mutex_destroy(m);
}

// ---- workers ----

struct WorkerTest {
	dmr_workers *workers = nullptr;
	unsigned int runs[8] = {}, running = 0, most = 0;

	static void run(void *context, unsigned int worker)
	{
		auto *t = static_cast<WorkerTest *>(context);

		t->runs[worker]++;
		t->most = std::max(t->most, ++t->running);
		World::current()->scheduler().sleep(1000);
		t->running--;
	}
};

TEST(HostWorkers, TheLimitHolds)
{
	for (uint32_t limit : {1u, 2u, 0u}) {
		World world;
		WorkerTest t;

		world.worker_limit = limit;
		t.workers = dmr_workers_create("test", 8, WorkerTest::run, &t);
		for (unsigned int i = 0; i < 8; i++)
			dmr_worker_start(t.workers, i);
		dmr_workers_drain(t.workers);
		EXPECT_EQ(t.most, limit ? limit : 8);
		for (unsigned int runs : t.runs)
			EXPECT_EQ(runs, 1u);
		dmr_workers_destroy(t.workers);
		world.check_no_leaks();
	}
}

TEST(HostWorkers, AStartDuringARunMeansOnceMore)
{
	World world;
	WorkerTest t;

	t.workers = dmr_workers_create("test", 1, WorkerTest::run, &t);
	dmr_worker_start(t.workers, 0);
	dmr_worker_start(t.workers, 0); // queued: nothing more
	world.run_until([&] { return t.running == 1; });
	dmr_worker_start(t.workers, 0);
	dmr_worker_start(t.workers, 0);
	dmr_workers_drain(t.workers);
	EXPECT_EQ(t.runs[0], 2u);
	dmr_workers_destroy(t.workers);
}

TEST(HostWorkers, AWorkerThatWaitsForOneNotStartedIsADeadlock)
{
	static dmr_mutex *m;
	static dmr_cond *c;
	World world;

	world.worker_limit = 1;
	m = dmr_mutex_create("m");
	c = dmr_cond_create("c");
	dmr_workers *w = dmr_workers_create("bad", 2, [](void *, unsigned int worker) {
		dmr_mutex_lock(m);
		if (worker == 0)
			dmr_cond_wait(c, m);
		else
			dmr_cond_wake_all(c);
		dmr_mutex_unlock(m);
	}, nullptr);
	dmr_worker_start(w, 0);
	dmr_worker_start(w, 1);
	EXPECT_EQ(world.run(), Stop::Deadlock);
	EXPECT_EQ(world.take_violations().size(), 1u);
}

// ---- draining ----

TEST(HostDrain, WaitsForWhatWasInFlightAndForNothingElse)
{
	World world;
	dmr_instance inst("dm-test");
	const unsigned int before = dmr_inflight_enter(&inst.inflight);
	unsigned int after = 0;
	bool drained = false;

	world.spawn("drainer", [&] {
		EXPECT_EQ(dmr_drain(&inst, Scheduler::never), 0);
		drained = true;
	});
	world.scheduler().at(world.now() + 1'000'000'000, [&] {
		after = dmr_inflight_enter(&inst.inflight);
		EXPECT_FALSE(drained);
		dmr_inflight_leave(&inst.inflight, before);
	});
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_TRUE(drained);
	EXPECT_NE(before, after);
	EXPECT_EQ(inst.inflight.counts[after], 1);
}

TEST(HostDrain, WaitsForAReaderThatHasNotEnteredYet)
{
	World world;
	dmr_instance inst("dm-test");
	bool left = false;

	world.scheduler().set_switch_one_in(1);
	world.spawn("mapper", [&] {
		unsigned int epoch;
		{
			RcuGuard guard;
			epoch = inst.inflight.epoch;
			for (int i = 0; i < 20; i++)
				guard.maybe_switch();
			inst.inflight.counts[epoch]++;
		}
		world.scheduler().sleep(1'000'000);
		left = true;
		dmr_inflight_leave(&inst.inflight, epoch);
	});
	world.run_until([&] { return world.rcu().readers() == 1; });
	EXPECT_EQ(dmr_drain(&inst, Scheduler::never), 0);
	EXPECT_TRUE(left);
}

TEST(HostDrain, TimesOutAndTheNextOneIsStillRight)
{
	World world;
	dmr_instance inst("dm-test");
	const auto drain = [&] { return dmr_drain(&inst, dmr_now_ns() + 1000); };
	const unsigned int stuck = dmr_inflight_enter(&inst.inflight);

	EXPECT_EQ(drain(), -ETIMEDOUT);
	const unsigned int later = dmr_inflight_enter(&inst.inflight);
	EXPECT_EQ(drain(), -ETIMEDOUT);
	dmr_inflight_leave(&inst.inflight, stuck);
	EXPECT_EQ(drain(), -ETIMEDOUT);
	dmr_inflight_leave(&inst.inflight, later);
	EXPECT_EQ(drain(), 0);
}

TEST(HostInstance, PersistentMemorySurvivesAsLongAsOneTableHasIt)
{
	World world;
	auto first = std::make_unique<dmr_instance>("dm-1");
	auto *p = static_cast<int *>(dmr_instance_persistent(first.get(), 64));

	ASSERT_NE(p, nullptr);
	*p = 42;
	{
		dmr_instance other("dm-2"), second("dm-1"), greedy("dm-1");
		EXPECT_EQ(*static_cast<int *>(dmr_instance_persistent(&other, 64)), 0);
		EXPECT_EQ(dmr_instance_persistent(&second, 32), p);
		EXPECT_EQ(dmr_instance_persistent(&greedy, 65), nullptr);
	}
	auto third = std::make_unique<dmr_instance>("dm-1");
	EXPECT_EQ(dmr_instance_persistent(third.get(), 64), p);
	first.reset();
	EXPECT_EQ(*p, 42);
	third.reset();
	dmr_instance fourth("dm-1");
	EXPECT_EQ(*static_cast<int *>(dmr_instance_persistent(&fourth, 64)), 0);
}

} // namespace
