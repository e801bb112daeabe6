// SPDX-License-Identifier: GPL-2.0
#include "spare_pool/sparse_bitmap.hh"

#include "host/world.hh"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace dm_remap;
using dm_remap::host::World;
using dm_remap::pool::chunk_bits;
using dm_remap::pool::ChunkReserve;
using dm_remap::pool::SparseBitmap;

class SparseBitmapTest : public testing::Test {
protected:
	void init(uint64_t bits) { ASSERT_FALSE(bitmap_.init(bits)); }
	void set(uint64_t from, uint64_t end)
	{
		ASSERT_EQ(bitmap_.provide(from, end, reserve_, 0), end);
		bitmap_.set(from, end);
	}
	void TearDown() override
	{
		bitmap_.destroy();
		reserve_.destroy();
		EXPECT_EQ(world_.memory().live(), 0u) << world_.memory().describe_live();
	}

	World world_;
	SparseBitmap bitmap_;
	ChunkReserve reserve_;
};

TEST_F(SparseBitmapTest, AbsentChunksAreAllZero)
{
	init(10 * chunk_bits);
	EXPECT_EQ(bitmap_.next_set(0, 10 * chunk_bits), 10 * chunk_bits);
	EXPECT_EQ(bitmap_.next_clear(5, 10 * chunk_bits), 5u);
	EXPECT_FALSE(bitmap_.test(10 * chunk_bits - 1));
	EXPECT_EQ(bitmap_.count(), 0u);
}

TEST_F(SparseBitmapTest, HoldsABillionBitsInLittleMemory)
{
	const uint64_t bits = uint64_t(1) << 31;

	init(bits);
	const uint64_t before = world_.memory().allocations();
	set(bits - 3, bits);
	EXPECT_EQ(world_.memory().allocations() - before, 2u);
	EXPECT_EQ(bitmap_.next_set(0, bits), bits - 3);
	EXPECT_EQ(bitmap_.next_clear(bits - 3, bits), bits);
}

TEST_F(SparseBitmapTest, ASpareOf20TiBTakesLittle)
{
	const uint64_t bits = (uint64_t(20) << 40) / 512;

	init(bits);
	EXPECT_LT(world_.memory().bytes(), 64u * 1024);
	set(bits / 2, bits / 2 + 100);
	set(bits - 1, bits);
	EXPECT_LT(world_.memory().bytes(), 128u * 1024);
	EXPECT_EQ(bitmap_.next_set(0, bits), bits / 2);
	EXPECT_EQ(bitmap_.next_set(bits / 2 + 100, bits), bits - 1);
}

// Directories are provided one by one, and passed as a whole where they are absent.
TEST_F(SparseBitmapTest, RangesAcrossDirectories)
{
	constexpr uint64_t directory = 256 * chunk_bits;
	const uint64_t bits = 5 * directory;

	init(bits);
	set(2 * directory - 1, 3 * directory + 1);
	EXPECT_EQ(bitmap_.count(), directory + 2);
	EXPECT_EQ(bitmap_.next_set(0, bits), 2 * directory - 1);
	EXPECT_EQ(bitmap_.next_set(0, 2 * directory - 1), 2 * directory - 1);
	EXPECT_EQ(bitmap_.next_clear(2 * directory - 1, bits), 3 * directory + 1);
	EXPECT_EQ(bitmap_.next_set(3 * directory + 1, bits), bits);
	EXPECT_EQ(bitmap_.next_provided(0, bits), 2 * directory - chunk_bits);
	EXPECT_EQ(bitmap_.next_provided(2 * directory + 5, bits), 2 * directory + 5);
	EXPECT_EQ(bitmap_.next_provided(3 * directory + chunk_bits, bits), bits);
	EXPECT_EQ(bitmap_.next_provided(0, directory), directory);
	bitmap_.clear(2 * directory, 3 * directory);
	EXPECT_EQ(bitmap_.count(), 2u);
	EXPECT_EQ(bitmap_.next_set(2 * directory, bits), 3 * directory);
	EXPECT_EQ(bitmap_.word(4 * directory / 64), 0u);
}

TEST_F(SparseBitmapTest, RangesAcrossWordsAndChunks)
{
	const uint64_t edges[] = {1, 63, 64, 65, 127, chunk_bits - 64, chunk_bits - 1, chunk_bits, chunk_bits + 1,
				  2 * chunk_bits - 1, 2 * chunk_bits, 3 * chunk_bits - 7};

	for (const uint64_t from : edges) {
		for (const uint64_t end : edges) {
			if (from >= end)
				continue;
			SCOPED_TRACE(testing::Message() << from << " to " << end);
			init(3 * chunk_bits);
			set(from, end);
			EXPECT_EQ(bitmap_.count(), end - from);
			EXPECT_FALSE(bitmap_.test(from - 1));
			EXPECT_TRUE(bitmap_.test(from));
			EXPECT_TRUE(bitmap_.test(end - 1));
			EXPECT_FALSE(bitmap_.test(end));
			EXPECT_EQ(bitmap_.next_set(0, 3 * chunk_bits), from);
			EXPECT_EQ(bitmap_.next_clear(from, 3 * chunk_bits), end);
			EXPECT_EQ(bitmap_.next_clear(from, end), end);
			bitmap_.clear(from, end);
			EXPECT_EQ(bitmap_.count(), 0u);
			EXPECT_EQ(bitmap_.next_set(0, 3 * chunk_bits), 3 * chunk_bits);
			bitmap_.destroy();
		}
	}
}

TEST_F(SparseBitmapTest, SearchesStopAtTheirEnd)
{
	init(2 * chunk_bits);
	set(100, 200);
	EXPECT_EQ(bitmap_.next_set(0, 100), 100u);
	EXPECT_EQ(bitmap_.next_set(0, 90), 90u);
	EXPECT_EQ(bitmap_.next_clear(100, 150), 150u);
	EXPECT_EQ(bitmap_.next_set(200, 2 * chunk_bits), 2 * chunk_bits);
}

TEST_F(SparseBitmapTest, FullChunksArePassed)
{
	init(4 * chunk_bits);
	set(0, 3 * chunk_bits);
	EXPECT_EQ(bitmap_.count(1), chunk_bits);
	EXPECT_EQ(bitmap_.next_clear(0, 4 * chunk_bits), 3 * chunk_bits);
	EXPECT_EQ(bitmap_.next_clear(17, 2 * chunk_bits), 2 * chunk_bits);
}

TEST_F(SparseBitmapTest, ProvideTakesFromTheReserveWhenThereIsNoMemory)
{
	init(8 * chunk_bits);
	reserve_.refill();
	ASSERT_EQ(reserve_.available(), ChunkReserve::capacity);
	world_.memory().fail_chance(65536);

	// All but one: the directory and four chunks, then the fifth is missing.
	EXPECT_EQ(bitmap_.provide(10, 6 * chunk_bits, reserve_, 1), 4 * chunk_bits);
	EXPECT_EQ(reserve_.available(), 1u);
	// What is there already is not asked for again.
	EXPECT_EQ(bitmap_.provide(0, 4 * chunk_bits, reserve_, 0), 4 * chunk_bits);
	EXPECT_EQ(reserve_.available(), 1u);
	EXPECT_EQ(bitmap_.provide(4 * chunk_bits, 6 * chunk_bits, reserve_, 0), 5 * chunk_bits);
	EXPECT_EQ(bitmap_.provide(5 * chunk_bits + 5, 6 * chunk_bits, reserve_, 0), 5 * chunk_bits + 5);

	world_.memory().fail_chance(0);
	reserve_.refill();
	EXPECT_EQ(reserve_.available(), ChunkReserve::capacity);
}

TEST_F(SparseBitmapTest, InitFailsWithoutMemoryAndLeavesNothing)
{
	world_.memory().fail_nth(1);
	EXPECT_EQ(bitmap_.init(chunk_bits).code(), ENOMEM);
	EXPECT_EQ(bitmap_.bits(), 0u);
	EXPECT_EQ(world_.memory().live(), 0u);
}

} // namespace
