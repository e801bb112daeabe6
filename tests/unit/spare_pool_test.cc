// SPDX-License-Identifier: GPL-2.0
// The pool through its operations table, as core uses it.
#include <dm_remap/spare_pool.h>

#include "host/world.hh"

#include <gtest/gtest.h>

#include <cerrno>

extern "C" const dmr_spare_pool_ops dmr_spare_pool_operations;

namespace {

using dm_remap::host::World;

constexpr const dmr_spare_pool_ops &ops = dmr_spare_pool_operations;
constexpr uint64_t chunk = 32768;

class SparePoolTest : public testing::Test {
protected:
	void SetUp() override { ASSERT_EQ(ops.create(&pool_), 0); }
	void TearDown() override
	{
		ops.destroy(pool_);
		EXPECT_EQ(world_.memory().live(), 0u) << world_.memory().describe_live();
	}

	void expect_gives(uint32_t wanted, uint32_t member, uint64_t block, uint32_t length)
	{
		dmr_spare_extent got = {};

		ASSERT_EQ(ops.allocate(pool_, wanted, &got), 0);
		EXPECT_EQ(got.member, member);
		EXPECT_EQ(got.block, block);
		EXPECT_EQ(got.length, length);
	}
	int reserve(uint64_t block, uint32_t length, uint32_t member = 0)
	{
		const dmr_spare_extent e = {block, length, member};
		return ops.reserve(pool_, &e);
	}
	int mark_bad(uint64_t block, uint32_t length, uint32_t member = 0)
	{
		const dmr_spare_extent e = {block, length, member};
		return ops.mark_bad(pool_, &e);
	}
	int prepare_bad(uint64_t block, uint32_t length, uint32_t member = 0)
	{
		const dmr_spare_extent e = {block, length, member};
		return ops.prepare_bad(pool_, &e);
	}
	void release(uint64_t block, uint32_t length, uint32_t member = 0)
	{
		const dmr_spare_extent e = {block, length, member};
		ops.release(pool_, &e);
	}
	int allocate(uint32_t wanted)
	{
		dmr_spare_extent ignored;
		return ops.allocate(pool_, wanted, &ignored);
	}
	void expect_usage(uint64_t total, uint64_t used, uint64_t bad, uint32_t member = DMR_MAX_MEMBERS)
	{
		dmr_pool_usage u;

		ops.usage(pool_, member, &u);
		EXPECT_EQ(u.total, total);
		EXPECT_EQ(u.used, used);
		EXPECT_EQ(u.bad, bad);
	}
	uint64_t free_blocks(uint32_t member = DMR_MAX_MEMBERS)
	{
		dmr_pool_usage u;

		ops.usage(pool_, member, &u);
		return u.free;
	}
	std::string refusals()
	{
		std::string all;
		for (const std::string &line : world_.logs)
			all += line + "\n";
		return all;
	}

	World world_;
	dmr_pool *pool_ = nullptr;
};

TEST_F(SparePoolTest, TableIsComplete)
{
	EXPECT_EQ(ops.abi, DMR_SPARE_POOL_ABI);
	EXPECT_EQ(ops.owner, nullptr);
	ops.destroy(nullptr);
}

TEST_F(SparePoolTest, GivesConsecutiveRunsFromTheStartOfTheDataArea)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 100, 200, false), 0);
	expect_gives(10, 0, 100, 10);
	expect_gives(1, 0, 110, 1);
	expect_usage(100, 11, 0);
}

TEST_F(SparePoolTest, NextFitGoesOnAfterTheLastAllocationAndWrapsOnce)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 100, false), 0);
	expect_gives(60, 0, 0, 60);
	release(0, 60);
	// What was freed is not taken while there is something ahead.
	expect_gives(30, 0, 60, 30);
	expect_gives(30, 0, 90, 10);
	expect_gives(70, 0, 0, 60);
	EXPECT_EQ(allocate(1), -ENOSPC);
	expect_usage(100, 100, 0);
}

TEST_F(SparePoolTest, RunsStopAtUsedAndBadBlocks)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 64 * 4, false), 0);
	ASSERT_EQ(reserve(10, 5), 0);
	ASSERT_EQ(mark_bad(20, 1), 0);
	expect_gives(100, 0, 0, 10);
	expect_gives(100, 0, 15, 5);
	expect_gives(1000, 0, 21, 64 * 4 - 21);
	EXPECT_EQ(allocate(1), -ENOSPC);
}

TEST_F(SparePoolTest, MembersAreFilledInOrder)
{
	ASSERT_EQ(ops.add_member(pool_, 3, 8, 18, false), 0);
	ASSERT_EQ(ops.add_member(pool_, 1, 4, 9, false), 0);
	expect_gives(8, 1, 4, 5);
	expect_gives(8, 3, 8, 8);
	release(6, 1, 1);
	expect_gives(8, 1, 6, 1);
	expect_gives(8, 3, 16, 2);
	EXPECT_EQ(allocate(1), -ENOSPC);
	expect_usage(5, 5, 0, 1);
	expect_usage(10, 10, 0, 3);
	expect_usage(0, 0, 0, 0);
	expect_usage(15, 15, 0);
}

TEST_F(SparePoolTest, FreeIsWhatCanBeAllocated)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 10, false), 0);
	ASSERT_EQ(ops.add_member(pool_, 1, 0, 100, false), 0);
	ASSERT_EQ(reserve(2, 4), 0);
	ASSERT_EQ(mark_bad(5, 3), 0);
	EXPECT_EQ(free_blocks(0), 4u);
	EXPECT_EQ(free_blocks(1), 100u);
	EXPECT_EQ(free_blocks(), 104u);
	EXPECT_EQ(free_blocks(7), 0u);
}

TEST_F(SparePoolTest, AClosedMemberGivesNothingAndAllElseGoesOn)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 10, false), 0);
	ASSERT_EQ(ops.add_member(pool_, 1, 0, 10, false), 0);
	expect_gives(4, 0, 0, 4);
	ops.set_open(pool_, 0, false);
	expect_gives(4, 1, 0, 4);
	EXPECT_EQ(free_blocks(0), 0u);
	EXPECT_EQ(free_blocks(), 6u);
	expect_usage(10, 4, 0, 0);

	EXPECT_EQ(reserve(8, 2), 0);
	EXPECT_EQ(mark_bad(0, 1), 0);
	release(1, 3);
	expect_usage(10, 2, 1, 0);
	EXPECT_EQ(free_blocks(0), 0u);

	expect_gives(100, 1, 4, 6);
	EXPECT_EQ(allocate(1), -ENOSPC);
	ops.set_open(pool_, 0, true);
	EXPECT_EQ(free_blocks(), 7u);
	expect_gives(100, 0, 4, 4);

	// Of no member it says nothing.
	ops.set_open(pool_, 5, false);
	ops.set_open(pool_, DMR_MAX_MEMBERS, false);
	ASSERT_EQ(ops.add_member(pool_, 5, 0, 1, false), 0);
	EXPECT_EQ(free_blocks(5), 1u);
}

TEST_F(SparePoolTest, AMemberIsRemovedWhenNothingOfItIsUsed)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 10, false), 0);
	ASSERT_EQ(ops.add_member(pool_, 1, 0, 10, false), 0);
	ASSERT_EQ(reserve(3, 1), 0);
	ASSERT_EQ(mark_bad(7, 2), 0);
	ops.set_open(pool_, 0, false);
	EXPECT_EQ(ops.remove_member(pool_, 0), -EBUSY);
	expect_usage(10, 1, 2, 0);
	release(3, 1);
	EXPECT_EQ(ops.remove_member(pool_, 0), 0);
	expect_usage(10, 0, 0);
	EXPECT_EQ(reserve(3, 1), -EINVAL);
	EXPECT_EQ(ops.remove_member(pool_, 0), -EINVAL);
	EXPECT_EQ(ops.remove_member(pool_, DMR_MAX_MEMBERS), -EINVAL);
	expect_gives(1, 1, 0, 1);

	// Another in its place is open, begins at its start, and has no bad blocks.
	ASSERT_EQ(ops.add_member(pool_, 0, 5, 12, false), 0);
	EXPECT_EQ(free_blocks(0), 7u);
	dmr_spare_extent e;
	EXPECT_FALSE(ops.next_bad(pool_, 0, 0, &e));
	expect_gives(100, 0, 5, 7);
}

TEST_F(SparePoolTest, AddMemberRefuses)
{
	EXPECT_EQ(ops.add_member(pool_, DMR_MAX_MEMBERS, 0, 10, false), -EINVAL);
	EXPECT_EQ(ops.add_member(pool_, 0, 10, 10, false), -EINVAL);
	EXPECT_EQ(ops.add_member(pool_, 0, 11, 10, false), -EINVAL);
	EXPECT_EQ(ops.add_member(pool_, 0, 0, ~uint64_t(0), false), -EINVAL);
	EXPECT_EQ(ops.add_member(pool_, 0, 0, 10, false), 0);
	EXPECT_EQ(ops.add_member(pool_, 0, 0, 10, false), -EEXIST);
	for (uint64_t k = 1; k <= 3; k++) {
		world_.memory().fail_nth(k);
		EXPECT_EQ(ops.add_member(pool_, 1, 0, 10, false), -ENOMEM);
	}
	EXPECT_EQ(ops.add_member(pool_, 1, 0, 10, false), 0);
}

TEST_F(SparePoolTest, CreateWithoutMemoryLeavesNothing)
{
	const uint64_t live = world_.memory().live();
	dmr_pool *other = nullptr;

	for (uint64_t k = 1; k <= 7; k++) {
		world_.memory().fail_nth(k);
		EXPECT_EQ(ops.create(&other), -ENOMEM);
		EXPECT_EQ(world_.memory().live(), live);
	}
	EXPECT_EQ(other, nullptr);
}

TEST_F(SparePoolTest, ReserveTellsAMapThatIsNotToBeBelieved)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 100, 200, false), 0);
	ASSERT_EQ(reserve(150, 10), 0);
	ASSERT_EQ(mark_bad(180, 2), 0);
	EXPECT_EQ(reserve(159, 2), -EEXIST);
	EXPECT_EQ(reserve(140, 11), -EEXIST);
	EXPECT_EQ(reserve(181, 1), -EEXIST);
	EXPECT_EQ(reserve(99, 1), -EINVAL);
	EXPECT_EQ(reserve(199, 2), -EINVAL);
	EXPECT_EQ(reserve(0, 1), -EINVAL);
	EXPECT_EQ(reserve(150, 0), -EINVAL);
	EXPECT_EQ(reserve(~uint64_t(0), 2), -EINVAL);
	EXPECT_EQ(reserve(150, 1, 7), -EINVAL);
	EXPECT_EQ(reserve(150, 1, 99), -EINVAL);
	expect_usage(100, 10, 2);
	EXPECT_EQ(reserve(160, 20), 0);
	expect_usage(100, 30, 2);
}

TEST_F(SparePoolTest, ReleaseOfWhatIsNotInUseIsRefusedAndLogged)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 100, 200, false), 0);
	ASSERT_EQ(reserve(150, 10), 0);
	ASSERT_EQ(mark_bad(155, 1), 0);

	const dmr_spare_extent wrong[] = {{149, 2, 0}, {154, 2, 0}, {155, 1, 0}, {159, 2, 0}, {99, 1, 0},
					  {199, 2, 0}, {150, 0, 0}, {150, 1, 1}, {150, 1, 77}, {~uint64_t(0), 9, 0}};
	for (const dmr_spare_extent &e : wrong) {
		const size_t lines = world_.logs.size();

		ops.release(pool_, &e);
		EXPECT_EQ(world_.logs.size(), lines + 1) << e.block << "+" << e.length;
		expect_usage(100, 9, 1);
	}
	EXPECT_TRUE(world_.logged("blocks 149+2 of member 0 are not all in use, their release is "
				  "refused")) << refusals();
	const size_t lines = world_.logs.size();
	release(150, 5);
	release(156, 4);
	EXPECT_EQ(world_.logs.size(), lines);
	expect_usage(100, 0, 1);
}

TEST_F(SparePoolTest, BadBlocksAreBadForGood)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 10, false), 0);
	ASSERT_EQ(reserve(2, 4), 0);
	// Free, used and bad ones at once.
	EXPECT_EQ(mark_bad(4, 4), 0);
	EXPECT_EQ(mark_bad(5, 4), 0);
	expect_usage(10, 2, 5);
	EXPECT_EQ(mark_bad(9, 2), -EINVAL);
	EXPECT_EQ(mark_bad(9, 0), -EINVAL);
	EXPECT_EQ(mark_bad(1, 1, 2), -EINVAL);
	expect_gives(100, 0, 0, 2);
	expect_gives(100, 0, 9, 1);
	EXPECT_EQ(allocate(1), -ENOSPC);
	release(2, 2);
	expect_gives(100, 0, 2, 2);
	EXPECT_EQ(allocate(1), -ENOSPC);
}

TEST_F(SparePoolTest, NextBadListsRuns)
{
	dmr_spare_extent e = {};

	ASSERT_EQ(ops.add_member(pool_, 2, 1000, 1000 + 3 * chunk, false), 0);
	EXPECT_FALSE(ops.next_bad(pool_, 2, 0, &e));
	EXPECT_FALSE(ops.next_bad(pool_, 0, 0, &e));
	EXPECT_FALSE(ops.next_bad(pool_, DMR_MAX_MEMBERS, 0, &e));
	ASSERT_EQ(mark_bad(1000, 1, 2), 0);
	ASSERT_EQ(mark_bad(1000 + chunk - 2, 5, 2), 0);
	ASSERT_EQ(mark_bad(1000 + 3 * chunk - 1, 1, 2), 0);

	ASSERT_TRUE(ops.next_bad(pool_, 2, 0, &e));
	EXPECT_EQ(e.block, 1000u);
	EXPECT_EQ(e.length, 1u);
	EXPECT_EQ(e.member, 2u);
	ASSERT_TRUE(ops.next_bad(pool_, 2, 1001, &e));
	EXPECT_EQ(e.block, 1000 + chunk - 2);
	EXPECT_EQ(e.length, 5u);
	ASSERT_TRUE(ops.next_bad(pool_, 2, 1000 + chunk, &e));
	EXPECT_EQ(e.block, 1000 + chunk);
	EXPECT_EQ(e.length, 3u);
	ASSERT_TRUE(ops.next_bad(pool_, 2, 1000 + chunk + 3, &e));
	EXPECT_EQ(e.block, 1000 + 3 * chunk - 1);
	EXPECT_FALSE(ops.next_bad(pool_, 2, 1000 + 3 * chunk, &e));
	EXPECT_FALSE(ops.next_bad(pool_, 2, ~uint64_t(0), &e));
}

TEST_F(SparePoolTest, HugePoolsAreCheap)
{
	const uint64_t blocks = uint64_t(1) << 31;

	ASSERT_EQ(ops.add_member(pool_, 0, 4096, blocks, false), 0);
	ASSERT_EQ(reserve(blocks - 4, 4), 0);
	expect_gives(100000, 0, 4096, 100000);
	expect_usage(blocks - 4096, 100004, 0);
}

TEST_F(SparePoolTest, AllocationMakesProgressWithoutMemory)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 4 * chunk, false), 0);
	world_.memory().fail_chance(65536);

	// A directory and a chunk kept aside: the run ends with it, then nothing but what it holds is there.
	expect_gives(2 * chunk, 0, 0, chunk);
	EXPECT_EQ(allocate(1), -ENOMEM);
	release(7, 3);
	expect_gives(5, 0, 7, 3);
	EXPECT_EQ(allocate(1), -ENOMEM);

	world_.memory().fail_chance(0);
	expect_gives(3, 0, chunk, 3);
	// That call has filled the reserve again.
	world_.memory().fail_chance(65536);
	expect_gives(4 * chunk, 0, chunk + 3, 3 * chunk - 3);
	EXPECT_EQ(allocate(1), -ENOSPC);
}

TEST_F(SparePoolTest, WithoutMemoryTheNextMemberServes)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 2 * chunk, false), 0);
	ASSERT_EQ(ops.add_member(pool_, 1, 0, 100, false), 0);
	ASSERT_EQ(reserve(0, 10, 1), 0);
	expect_gives(chunk, 0, 0, chunk);
	world_.memory().fail_chance(65536);
	expect_gives(chunk, 0, chunk, chunk);
	expect_gives(20, 1, 10, 20);
}

TEST_F(SparePoolTest, TheBlocksOfAnAllocationCanTurnBadWithoutMemory)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 6 * chunk, false), 0);
	ASSERT_EQ(reserve(0, chunk - 4), 0);
	ASSERT_EQ(reserve(chunk + 100, 1), 0);
	world_.memory().fail_chance(65536);
	// Across an edge of chunks, none of which has bad blocks yet.
	expect_gives(8, 0, chunk - 4, 8);
	EXPECT_EQ(mark_bad(chunk - 4, 8), 0);
	expect_gives(8, 0, chunk + 4, 8);
	expect_usage(6 * chunk, chunk - 4 + 1 + 8, 8);

	// A directory and two chunks are gone of the six that were kept aside: this would take four, and nothing changes.
	EXPECT_EQ(mark_bad(2 * chunk, 3 * chunk + 1), -ENOMEM);
	expect_usage(6 * chunk, chunk - 4 + 1 + 8, 8);
	world_.memory().fail_chance(0);
	EXPECT_EQ(mark_bad(2 * chunk, 3 * chunk + 1), 0);
	expect_usage(6 * chunk, chunk - 4 + 1 + 8, 8 + 3 * chunk + 1);
}

TEST_F(SparePoolTest, TheBlocksOfAnAllocationAcrossDirectoriesCanTurnBadWithoutMemory)
{
	constexpr uint64_t edge = 256 * chunk;

	ASSERT_EQ(ops.add_member(pool_, 0, 0, 2 * edge, false), 0);
	ASSERT_EQ(reserve(0, edge - 4), 0);
	world_.memory().fail_chance(65536);
	expect_gives(8, 0, edge - 4, 8);
	EXPECT_EQ(mark_bad(edge - 4, 8), 0);
	expect_usage(2 * edge, edge - 4, 8);
}

TEST_F(SparePoolTest, WhatWasPreparedTurnsBadWithoutMemory)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 8 * chunk, false), 0);
	EXPECT_EQ(prepare_bad(0, 0), -EINVAL);
	EXPECT_EQ(prepare_bad(8 * chunk, 1), -EINVAL);
	EXPECT_EQ(prepare_bad(0, 1, 1), -EINVAL);
	for (uint64_t i = 0; i < 5; i++)
		ASSERT_EQ(prepare_bad(i * chunk, 1), 0);
	world_.memory().fail_chance(65536);
	EXPECT_EQ(prepare_bad(5 * chunk, 1), 0);
	ASSERT_EQ(ops.add_member(pool_, 1, 0, 1, false), -ENOMEM);
	for (uint64_t i = 0; i < 6; i++)
		EXPECT_EQ(mark_bad(i * chunk, 1), 0) << i;
	expect_usage(8 * chunk, 0, 6);
}

TEST_F(SparePoolTest, PreparingWithoutMemoryFails)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 8 * chunk, false), 0);
	world_.memory().fail_chance(65536);
	for (uint64_t i = 0; i < 5; i++)
		ASSERT_EQ(prepare_bad(i * chunk, 1), 0);
	EXPECT_EQ(prepare_bad(5 * chunk, 1), -ENOMEM);
	expect_usage(8 * chunk, 0, 0);
}

TEST_F(SparePoolTest, ReserveWithoutMemoryChangesNothing)
{
	ASSERT_EQ(ops.add_member(pool_, 0, 0, 3 * chunk, false), 0);
	world_.memory().fail_chance(65536);
	EXPECT_EQ(reserve(10, 2 * chunk), -ENOMEM);
	expect_usage(3 * chunk, 0, 0);
	world_.memory().fail_chance(0);
	EXPECT_EQ(reserve(10, 2 * chunk), 0);
}

} // namespace
