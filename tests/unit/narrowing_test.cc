// SPDX-License-Identifier: GPL-2.0
// Physical blocks, and the search for those that fail.
#include "core/recovery/narrowing.hh"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace dm_remap {
namespace {

using Before = Narrowing::Before;

PhysicalBlocks physical(uint32_t bytes, int32_t alignment = 0, uint32_t block_bytes = 512)
{
	dmr_device_info info = {};

	info.physical_block_bytes = bytes;
	info.alignment_bytes = alignment;
	return PhysicalBlocks(info, BlockSize(block_bytes));
}

TEST(PhysicalBlocks, WhatOneCannotWorkWithIsABlockByItself)
{
	EXPECT_EQ(PhysicalBlocks().size(), Blocks(1));
	EXPECT_EQ(physical(4096).size(), Blocks(8));
	EXPECT_EQ(physical(65536).size(), Blocks(128));
	EXPECT_EQ(physical(16384, 0, 4096).size(), Blocks(4));
	for (const PhysicalBlocks &one : { physical(0), physical(512), physical(3072), physical(131072), physical(4096, -1),
					   physical(4096, 100), physical(4096, 0, 4096) })
		EXPECT_EQ(one.size(), Blocks(1));
}

TEST(PhysicalBlocks, AUnitIsAWholeOneOrABlock)
{
	const PhysicalBlocks p = physical(4096);

	EXPECT_EQ(p.unit(MainBlock(8), MainBlock(16)), Blocks(8));
	EXPECT_EQ(p.unit(MainBlock(8), MainBlock(15)), Blocks(1)) << "not all of it is asked for";
	EXPECT_EQ(p.unit(MainBlock(9), MainBlock(32)), Blocks(1)) << "none begins there";
	const PhysicalBlocks odd = physical(4096, 3 * 512); // a partition that begins in the midst of one

	EXPECT_EQ(odd.unit(MainBlock(0), MainBlock(8)), Blocks(1));
	EXPECT_EQ(odd.unit(MainBlock(3), MainBlock(11)), Blocks(8));
	EXPECT_EQ(odd.unit(MainBlock(8), MainBlock(32)), Blocks(1));
	EXPECT_EQ(physical(4096, 4096 + 512).unit(MainBlock(1), MainBlock(9)), Blocks(8)) << "as a chunk's size gives it";
}

TEST(PhysicalBlocks, APartEndsWithOneWhereItCan)
{
	const PhysicalBlocks p = physical(4096, 3 * 512);

	EXPECT_EQ(p.cut(MainBlock(5), Blocks(128), MainBlock(300)), MainBlock(131));
	EXPECT_EQ(p.cut(MainBlock(3), Blocks(128), MainBlock(300)), MainBlock(131));
	EXPECT_EQ(p.cut(MainBlock(0), Blocks(2), MainBlock(300)), MainBlock(2)) << "before the first";
	EXPECT_EQ(p.cut(MainBlock(4), Blocks(3), MainBlock(300)), MainBlock(7)) << "none ends there";
	EXPECT_EQ(p.cut(MainBlock(5), Blocks(128), MainBlock(100)), MainBlock(100));
	EXPECT_EQ(PhysicalBlocks().cut(MainBlock(5), Blocks(128), MainBlock(300)), MainBlock(133));
}

struct Cost {
	uint32_t commands = 0, failing = 0;
	std::set<uint64_t> bad;	// blocks
};

// A drive on which a command fails if it touches a physical block that is bad.
Cost search(const PhysicalBlocks &p, uint64_t first, uint64_t end, Before before, const std::set<uint64_t> &bad_blocks)
{
	Narrowing n(p, MainBlock(first), MainBlock(end), Blocks(end - first), before);
	Cost cost;
	uint64_t at = first;

	while (!n.done()) {
		const uint64_t start = n.at().value, stop = (n.at() + n.length()).value;

		EXPECT_EQ(start, at) << "no block is left out";
		EXPECT_GT(stop, start);
		EXPECT_LE(stop, end);
		const auto it = bad_blocks.lower_bound(start);
		const bool fails = it != bad_blocks.end() && *it < stop;

		cost.commands++;
		cost.failing += fails;
		if (fails && n.alone())
			for (uint64_t b = start; b < stop; b++)
				cost.bad.insert(b);
		if (!fails || n.alone())
			at = stop;
		if (fails)
			n.failed();
		else
			n.passed();
	}
	EXPECT_EQ(at, end);
	return cost;
}

std::set<uint64_t> blocks(uint64_t first, uint64_t count)
{
	std::set<uint64_t> all;

	for (uint64_t b = first; b < first + count; b++)
		all.insert(b);
	return all;
}

// The commands of the table, without the request's own and without the retries.
TEST(Narrowing, OneBadPhysicalBlockIsFoundWithTwoFailingCommands)
{
	const PhysicalBlocks p = physical(4096);

	for (uint64_t bad = 0; bad < 256; bad += 8) {
		const Cost cost = search(p, 0, 256, Before::bad_medium, blocks(bad, 8));

		EXPECT_EQ(cost.bad, blocks(bad, 8));
		EXPECT_EQ(cost.failing, 2u);
		EXPECT_LE(cost.commands, 15u) << bad;
	}
	for (uint64_t bad = 0; bad < 64; bad += 8)
		EXPECT_EQ(search(p, 0, 64, Before::bad_medium, blocks(bad, 8)).failing, 1u) << "there are few: each by itself";
}

TEST(Narrowing, OneBadBlockOfManyToo)
{
	for (uint64_t bad = 0; bad < 256; bad++) {
		const Cost cost = search(PhysicalBlocks(), 0, 256, Before::bad_medium, { bad });

		EXPECT_EQ(cost.bad, std::set<uint64_t>{ bad });
		EXPECT_EQ(cost.failing, 2u);
		EXPECT_LE(cost.commands, 48u);
	}
}

TEST(Narrowing, WhatWasNotAskedIsAskedAsAWholeFirst)
{
	EXPECT_EQ(search(physical(4096), 0, 256, Before::not_asked, {}).commands, 1u);
	EXPECT_EQ(search(physical(4096), 0, 256, Before::not_asked, blocks(80, 8)).failing, 3u);
	EXPECT_EQ(search(physical(4096), 8, 16, Before::not_asked, blocks(8, 8)).failing, 1u) << "that is the block alone";
}

TEST(Narrowing, AfterAnotherFailureItBeginsWithOnePhysicalBlock)
{
	const PhysicalBlocks p = physical(4096);
	Narrowing n(p, MainBlock(0), MainBlock(256), Blocks(256), Before::other_failure);

	EXPECT_EQ(n.length(), Blocks(8));
	EXPECT_TRUE(n.alone());
}

TEST(Narrowing, OnlyWhatFailedIsSuspected)
{
	const PhysicalBlocks p = physical(4096);
	Narrowing n(p, MainBlock(0), MainBlock(256), Blocks(256), Before::bad_medium);

	EXPECT_FALSE(n.suspects());
	n.failed();		// a stride
	EXPECT_TRUE(n.suspects());
	n.passed();		// its first physical block
	EXPECT_TRUE(n.suspects());
	n.failed();		// the second
	EXPECT_FALSE(n.suspects());
}

TEST(Narrowing, FindsWhatIsBadWhereverItLies)
{
	const uint64_t seed = 12;
	std::mt19937_64 random(seed);

	SCOPED_TRACE(testing::Message() << "seed " << seed);
	for (int i = 0; i < 5000; i++) {
		const uint64_t offset = random() % 8;
		const PhysicalBlocks p = random() % 3 ? physical(4096, static_cast<int32_t>(offset * 512)) : PhysicalBlocks();
		const uint64_t first = random() % 40, end = first + 1 + random() % 200;
		std::set<uint64_t> bad, expected;

		for (uint64_t n = random() % 6; n > 0; n--)
			bad.merge(blocks(first + random() % (end - first), 1 + random() % 12));
		// By whole physical blocks, where all of one is asked for.
		for (uint64_t at = first; at < end;) {
			const uint64_t unit = p.unit(MainBlock(at), MainBlock(end)).value;
			const auto it = bad.lower_bound(at);

			if (it != bad.end() && *it < at + unit)
				expected.merge(blocks(at, unit));
			at += unit;
		}
		const Before before = std::vector{ Before::not_asked, Before::bad_medium, Before::other_failure }[random() % 3];

		ASSERT_EQ(search(p, first, end, before, bad).bad, expected) << first << " to " << end << ", round " << i;
	}
}

} // namespace
} // namespace dm_remap
