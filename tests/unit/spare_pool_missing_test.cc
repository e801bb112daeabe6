// SPDX-License-Identifier: GPL-2.0
// Members whose device is not there, through the pool's operations table.
#include <dm_remap/spare_pool.h>

#include "host/world.hh"

#include <gtest/gtest.h>

#include <cerrno>

extern "C" const dmr_spare_pool_ops dmr_spare_pool_operations;

namespace {

using dm_remap::host::World;

constexpr const dmr_spare_pool_ops &ops = dmr_spare_pool_operations;
constexpr uint64_t petabytes = uint64_t(1) << 50; // in blocks

class MissingMemberTest : public testing::Test {
protected:
	void SetUp() override
	{
		ASSERT_EQ(ops.create(&pool_), 0);
		ASSERT_EQ(ops.add_member(pool_, 3, 100, petabytes, true), 0);
	}
	void TearDown() override
	{
		ops.destroy(pool_);
		EXPECT_EQ(world_.memory().live(), 0u) << world_.memory().describe_live();
	}

	int reserve(uint64_t block, uint32_t length)
	{
		const dmr_spare_extent e = {block, length, 3};
		return ops.reserve(pool_, &e);
	}
	int mark_bad(uint64_t block, uint32_t length)
	{
		const dmr_spare_extent e = {block, length, 3};
		return ops.mark_bad(pool_, &e);
	}
	// Whether it was taken.
	bool release(uint64_t block, uint32_t length)
	{
		const dmr_spare_extent e = {block, length, 3};
		const size_t lines = world_.logs.size();

		ops.release(pool_, &e);
		return world_.logs.size() == lines;
	}
	void expect_usage(uint64_t used, uint64_t bad)
	{
		dmr_pool_usage u;

		ops.usage(pool_, 3, &u);
		EXPECT_EQ(u.total, petabytes - 100);
		EXPECT_EQ(u.used, used);
		EXPECT_EQ(u.bad, bad);
		EXPECT_EQ(u.free, 0u);
	}

	World world_;
	dmr_pool *pool_ = nullptr;
};

TEST_F(MissingMemberTest, ItsSizeTakesNoMemory)
{
	const uint64_t before = world_.memory().bytes();

	for (uint32_t i = 4; i < DMR_MAX_MEMBERS; i++)
		ASSERT_EQ(ops.add_member(pool_, i, 8, uint64_t(1) << 54, true), 0);
	EXPECT_EQ(reserve(petabytes - 1, 1), 0);
	EXPECT_EQ(reserve(100, 0xffffffff), 0);
	EXPECT_EQ(mark_bad(uint64_t(1) << 40, 0xffffffff), 0);
	EXPECT_LT(world_.memory().bytes() - before, 32u * 1024);
}

TEST_F(MissingMemberTest, GivesOutNothing)
{
	dmr_spare_extent e;

	EXPECT_EQ(ops.allocate(pool_, 1, &e), -ENOSPC);
	ops.set_open(pool_, 3, true);
	EXPECT_EQ(ops.allocate(pool_, 1, &e), -ENOSPC);
	EXPECT_EQ(ops.add_member(pool_, 3, 0, 10, false), -EEXIST);
	EXPECT_EQ(ops.add_member(pool_, 0, 0, 10, false), 0);
	EXPECT_EQ(ops.add_member(pool_, 0, 0, 10, true), -EEXIST);
	ASSERT_EQ(ops.allocate(pool_, 1, &e), 0);
	EXPECT_EQ(e.member, 0u);
}

TEST_F(MissingMemberTest, WhileTheMapIsLoadedItIsAsExactAsAnother)
{
	EXPECT_EQ(reserve(150, 10), 0);
	EXPECT_EQ(reserve(160, 5), 0);
	EXPECT_EQ(reserve(159, 1), -EEXIST);
	EXPECT_EQ(reserve(140, 11), -EEXIST);
	EXPECT_EQ(reserve(99, 2), -EINVAL);
	EXPECT_EQ(reserve(petabytes - 1, 2), -EINVAL);
	EXPECT_EQ(reserve(150, 0), -EINVAL);
	EXPECT_EQ(reserve(~uint64_t(0), 2), -EINVAL);
	expect_usage(15, 0);
	EXPECT_TRUE(release(155, 7));
	EXPECT_FALSE(release(155, 1));
	EXPECT_FALSE(release(154, 3));
	EXPECT_EQ(reserve(156, 2), 0);
	expect_usage(10, 0);
	// Used, free and bad ones at once.
	EXPECT_EQ(mark_bad(154, 3), 0);
	EXPECT_EQ(mark_bad(153, 6), 0);
	expect_usage(3 + 3, 6);
	EXPECT_EQ(reserve(158, 1), -EEXIST);
	EXPECT_FALSE(release(152, 2));
	EXPECT_EQ(mark_bad(99, 2), -EINVAL);
	EXPECT_EQ(mark_bad(150, 0), -EINVAL);
}

TEST_F(MissingMemberTest, AfterTheLoadItIsOnlyLeft)
{
	ASSERT_EQ(reserve(150, 10), 0);
	ASSERT_EQ(mark_bad(200, 3), 0);
	ASSERT_EQ(ops.load_done(pool_), 0);
	EXPECT_EQ(reserve(300, 1), -EINVAL);
	EXPECT_EQ(mark_bad(300, 1), -EINVAL);
	const dmr_spare_extent e = {300, 1, 3};
	EXPECT_EQ(ops.prepare_bad(pool_, &e), -EINVAL);

	world_.memory().fail_chance(65536);
	EXPECT_TRUE(release(154, 2));
	EXPECT_FALSE(release(99, 2));
	EXPECT_FALSE(release(200, 1)); // a bad one
	EXPECT_EQ(ops.remove_member(pool_, 3), -EBUSY);
	EXPECT_TRUE(release(150, 4));
	EXPECT_TRUE(release(156, 4));
	EXPECT_FALSE(release(150, 1)); // more than there was
	expect_usage(0, 3);
	EXPECT_EQ(ops.remove_member(pool_, 3), 0);
	EXPECT_EQ(ops.remove_member(pool_, 3), -EINVAL);
}

TEST_F(MissingMemberTest, NextBadListsRuns)
{
	dmr_spare_extent e = {};

	EXPECT_FALSE(ops.next_bad(pool_, 3, 0, &e));
	for (uint64_t i = 0; i < 1000; i++)
		ASSERT_EQ(mark_bad(petabytes - 10 - i * 7919 % 1000 * 10, 3), 0);
	ASSERT_EQ(ops.load_done(pool_), 0);
	uint64_t from = 0, n = 0;

	for (; ops.next_bad(pool_, 3, from, &e); from = e.block + e.length, n++) {
		ASSERT_EQ(e.block, petabytes - 10 - (999 - n) * 10);
		ASSERT_EQ(e.length, 3u);
		ASSERT_EQ(e.member, 3u);
	}
	EXPECT_EQ(n, 1000u);
	ASSERT_TRUE(ops.next_bad(pool_, 3, petabytes - 9, &e));
	EXPECT_EQ(e.block, petabytes - 9);
	EXPECT_EQ(e.length, 2u);
	EXPECT_FALSE(ops.next_bad(pool_, 3, ~uint64_t(0), &e));
}

// One run is longer than a record can say.
TEST_F(MissingMemberTest, NextBadCutsALongRun)
{
	dmr_spare_extent e = {};

	ASSERT_EQ(mark_bad(1000, 0xffffffff), 0);
	ASSERT_EQ(mark_bad(1000 + uint64_t(0xffffffff), 5), 0);
	ASSERT_TRUE(ops.next_bad(pool_, 3, 0, &e));
	EXPECT_EQ(e.length, 0xffffffffu);
	ASSERT_TRUE(ops.next_bad(pool_, 3, e.block + e.length, &e));
	EXPECT_EQ(e.length, 5u);
	expect_usage(0, uint64_t(0xffffffff) + 5);
}

TEST_F(MissingMemberTest, ALoadWithoutMemoryEndsWithAnError)
{
	for (uint64_t i = 0; i < 300; i++)
		ASSERT_EQ(reserve(1000 + 20 * i, 10), 0);
	world_.memory().fail_chance(65536);
	// Until a page has to be cut in two.
	for (uint64_t i = 0; i < 300; i++)
		EXPECT_TRUE(release(1004 + 20 * i, 1));
	expect_usage(300 * 9, 0);
	EXPECT_EQ(reserve(100, 1), -ENOMEM);
	EXPECT_EQ(mark_bad(100, 1), -ENOMEM);
	EXPECT_EQ(ops.load_done(pool_), -ENOMEM);
}

TEST_F(MissingMemberTest, NoImageTakesMoreThanItsShare)
{
	constexpr uint64_t apart = 1000;
	uint64_t n = 0;

	while (reserve(100 + n * apart, 1) == 0)
		n++;
	EXPECT_GT(n, 4000000u);
	EXPECT_EQ(reserve(100 + n * apart, 1), -E2BIG);
	EXPECT_LE(world_.memory().most_bytes(), uint64_t(DMR_POOL_MISSING_BYTES) + 64 * 1024);
	// The others are counted with it.
	ASSERT_EQ(ops.add_member(pool_, 5, 0, petabytes, true), 0);
	const dmr_spare_extent e = {1, 1, 5};
	EXPECT_EQ(ops.mark_bad(pool_, &e), -E2BIG);
	EXPECT_EQ(ops.load_done(pool_), 0);
	EXPECT_LE(world_.memory().bytes(), 64u * 1024);
	expect_usage(n, 0);
}

} // namespace
