// SPDX-License-Identifier: GPL-2.0
#include "core/index/region_filter.hh"

#include <dm_remap/kernel_api.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

using namespace dm_remap;

namespace {

bool out_of_memory;
int live;

} // namespace

extern "C" void *dmr_alloc(size_t bytes)
{
	if (out_of_memory)
		return nullptr;
	live++;
	return std::calloc(1, bytes);
}

extern "C" void dmr_free(void *p)
{
	live -= p != nullptr;
	std::free(p);
}

// The index, which is linked in as well, refers to them.
extern "C" void dmr_free_rcu(void *)
{
	std::abort();
}
extern "C" void dmr_rcu_synchronize()
{
	std::abort();
}

namespace {

class RegionFilterTest : public testing::Test {
protected:
	void TearDown() override
	{
		filter.destroy();
		EXPECT_EQ(live, 0);
	}
	void init(uint64_t blocks) { ASSERT_FALSE(filter.init(Blocks(blocks))); }
	bool maybe(uint64_t start, uint64_t n = 1) const { return filter.maybe(MainBlock(start), Blocks(n)); }
	void add(uint64_t start, uint64_t n = 1) { filter.add(MainBlock(start), Blocks(n)); }

	RegionFilter filter;
};

TEST_F(RegionFilterTest, RegionsAreAsSmallAsTheBitmapAllows)
{
	const struct {
		uint64_t blocks, regions, length;
	} cases[] = {
		{1, 1, 1},
		{1000, 1000, 1},
		{1 << 18, 1 << 18, 1},
		{(1 << 18) + 1, (1 << 17) + 1, 2},
		{1ull << 32, 1 << 18, 1 << 14},
		{(1ull << 32) + 1, (1 << 17) + 1, 1 << 15},
		{1ull << 55, 1 << 18, 1ull << 37},
	};

	for (const auto &c : cases) {
		RegionFilter other;

		ASSERT_FALSE(other.init(Blocks(c.blocks)));
		EXPECT_EQ(other.regions(), c.regions) << c.blocks;
		EXPECT_EQ(other.region_length().value, c.length) << c.blocks;
		EXPECT_FALSE(other.maybe(MainBlock(c.blocks - 1), Blocks(1)));
		other.add(MainBlock(c.blocks - 1), Blocks(1));
		EXPECT_TRUE(other.maybe(MainBlock(c.blocks - 1), Blocks(1)));
		EXPECT_EQ(other.regions_set(), 1u);
		other.destroy();
	}
}

TEST_F(RegionFilterTest, NoMemory)
{
	out_of_memory = true;
	EXPECT_EQ(filter.init(Blocks(1000)).code(), ENOMEM);
	out_of_memory = false;
	EXPECT_EQ(filter.regions(), 0u);
}

TEST_F(RegionFilterTest, AnswersForRegionsNotForBlocks)
{
	init(1 << 22); // 16 blocks a region
	ASSERT_EQ(filter.region_length().value, 16u);
	add(40, 2);
	EXPECT_FALSE(maybe(0, 32));
	EXPECT_TRUE(maybe(32));
	EXPECT_TRUE(maybe(47));
	EXPECT_FALSE(maybe(48, 1000));
	EXPECT_TRUE(maybe(31, 2));
	EXPECT_TRUE(maybe(0, 5000));
}

TEST_F(RegionFilterTest, ResetClearsAll)
{
	init(5000);
	add(0, 5000);
	EXPECT_EQ(filter.regions_set(), 5000u);
	filter.reset();
	EXPECT_EQ(filter.regions_set(), 0u);
	for (uint64_t b = 0; b < 5000; b++)
		ASSERT_FALSE(maybe(b));
}

TEST_F(RegionFilterTest, WhatItDoesNotCoverIsForTheIndex)
{
	init(100);
	EXPECT_TRUE(maybe(100));
	EXPECT_TRUE(maybe(99, 2));
	EXPECT_TRUE(maybe(~0ull));
	EXPECT_TRUE(maybe(50, ~0ull));
	add(99, ~0ull);
	add(200, 5);
	add(5, 0);
	EXPECT_EQ(filter.regions_set(), 1u);
	EXPECT_FALSE(maybe(0, 99));
}

TEST_F(RegionFilterTest, LongRangesAreForTheIndex)
{
	init(1 << 18);
	EXPECT_FALSE(maybe(0, 16 * 64));
	EXPECT_FALSE(maybe(63, 15 * 64 + 1));
	EXPECT_TRUE(maybe(63, 15 * 64 + 2));
	EXPECT_TRUE(maybe(0, 1 << 18));
}

TEST_F(RegionFilterTest, NeverMissesAndNeverInvents)
{
	std::mt19937_64 random(5);

	for (uint64_t blocks : {1ull, 63ull, 64ull, 65ull, 4000ull, 300000ull, 1000000ull}) {
		RegionFilter other;

		ASSERT_FALSE(other.init(Blocks(blocks)));
		const uint64_t length = other.region_length().value;
		std::vector<bool> set(other.regions());
		for (int i = 0; i < 300; i++) {
			uint64_t start = random() % blocks;
			uint64_t n = 1 + random() % std::min<uint64_t>(blocks - start, 3 + random() % 200);
			if (i % 10 == 0) {
				other.add(MainBlock(start), Blocks(n));
				for (uint64_t r = start / length; r <= (start + n - 1) / length; r++)
					set[r] = true;
			}
			start = random() % blocks;
			n = 1 + random() % std::min<uint64_t>(blocks - start, 900);
			bool expected = false;
			for (uint64_t r = start / length; r <= (start + n - 1) / length; r++)
				expected = expected || set[r];
			ASSERT_EQ(other.maybe(MainBlock(start), Blocks(n)), expected) << blocks << ": " << start << " +" << n;
		}
		other.destroy();
	}
}

} // namespace
