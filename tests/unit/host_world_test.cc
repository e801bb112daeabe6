// SPDX-License-Identifier: GPL-2.0
#include "host/host.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
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
