// SPDX-License-Identifier: GPL-2.0
// The index, case by case.
#include "extent_index_support.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

using namespace dm_remap;

namespace {

class ExtentIndexTest : public testing::Test {
protected:
	void SetUp() override
	{
		memory = TestMemory();
		ASSERT_FALSE(index.init());
	}

	void TearDown() override
	{
		memory.allowed = far;
		index.destroy();
		memory.grace_period();
		EXPECT_EQ(memory.live, 0);
	}

	void put(const Extent &e) { ASSERT_EQ(index.put(e).code(), 0) << text(e); }
	void clear(uint64_t start, uint64_t length)
	{
		ASSERT_EQ(index.clear(MainBlock(start), Blocks(length)).code(), 0) << start << " +" << length;
	}
	std::string all() const { return text(walk(index)); }
	std::string published(uint64_t block, uint64_t limit = far) const
	{
		return describe(index.lookup(MainBlock(block), MainBlock(limit)));
	}
	std::string unpublished(uint64_t block, uint64_t limit = far) const
	{
		return describe(index.peek(MainBlock(block), MainBlock(limit)));
	}
	static std::string describe(const IndexAnswer &a)
	{
		return a.found ? text(a.extent)
			       : "none " + std::to_string(a.extent.start.value) + " +" +
					 std::to_string(a.extent.length.value);
	}

	ExtentIndex index;
};

TEST_F(ExtentIndexTest, EmptyIndexFindsNothingUpToTheLimit)
{
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(published(0, 100), "none 0 +100");
	EXPECT_EQ(published(99, 100), "none 99 +1");
	EXPECT_EQ(all(), "");
	EXPECT_EQ(index.memory(), 0u);
}

TEST_F(ExtentIndexTest, EditsShowOnlyAfterPublish)
{
	put(mapped(100, 10, 7, 3));
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(published(105), "none 105 +" + std::to_string(far - 105));
	EXPECT_EQ(unpublished(105), "[100 +10 mapped 3:7]");
	index.publish();
	EXPECT_FALSE(index.empty());
	EXPECT_EQ(published(105), "[100 +10 mapped 3:7]");

	clear(100, 10);
	EXPECT_EQ(published(105), "[100 +10 mapped 3:7]");
	EXPECT_EQ(unpublished(105, 200), "none 105 +95");
	index.publish();
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(published(105, 200), "none 105 +95");
}

TEST_F(ExtentIndexTest, NotFoundReachesToTheNextExtentOrTheLimit)
{
	put(mapped(100, 10, 0));
	put(pending(200, 1));
	index.publish();
	EXPECT_EQ(published(0), "none 0 +100");
	EXPECT_EQ(published(99), "none 99 +1");
	EXPECT_EQ(published(99, 100), "none 99 +1");
	EXPECT_EQ(published(10, 50), "none 10 +40");
	EXPECT_EQ(published(100), "[100 +10 mapped 0:0]");
	EXPECT_EQ(published(109), "[100 +10 mapped 0:0]");
	EXPECT_EQ(published(110), "none 110 +90");
	EXPECT_EQ(published(110, 150), "none 110 +40");
	EXPECT_EQ(published(200, 201), "[200 +1 pending 0:0]");
	EXPECT_EQ(published(201, 1000), "none 201 +799");
}

TEST_F(ExtentIndexTest, GapsAreExactAcrossNodes)
{
	for (uint64_t i = 0; i < 20000; i++)
		put(mapped(i * 10 + 5, 2, i * 4));
	index.publish();
	for (uint64_t i = 0; i < 20000; i++) {
		ASSERT_EQ(published(i * 10), "none " + std::to_string(i * 10) + " +5");
		ASSERT_EQ(published(i * 10 + 6), text(mapped(i * 10 + 5, 2, i * 4)));
		ASSERT_EQ(published(i * 10 + 7, 200000), "none " + std::to_string(i * 10 + 7) + " +" +
								 std::to_string(i == 19999 ? 3 : 8));
	}
}

TEST_F(ExtentIndexTest, NeighboursThatContinueBecomeOne)
{
	put(mapped(10, 5, 100));
	put(mapped(20, 5, 110));
	put(mapped(15, 5, 105));
	EXPECT_EQ(all(), "[10 +15 mapped 0:100]");
	put(pending(30, 1));
	put(pending(32, 1));
	put(pending(31, 1));
	EXPECT_EQ(all(), "[10 +15 mapped 0:100][30 +3 pending 0:0]");
	put(in_doubt(33, 2));
	put(in_doubt(35, 2));
	put(lost(39, 1));
	put(lost(37, 2));
	EXPECT_EQ(all(), "[10 +15 mapped 0:100][30 +3 pending 0:0][33 +4 in doubt 0:0][37 +3 lost 0:0]");
	EXPECT_EQ(index.extents(), 4u);
	EXPECT_EQ(index.mapped_extents(), 1u);
	EXPECT_EQ(index.mapped().value, 15u);
	EXPECT_EQ(index.pending().value, 3u);
	EXPECT_EQ(index.lost().value, 3u);
}

TEST_F(ExtentIndexTest, NeighboursThatDoNotContinueStayApart)
{
	put(mapped(10, 5, 100, 1));
	put(mapped(15, 5, 105, 2));	// another member
	put(mapped(20, 5, 111, 2));	// a hole on the spare
	put(pending(25, 5));		// another kind
	EXPECT_EQ(all(), "[10 +5 mapped 1:100][15 +5 mapped 2:105][20 +5 mapped 2:111][25 +5 pending 0:0]");
}

TEST_F(ExtentIndexTest, WhatIsGuardedStaysApartFromWhatIsNot)
{
	Extent e = mapped(12, 2, 102, 1);

	put(mapped(10, 6, 100, 1));
	e.guarded = true;
	put(e);
	EXPECT_EQ(all(), "[10 +2 mapped 1:100][12 +2 guarded 1:102][14 +2 mapped 1:104]");
	EXPECT_EQ(index.guarded().value, 2u);
	EXPECT_EQ(index.mapped().value, 6u);
	e = mapped(14, 1, 104, 1);
	e.guarded = true;
	put(e);
	EXPECT_EQ(all(), "[10 +2 mapped 1:100][12 +3 guarded 1:102][15 +1 mapped 1:105]");
	clear(13, 1);
	EXPECT_EQ(all(), "[10 +2 mapped 1:100][12 +1 guarded 1:102][14 +1 guarded 1:104][15 +1 mapped 1:105]");
	EXPECT_EQ(index.guarded().value, 2u);
	put(mapped(12, 1, 102, 1));
	EXPECT_EQ(all(), "[10 +3 mapped 1:100][14 +1 guarded 1:104][15 +1 mapped 1:105]");
	EXPECT_EQ(index.guarded().value, 1u);
}

TEST_F(ExtentIndexTest, MergingStopsAtTheLongestExtent)
{
	const uint64_t most = ExtentIndex::max_extent_length;

	put(pending(1, most - 1));
	put(pending(most, 1));
	EXPECT_EQ(all(), text(pending(1, most)));
	put(pending(most + 1, 1));
	put(pending(0, 1));
	EXPECT_EQ(all(), text({pending(0, 1), pending(1, most), pending(most + 1, 1)}));
	EXPECT_EQ(index.pending().value, most + 2);
	put(pending(most / 2, 3)); // splits nothing: the same is said already
	EXPECT_EQ(index.pending().value, most + 2);
	put(mapped(1, most, 5));
	EXPECT_EQ(all(), text({pending(0, 1), mapped(1, most, 5), pending(most + 1, 1)}));
}

TEST_F(ExtentIndexTest, RefusesWhatIsNoExtentAndChangesNothing)
{
	const uint64_t most_spare = ExtentIndex::max_spare_block;

	put(pending(5, 5));
	EXPECT_EQ(index.put(pending(7, 0)).code(), EINVAL);
	EXPECT_EQ(index.put(pending(7, ExtentIndex::max_extent_length + 1)).code(), EINVAL);
	EXPECT_EQ(index.put(pending(far, 1)).code(), EINVAL);
	EXPECT_EQ(index.put(pending(far - 1, 2)).code(), EINVAL);
	EXPECT_EQ(index.put(mapped(7, 1, most_spare + 1)).code(), EINVAL);
	EXPECT_EQ(index.put(mapped(7, 2, most_spare)).code(), EINVAL);
	EXPECT_EQ(index.clear(MainBlock(7), Blocks(0)).code(), EINVAL);
	EXPECT_EQ(index.clear(MainBlock(7), Blocks(far)).code(), EINVAL);
	EXPECT_EQ(all(), "[5 +5 pending 0:0]");
	EXPECT_EQ(index.put(mapped(7, 1, 0, 128)).code(), EINVAL);
	put(mapped(far - 1, 1, most_spare, 127));
	EXPECT_EQ(unpublished(far - 1), text(mapped(far - 1, 1, most_spare, 127)));
}

TEST_F(ExtentIndexTest, MemberAndSpareMeanNothingWhenNotMapped)
{
	Extent e = pending(10, 2);

	e.member = 9;
	e.spare = SpareBlock(77);
	put(e);
	put(pending(12, 2));
	EXPECT_EQ(all(), "[10 +4 pending 0:0]");
}

TEST_F(ExtentIndexTest, PutReplacesParts)
{
	put(mapped(100, 100, 1000));
	put(pending(150, 10));
	EXPECT_EQ(all(), "[100 +50 mapped 0:1000][150 +10 pending 0:0][160 +40 mapped 0:1060]");
	put(pending(90, 20));
	EXPECT_EQ(all(), "[90 +20 pending 0:0][110 +40 mapped 0:1010][150 +10 pending 0:0][160 +40 mapped 0:1060]");
	put(mapped(150, 10, 1050));
	EXPECT_EQ(all(), "[90 +20 pending 0:0][110 +90 mapped 0:1010]");
	put(mapped(0, 300, 5000, 1));
	EXPECT_EQ(all(), "[0 +300 mapped 1:5000]");
	put(mapped(100, 10, 5100, 1));
	EXPECT_EQ(all(), "[0 +300 mapped 1:5000]");
}

TEST_F(ExtentIndexTest, ClearCutsAndRemoves)
{
	put(mapped(100, 100, 1000));
	clear(140, 20);
	EXPECT_EQ(all(), "[100 +40 mapped 0:1000][160 +40 mapped 0:1060]");
	clear(0, 110);
	EXPECT_EQ(all(), "[110 +30 mapped 0:1010][160 +40 mapped 0:1060]");
	clear(190, 1000);
	EXPECT_EQ(all(), "[110 +30 mapped 0:1010][160 +30 mapped 0:1060]");
	clear(140, 20);
	clear(130, 40);
	EXPECT_EQ(all(), "[110 +20 mapped 0:1010][170 +20 mapped 0:1070]");
	EXPECT_EQ(index.mapped().value, 40u);
	clear(0, far - 1);
	EXPECT_EQ(all(), "");
	EXPECT_EQ(index.mapped().value, 0u);
	EXPECT_EQ(index.extents(), 0u);
	EXPECT_EQ(index.memory(), 0u);
}

TEST_F(ExtentIndexTest, IncreasingLoadFillsLeaves)
{
	const uint64_t n = 100000;

	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	EXPECT_EQ(index.extents(), n);
	EXPECT_LE(index.memory(), n / 50 * 1024 * 105 / 100);
}

TEST_F(ExtentIndexTest, LoadsInOtherOrdersLeaveLeavesHalfFull)
{
	const uint64_t n = 30000;
	std::mt19937_64 random(4);
	std::vector<uint64_t> order(n);

	std::iota(order.rbegin(), order.rend(), 0);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i : order)
			put(mapped(i * 3, 1, i));
		EXPECT_EQ(index.extents(), n);
		EXPECT_LE(index.memory(), n / 25 * 1024 * 105 / 100);
		clear(0, n * 3);
		std::shuffle(order.begin(), order.end(), random);
	}
}

TEST_F(ExtentIndexTest, ThinnedOutNodesAreGivenBack)
{
	std::mt19937_64 random(3);
	const uint64_t n = 100000;

	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	const uint64_t full = index.memory();
	std::vector<uint64_t> order(n);
	std::iota(order.begin(), order.end(), 0);
	std::shuffle(order.begin(), order.end(), random);
	for (uint64_t i = 0; i < n * 99 / 100; i++)
		clear(order[i] * 3, 1);
	EXPECT_EQ(index.extents(), n / 100);
	EXPECT_LE(index.memory(), full / 15);
	for (uint64_t i = n * 99 / 100; i < n; i++)
		ASSERT_TRUE(index.peek(MainBlock(order[i] * 3), MainBlock(far)).found);
}

TEST_F(ExtentIndexTest, OneEditOverThousandsOfExtentsNeedsOnlyTheReserve)
{
	const uint64_t n = 60000;

	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	memory.grace_period();
	for (uint64_t margin : {1000, 300, 7, 0}) {
		ASSERT_EQ(index.prepare(1), 1u);
		memory.allowed = 0;
		put(pending(margin, n * 3 - 2 * margin));
		memory.allowed = far;
		index.publish();
		memory.grace_period();
		ASSERT_EQ(published(n), text(pending(margin, n * 3 - 2 * margin)));
	}
	EXPECT_EQ(index.extents(), 1u);
	EXPECT_EQ(index.memory(), 1024u);
}

// Edits that replace extents take as many nodes as they give back.
TEST_F(ExtentIndexTest, WithoutMemoryEditsGoOnAsLongAsTheTreeDoesNotGrow)
{
	for (uint64_t i = 0; i < 60000; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	memory.allowed = 0;
	for (uint64_t i = 0; i < 2000; i++) {
		ASSERT_EQ(index.prepare(1), 1u) << "transaction " << i;
		put(pending(i * 30, 1));
		index.publish();
	}
	for (uint64_t i = 0; i < 2000; i++)
		EXPECT_EQ(index.lookup(MainBlock(i * 30), MainBlock(far)).extent.kind, ExtentKind::pending);
}

TEST_F(ExtentIndexTest, WithoutMemoryPrepareSaysZeroOnceGrowthHasUsedUpTheReserve)
{
	uint64_t transactions = 0;

	for (uint64_t i = 0; i < 60000; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	memory.allowed = 0;
	for (; transactions < 60000 && index.prepare(1) == 1; transactions++) {
		put(pending(transactions * 3 + 1, 1));
		index.publish();
	}
	EXPECT_GE(transactions, 4u);
	EXPECT_LT(transactions, 60000u);
	for (uint64_t i = 0; i < transactions; i++)
		EXPECT_TRUE(index.lookup(MainBlock(i * 3 + 1), MainBlock(far)).found);
	memory.allowed = far;
	EXPECT_EQ(index.prepare(1), 1u);
}

TEST_F(ExtentIndexTest, AnEditThatFailsChangesNothing)
{
	const uint64_t n = 5000;

	memory.allowed = far;
	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	memory.allowed = 0;

	uint64_t done = 0;
	Error error = Error::none();
	std::string before;
	for (; !error && done < n; done++) { // the kept nodes last for a while
		before = all();
		error = index.put(pending(done * 3 + 1, 1));
	}
	EXPECT_EQ(error.code(), ENOMEM);
	EXPECT_EQ(all(), before);
	EXPECT_EQ(index.clear(MainBlock(0), Blocks(far - 1)).code(), ENOMEM);
	EXPECT_EQ(all(), before);

	// The load that failed did not touch the reserve.
	EXPECT_EQ(index.prepare(1), 1u);
	EXPECT_EQ(index.put(pending(n * 3, 7)).code(), 0);
	index.publish();
	EXPECT_EQ(published(n * 3), text(pending(n * 3, 7)));
}

TEST_F(ExtentIndexTest, PrepareAssuresFewerWhenMemoryIsShort)
{
	for (uint64_t i = 0; i < 5000; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	for (uint64_t allowed : {0, 1, 5, 20, 100, 400}) {
		memory.allowed = allowed;
		uint32_t assured = index.prepare(1000);
		memory.allowed = 0;
		ASSERT_GE(assured, 1u);
		ASSERT_LT(assured, 1000u);
		for (uint32_t i = 0; i < assured; i++)
			put(pending(i * 15 % 15000 + 1, 1));
		index.publish();
		memory.allowed = far;
		ASSERT_EQ(index.prepare(3), 3u);
	}
}

TEST_F(ExtentIndexTest, InitFailsCleanlyWithoutMemory)
{
	for (uint64_t allowed = 0; allowed < ExtentIndex::default_reserve; allowed++) {
		ExtentIndex other;

		memory.allowed = allowed;
		EXPECT_EQ(other.init().code(), ENOMEM);
	}
	memory.allowed = far;
	EXPECT_EQ(memory.live, int64_t(ExtentIndex::default_reserve)); // the fixture's
}

TEST_F(ExtentIndexTest, DestroyFreesAnUnpublishedTransactionToo)
{
	for (uint64_t i = 0; i < 5000; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	for (uint64_t i = 0; i < 5000; i += 7)
		put(pending(i * 3, 2));
	clear(3000, 1000);
	index.destroy();
	EXPECT_EQ(memory.live, 0);
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(index.extents(), 0u);
}

} // namespace
