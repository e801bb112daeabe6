// SPDX-License-Identifier: GPL-2.0
// Many blocks fail at once: what that costs a spare that is slow.
#include "engine_fixture.hh"

#include <memory>

namespace dm_remap::host {
namespace {

constexpr uint64_t ten_ms = 10'000'000;

class EngineBurst : public EngineTest {
protected:
	EngineBurst()
		: EngineTest({ .name = "8:0",
			       .sectors = 40960,
			       .physical_block_bytes = 4096,
			       .fails_physically = true },
			     { .name = "8:16", .sectors = 65536, .latency_ns = ten_ms, .latency_spread_ns = 0 })
	{
	}

	// `count` writes of 4 KiB to bad ones, every other physical block, at most `depth` of them at a time.
	void burst(int count, int depth)
	{
		for (int i = 0; i < count; i++)
			main.fail(static_cast<uint64_t>(i) * 16, 8);
		std::vector<UserIo> ios(static_cast<size_t>(count));
		auto data = pattern(0, 8, 1);
		int begun = 0, ended = 0;

		for (int i = 0; i < count; i++) {
			ios[static_cast<size_t>(i)] = { .op = DMR_OP_WRITE,
							.sector = static_cast<uint64_t>(i) * 16,
							.sectors = 8,
							.data = data.data(),
							.done = [&](UserIo &io) {
								ended += io.status == DMR_STS_OK;
								if (begun < count)
									device.submit(ios[static_cast<size_t>(begun++)]);
							} };
		}
		while (begun < depth)
			device.submit(ios[static_cast<size_t>(begun++)]);
		world.run_until([&] { return ended == count; });
		EXPECT_EQ(ended, count);
	}
};

// 32 of them are worked on at a time, and more wait for their commit: with each commit go all of those that are ready.
TEST_F(EngineBurst, ThoseThatAreAboutToCommitDoItTogether)
{
	create();
	const uint64_t before = world.now(), flushes = spare.counts().flushes;

	burst(1000, 128);
	RecordProperty("virtual_ms", static_cast<int>((world.now() - before) / 1'000'000));
	std::printf("[          ] %llu ms of virtual time, %llu commits\n", static_cast<unsigned long long>((world.now() - before) / 1'000'000),
		    static_cast<unsigned long long>(snapshot().commits));
	EXPECT_LE(snapshot().commits, 25u);
	EXPECT_LE(spare.counts().flushes - flushes, 25u);
}

// A commit of many comes to nothing: each is served once more, and no spare block is spent in vain.
TEST_F(EngineBurst, WhatWaitedForACommitThatFailedIsServedAgain)
{
	SimDisk second(world, { .name = "8:32", .sectors = 65536, .latency_ns = ten_ms, .latency_spread_ns = 0 });
	TableOptions both = table();

	both.members.push_back({ &second, 0, second.options().sectors });
	ASSERT_EQ(device.create(both), 0) << device.reason();
	spare.fail_flushes(1);
	burst(100, 100);
	EXPECT_EQ(spare.counts().errors, 1u) << "or this shows nothing";
	EXPECT_EQ(snapshot().remapped_sectors, 100u * 8);
	EXPECT_EQ(snapshot().spare_sectors_used, 100u * 8);
	ASSERT_EQ(device.remove(), 0);
	world.check_no_leaks();
	ASSERT_EQ(device.create(both), 0) << device.reason();
	EXPECT_EQ(snapshot().remapped_sectors, 100u * 8);
	for (uint64_t i = 0; i < 100; i++)
		EXPECT_EQ(read(i * 16, 8), pattern(0, 8, 1)) << i;
}

// One alone waits for nobody.
TEST_F(EngineBurst, OneAloneIsNotKeptWaiting)
{
	create();
	main.fail(0, 8);
	const uint64_t before = world.now();

	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	EXPECT_LT(world.now() - before, 4 * ten_ms + ten_ms / 2) << "its data, a flush, both copies of its record";
}

} // namespace
} // namespace dm_remap::host
