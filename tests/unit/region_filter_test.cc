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
	void init(uint64_t blocks) { ASSERT_FALSE(filter.init(Blocks(blocks), BlockSize(512), gate)); }
	bool maybe(uint64_t start, uint64_t n = 1) const { return filter.maybe(MainBlock(start), Blocks(n)); }
	void add(uint64_t start, uint64_t n = 1) { filter.add(MainBlock(start), Blocks(n)); }

	dmr_gate gate{};
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

		ASSERT_FALSE(other.init(Blocks(c.blocks), BlockSize(512), gate));
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
	EXPECT_EQ(filter.init(Blocks(1000), BlockSize(512), gate).code(), ENOMEM);
	out_of_memory = false;
	EXPECT_EQ(filter.regions(), 0u);
}

TEST_F(RegionFilterTest, AnswersForRegionsNotForBlocks)
{
	init(1 << 20); // 4 blocks a region, and 8 a bit of the other bitmap
	ASSERT_EQ(filter.region_length().value, 4u);
	add(41, 2);
	EXPECT_FALSE(maybe(0, 40));
	EXPECT_TRUE(maybe(40));
	EXPECT_TRUE(maybe(43));
	EXPECT_FALSE(maybe(44, 1000));
	EXPECT_TRUE(maybe(39, 2));
	EXPECT_TRUE(maybe(0, 2000));
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

// 4 KiB is 8 blocks of 512 bytes.
TEST_F(RegionFilterTest, InALargeRegionItTellsWhatIsNear)
{
	init(1ull << 32);
	ASSERT_EQ(filter.region_length().value, 1u << 14);
	add(1000, 8);
	EXPECT_TRUE(maybe(1000));
	EXPECT_TRUE(maybe(1007));
	EXPECT_FALSE(maybe(1008, 8000));
	EXPECT_FALSE(maybe(0, 1000));
	EXPECT_TRUE(maybe(999, 2));
	EXPECT_FALSE(maybe(1000 + (8ull << 18))) << "the same bit, in a region that holds nothing";
	add(5 + (8ull << 18));
	EXPECT_TRUE(maybe(1000 + (8ull << 18)));
	EXPECT_FALSE(maybe(1016 + (8ull << 18)));
	EXPECT_TRUE(maybe(1008, 8 * 1025)) << "the index is cheaper";
	// A range that goes round.
	add((8ull << 18) - 8, 16);
	EXPECT_TRUE(maybe((8ull << 18) - 1));
	EXPECT_TRUE(maybe(8ull << 18));
	EXPECT_FALSE(maybe((8ull << 18) + 16, 100));
	// One that fills all.
	add(1ull << 30, 1ull << 31);
	EXPECT_TRUE(maybe(1016));
	filter.reset();
	EXPECT_FALSE(maybe(1000));
	EXPECT_FALSE(maybe(1ull << 30, 1000));
}

TEST_F(RegionFilterTest, LargeBlocksHaveABitEach)
{
	ASSERT_FALSE(filter.init(Blocks(1u << 20), BlockSize(4096), gate));
	ASSERT_EQ(filter.region_length().value, 4u);
	EXPECT_EQ(gate.region_shift, 5u);
	add(41);
	EXPECT_TRUE(maybe(41));
	EXPECT_FALSE(maybe(40));
	EXPECT_FALSE(maybe(42, 2));
}

TEST_F(RegionFilterTest, TheGateSaysTheSameOfWhatIsInOneWord)
{
	init(1ull << 32);
	const uint64_t place = 1u << 20; // a multiple of 64 regions
	EXPECT_TRUE(dmr_gate_open(&gate, 0, 8));
	add(place, 8);
	EXPECT_TRUE(dmr_gate_any(&gate));
	EXPECT_TRUE(dmr_gate_open(&gate, 0, 8));
	EXPECT_FALSE(dmr_gate_open(&gate, place, 1));
	EXPECT_FALSE(dmr_gate_far(&gate, place + 8, 8));
	EXPECT_TRUE(dmr_gate_near(&gate, place + 8, 8));
	EXPECT_TRUE(dmr_gate_open(&gate, place + 8, 8));
	EXPECT_FALSE(dmr_gate_open(&gate, place + 7, 2));
	EXPECT_FALSE(dmr_gate_open(&gate, place - 4, 8)) << "the second region";
	EXPECT_TRUE(dmr_gate_open(&gate, place - 8, 8));
	EXPECT_FALSE(dmr_gate_open(&gate, place - 8, 16)) << "not in one word";
	EXPECT_FALSE(dmr_gate_open(&gate, 1ull << 32, 8)) << "beyond main";
	EXPECT_FALSE(dmr_gate_open(&gate, (1ull << 32) - 4, 8));
	gate.taken = 1;
	EXPECT_FALSE(dmr_gate_open(&gate, 0, 8));
	EXPECT_FALSE(dmr_gate_near(&gate, place + 8, 8));
	gate.taken = 0;
	filter.reset();
	EXPECT_TRUE(dmr_gate_open(&gate, place, 8));
}

TEST_F(RegionFilterTest, NeverMissesAndNeverInvents)
{
	constexpr uint64_t near_blocks = RegionFilter::near_bytes / 512;
	std::mt19937_64 random(5);

	for (uint64_t blocks : {1ull, 63ull, 64ull, 65ull, 4000ull, 300000ull, 1000000ull, 10000000ull, 1ull << 33}) {
		RegionFilter other;

		ASSERT_FALSE(other.init(Blocks(blocks), BlockSize(512), gate));
		const uint64_t length = other.region_length().value;
		std::vector<bool> set(other.regions()), near(RegionFilter::max_near);
		auto any = [](const std::vector<bool> &bits, uint64_t start, uint64_t n, uint64_t size) {
			for (uint64_t i = start / size; i <= (start + n - 1) / size; i++)
				if (bits[i % bits.size()])
					return true;
			return false;
		};
		auto add = [](std::vector<bool> &bits, uint64_t start, uint64_t n, uint64_t size) {
			for (uint64_t i = start / size; i <= (start + n - 1) / size; i++)
				bits[i % bits.size()] = true;
		};
		std::vector<uint64_t> places;
		for (int i = 0; i < 600; i++) {
			uint64_t start = random() % blocks;
			uint64_t n = 1 + random() % std::min<uint64_t>(blocks - start, 3 + random() % 200);
			if (i % 10 == 0) {
				other.add(MainBlock(start), Blocks(n));
				add(set, start, n, length);
				add(near, start, n, near_blocks);
				places.push_back(start);
			}
			// Half of them close to what was added.
			start = i % 2 ? random() % blocks : std::min(blocks - 1, places[random() % places.size()] + random() % 300);
			n = 1 + random() % std::min<uint64_t>(blocks - start, 900);
			const bool expected = any(set, start, n, length) && (length <= near_blocks || any(near, start, n, near_blocks));
			ASSERT_EQ(other.maybe(MainBlock(start), Blocks(n)), expected) << blocks << ": " << start << " +" << n;
		}
		other.destroy();
	}
}

} // namespace
