// SPDX-License-Identifier: GPL-2.0
#include "host/host.hh"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

using namespace dm_remap::host;

namespace {

// ---- fibers and time ----

TEST(HostScheduler, FibersInterleaveAndAllFinish)
{
	World world;
	int running = 0, most = 0, finished = 0;

	for (int i = 0; i < 8; i++)
		world.spawn("fiber", [&] {
			running++;
			for (int k = 0; k < 20; k++) {
				most = std::max(most, running);
				dmr_free(dmr_alloc(16));
			}
			running--;
			finished++;
		});
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_EQ(finished, 8);
	EXPECT_GT(most, 1);
}

TEST(HostScheduler, TimeIsVirtual)
{
	World world;
	const uint64_t begin = dmr_now_ns();
	uint64_t woke = 0;

	world.spawn("sleeper", [&] {
		world.scheduler().sleep(3'600'000'000'000);
		woke = dmr_now_ns();
	});
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_GE(woke - begin, 3'600'000'000'000u);
	EXPECT_LT(woke - begin, 3'601'000'000'000u);
}

uint64_t hash_of_a_run(uint64_t seed)
{
	World world(seed);
	SimDisk a(world, {.name = "8:0"}), b(world, {.name = "8:16"});
	dmr_mutex *m = dmr_mutex_create("test");

	for (int i = 0; i < 6; i++)
		world.spawn("writer", [&, i] {
			void *buffer = dmr_io_buffer_alloc(4096);
			for (int k = 0; k < 10; k++) {
				dmr_mutex_lock(m);
				dmr_device_write(i % 2 ? &a : &b, uint64_t(8 * i), buffer, 8, 0);
				dmr_mutex_unlock(m);
				dmr_device_flush(&a);
			}
			dmr_io_buffer_free(buffer, 4096);
		});
	EXPECT_EQ(world.run(), Stop::Idle);
	dmr_mutex_destroy(m);
	world.check_no_leaks();
	return world.trace_hash();
}

TEST(HostScheduler, ASeedRepeatsAndSeedsDiffer)
{
	std::set<uint64_t> hashes;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		const uint64_t hash = hash_of_a_run(seed);
		EXPECT_EQ(hash, hash_of_a_run(seed));
		hashes.insert(hash);
	}
	EXPECT_EQ(hashes.size(), 20u);
	// The same with every compiler; changes with the scheduler, the disk model and what is traced.
	EXPECT_EQ(hash_of_a_run(1), 11246708296749368287u);
}

TEST(HostScheduler, ADeadlockIsAViolationThatNamesWhoWaits)
{
	World world;
	dmr_mutex *a = dmr_mutex_create("a"), *b = dmr_mutex_create("b");
	const auto take = [&](dmr_mutex *first, dmr_mutex *second) {
		dmr_mutex_lock(first);
		world.scheduler().sleep(1000);
		dmr_mutex_lock(second);
	};

	world.spawn("one", [&] { take(a, b); });
	world.spawn("two", [&] { take(b, a); });
	EXPECT_EQ(world.run(), Stop::Deadlock);
	const auto violations = world.take_violations();
	ASSERT_EQ(violations.size(), 1u);
	EXPECT_NE(violations[0].find("one #1, two #2"), std::string::npos) << violations[0];
}

TEST(HostScheduler, StacksAreMeasured)
{
	World world;

	world.scheduler().set_measure_stacks(true);
	world.spawn("deep", [] {
		volatile char array[20'000];
		for (char volatile &c : array)
			c = 1;
	});
	world.run();
	EXPECT_GT(world.scheduler().deepest_stack(), 20'000u);
	EXPECT_LT(world.scheduler().deepest_stack(), 40'000u);
}

// ---- power ----

TEST(HostPower, ACutEndsAFiberAndItsMemory)
{
	World world;
	SimDisk disk(world, {});
	bool survived = false;

	world.cut_after(3);
	const Stop stop = world.run_fiber("writer", [&] {
		dmr_alloc(100);
		dmr_mutex *m = dmr_mutex_create("held");
		dmr_mutex_lock(m);
		void *buffer = dmr_io_buffer_alloc(512);
		dmr_device_write(&disk, 0, buffer, 1, 0);
		dmr_device_write(&disk, 1, buffer, 1, 0);
		survived = true;
	});
	EXPECT_EQ(stop, Stop::PowerCut);
	EXPECT_FALSE(survived);
	EXPECT_EQ(disk.unflushed().size(), 2u);
	disk.power_cut(world.random());
	world.reboot();
	EXPECT_EQ(world.memory().live(), 0u);
	world.check_no_leaks();
	EXPECT_EQ(world.run_fiber("next boot", [&] { survived = true; }), Stop::Done);
	EXPECT_TRUE(survived);
}

TEST(HostPower, EveryPointOfAnOperationCanBeCut)
{
	std::set<int> states;
	uint64_t points = 0;

	for (uint64_t k = 1;; k++) {
		World world;
		SimDisk disk(world, {});

		world.cut_after(k);
		const Stop stop = world.run_fiber("op", [&] {
			auto *buffer = static_cast<uint8_t *>(dmr_io_buffer_alloc(512));
			std::memset(buffer, 1, 512);
			dmr_device_write(&disk, 0, buffer, 1, DMR_IO_FUA);
			std::memset(buffer, 2, 512);
			dmr_device_write(&disk, 0, buffer, 1, DMR_IO_FUA);
			dmr_io_buffer_free(buffer, 512);
		});
		if (stop != Stop::PowerCut)
			break;
		points++;
		const DiskContent content = disk.snapshot();
		for (uint32_t subset = 0; subset < 1u << disk.unflushed().size(); subset++) {
			uint8_t s[512];
			disk.restore(content);
			disk.power_cut([=](const Unflushed &u) { return subset ? u.versions : 0; });
			disk.peek(0, s, 1);
			states.insert(s[0]);
		}
	}
	EXPECT_EQ(points, 4u);
	EXPECT_EQ(states, (std::set<int>{0, 1, 2}));
}

TEST(HostPower, TheHookSeesSubmissionAndPerformance)
{
	World world;
	SimDisk disk(world, {});
	std::vector<IoPhase> phases;

	world.on_io = [&](const IoPoint &p) {
		EXPECT_EQ(&p.disk, &disk);
		phases.push_back(p.phase);
	};
	dmr_device_flush(&disk);
	EXPECT_EQ(phases, (std::vector<IoPhase>{IoPhase::Submitted, IoPhase::Performed}));
}

// ---- memory ----

TEST(HostMemory, FailuresOnOrder)
{
	World world;

	world.memory().fail_nth(2);
	void *first = dmr_alloc(8), *second = dmr_alloc(8), *third = dmr_alloc(8);
	EXPECT_NE(first, nullptr);
	EXPECT_EQ(second, nullptr);
	EXPECT_NE(third, nullptr);
	EXPECT_EQ(world.memory().failures(), 1u);
	dmr_free(third);
	world.check_no_leaks();
	EXPECT_EQ(world.take_violations().size(), 1u);
	dmr_free(first);
	world.check_no_leaks();
	EXPECT_TRUE(world.take_violations().empty());
}

TEST(HostMemory, BuffersAreZeroedAndAligned)
{
	World world;
	auto *p = static_cast<uint8_t *>(dmr_io_buffer_alloc(4096));

	EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 4096, 0u);
	EXPECT_EQ(p[4095], 0);
	dmr_io_buffer_free(p, 4096);
	EXPECT_DEATH(dmr_io_buffer_free(p, 4096), "not a live I/O buffer");
}

TEST(HostMemory, RcuFreesAtTheFirstGracePeriodAllowed)
{
	World world;

	dmr_free_rcu(dmr_alloc(64));
	EXPECT_EQ(world.memory().live(), 0u);
	{
		RcuGuard outer;
		void *p = nullptr;
		{
			RcuGuard inner;
			p = world.memory().allocate(64);
			dmr_free_rcu(p);
		}
		EXPECT_EQ(world.memory().live(), 1u);
		EXPECT_EQ(world.rcu().deferred(), 1u);
	}
	EXPECT_EQ(world.memory().live(), 0u);
}

TEST(HostMemory, AReaderThatCameLaterDoesNotHoldIt)
{
	World world;
	bool freed_while_late_reads = false;

	world.scheduler().set_switch_one_in(1);
	world.spawn("early", [&] {
		RcuGuard guard;
		dmr_free_rcu(world.memory().allocate(64));
		world.spawn("late", [&] {
			RcuGuard late;
			for (int i = 0; i < 100; i++)
				late.maybe_switch();
			freed_while_late_reads = world.memory().live() == 0;
		});
		for (int i = 0; i < 10; i++)
			guard.maybe_switch();
	});
	world.run();
	EXPECT_TRUE(freed_while_late_reads);
}

TEST(HostMemory, BlockingInsideARcuSectionIsCaught)
{
	World world;
	RcuGuard guard;

	EXPECT_DEATH(dmr_alloc(8), "inside an RCU section");
}

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

// ---- small things ----

TEST(HostApi, Crc32cAsTheKernelHasIt)
{
	// The check value of CRC-32C, before its final inversion.
	EXPECT_EQ(~dmr_crc32c(~0u, "123456789", 9), 0xe3069283u);
	EXPECT_EQ(dmr_crc32c(dmr_crc32c(~0u, "1234567890", 10), "abc", 3), dmr_crc32c(~0u, "1234567890abc", 13));
	EXPECT_EQ(dmr_crc32c(0, "\0\0\0\0", 4), 0u);
}

TEST(HostApi, FormatNeverClaimsMoreThanItWrote)
{
	char buf[8];

	EXPECT_EQ(dmr_format(buf, sizeof(buf), "%d", 42), 2);
	EXPECT_EQ(dmr_format(buf, sizeof(buf), "123456789"), 7);
	EXPECT_STREQ(buf, "1234567");
	EXPECT_EQ(dmr_format(buf, 0, "x"), 0);
}

TEST(HostApi, LogsNameTheDevice)
{
	World world;
	dmr_instance inst("dm-7");

	dmr_log(&inst, DMR_LOG_WARN, "block %d\n", 5);
	EXPECT_EQ(world.logs.back(), "warning: dm-7: block 5");
	EXPECT_TRUE(world.logged("block 5"));
}

TEST(HostApi, WithoutAWorldMemoryStillWorks)
{
	void *p = dmr_alloc(100);

	ASSERT_NE(p, nullptr);
	dmr_free_rcu(p);
	free_deferred();
	dmr_free(dmr_alloc(1));
}

} // namespace
