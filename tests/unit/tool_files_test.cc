// SPDX-License-Identifier: GPL-2.0
// Where sectors are found again on devices above, and in chunks of btrfs.
#include "files/btrfs_chunk.hh"
#include "files/passage.hh"

#include <gtest/gtest.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>

namespace dm_remap::tool {

namespace {

std::vector<Range> within(const RangeSet &set, Range whole)
{
	std::vector<Range> out;

	set.each_within(whole, [&](const Range &part) { out.push_back(part); });
	return out;
}

TEST(RangeSet, IsInOrderAndJoined)
{
	EXPECT_EQ(RangeSet({{10, 5}, {0, 3}, {15, 2}, {12, 1}, {3, 0}}).ranges(), (std::vector<Range>{{0, 3}, {10, 7}}));
	EXPECT_EQ(RangeSet({{10, 5}, {12, 1}, {0, 3}}).count(), 8u);
}

TEST(RangeSet, GivesWhatLiesWithin)
{
	const RangeSet set({{0, 3}, {10, 7}, {30, 1}});

	EXPECT_EQ(within(set, {2, 10}), (std::vector<Range>{{2, 1}, {10, 2}}));
	EXPECT_EQ(within(set, {3, 7}), std::vector<Range>());
	EXPECT_FALSE(set.any_within({3, 7}));
	EXPECT_TRUE(set.any_within({16, 1}));
	EXPECT_FALSE(set.any_within({17, 13}));
}

TEST(RangeSet, LeavesOutWhatAnotherHas)
{
	EXPECT_EQ(RangeSet({{0, 20}, {30, 5}}).without(RangeSet({{0, 2}, {5, 1}, {18, 14}})).ranges(),
		  (std::vector<Range>{{2, 3}, {6, 12}, {32, 3}}));
	EXPECT_TRUE(RangeSet({{4, 4}}).without(RangeSet({{0, 100}})).empty());
}

TEST(RangeSet, RoundsOut)
{
	EXPECT_EQ(RangeSet({{7, 2}, {17, 1}}).rounded_out(8).ranges(), (std::vector<Range>{{0, 24}}));
}

// ---- tables ----

struct Expected {
	uint64_t below, above, sectors;
};

void expect_parts(const Passages &passages, const std::vector<Expected> &expected)
{
	ASSERT_EQ(passages.parts.size(), expected.size());
	for (size_t i = 0; i < expected.size(); i++) {
		EXPECT_EQ(passages.parts[i].below, expected[i].below) << i;
		EXPECT_EQ(passages.parts[i].above, expected[i].above) << i;
		EXPECT_EQ(passages.parts[i].sectors, expected[i].sectors) << i;
	}
	EXPECT_EQ(passages.opaque, "");
}

TEST(Passage, FollowsSegmentsOfALogicalVolume)
{
	const dm::Table table = {{0, 1000, "linear", "253:0 2048"}, {1000, 500, "linear", "253:7 0"}, {1500, 500, "linear", "253:0 9000"}};

	expect_parts(through(table, "253:0", {0, UINT64_MAX}), {{2048, 0, 1000}, {9000, 1500, 500}});
	expect_parts(through(table, "253:0", {3000, 6001}), {{3000, 952, 48}, {9000, 1500, 1}});
	expect_parts(through(table, "253:7", {100, 1}), {{100, 1100, 1}});
	// Another number that begins likewise is another device.
	expect_parts(through(table, "253:70", {0, UINT64_MAX}), {});
}

TEST(Passage, FollowsEncryption)
{
	expect_parts(through({{0, 100, "crypt", "aes-xts-plain64 :64:logon:cryptsetup:x 0 253:1 32768 1 allow_discards"}}, "253:1", {32770, 1}), {{32770, 2, 1}});
}

TEST(Passage, SaysWhatItCannotFollow)
{
	const dm::Table table = {{0, 8, "linear", "253:1 0"}, {8, 16, "striped", "2 128 253:1 8 253:2 0"}};
	const Passages passages = through(table, "253:1", {0, UINT64_MAX});

	EXPECT_EQ(passages.opaque, "striped");
	ASSERT_EQ(passages.parts.size(), 1u);
	EXPECT_EQ(through({{0, 8, "linear", "253:1"}}, "253:1", {0, 1}).opaque, "linear");
	EXPECT_EQ(through({{0, 8, "crypt", "a b 0 253:1 x"}}, "253:1", {0, 1}).opaque, "crypt");
	EXPECT_EQ(through({{0, 8, "error", ""}}, "253:1", {0, 1}).opaque, "");
}

// ---- chunks ----

constexpr uint64_t KiB = 1024, MiB = 1024 * KiB;

BtrfsChunk chunk(uint64_t profile, std::vector<BtrfsChunk::Stripe> stripes, uint64_t length, uint32_t sub_stripes = 1)
{
	return {.logical = 1000 * MiB, .length = length, .type = BTRFS_BLOCK_GROUP_DATA | profile, .stripe_length = 64 * KiB, .sub_stripes = sub_stripes,
		.stripes = std::move(stripes)};
}

struct Piece {
	uint64_t physical, logical, length;
};

void expect_pieces(const BtrfsChunk &chunk, size_t stripe, Range bytes, const std::vector<Piece> &expected)
{
	const auto pieces = pieces_of(chunk, stripe, bytes);

	ASSERT_TRUE(pieces);
	ASSERT_EQ(pieces->size(), expected.size());
	for (size_t i = 0; i < expected.size(); i++) {
		EXPECT_EQ((*pieces)[i].physical, expected[i].physical) << i;
		EXPECT_EQ((*pieces)[i].logical, 1000 * MiB + expected[i].logical) << i;
		EXPECT_EQ((*pieces)[i].length, expected[i].length) << i;
	}
}

TEST(BtrfsChunk, OneStripe)
{
	const BtrfsChunk single = chunk(0, {{1, 20 * MiB}}, 8 * MiB);

	expect_pieces(single, 0, {21 * MiB, 4096}, {{21 * MiB, MiB, 4096}});
	expect_pieces(single, 0, {19 * MiB, 100 * MiB}, {{20 * MiB, 0, 8 * MiB}});
	EXPECT_FALSE(single.has_copies());
	EXPECT_EQ(single.profile(), "single");
}

TEST(BtrfsChunk, CopiesAreTheSame)
{
	const BtrfsChunk dup = chunk(BTRFS_BLOCK_GROUP_DUP, {{1, 20 * MiB}, {1, 40 * MiB}}, 8 * MiB);

	expect_pieces(dup, 1, {41 * MiB, 512}, {{41 * MiB, MiB, 512}});
	EXPECT_TRUE(dup.has_copies());
}

TEST(BtrfsChunk, StripesSideBySide)
{
	const BtrfsChunk striped = chunk(BTRFS_BLOCK_GROUP_RAID0, {{1, 20 * MiB}, {2, 0}, {3, 0}}, 12 * MiB);

	// The second row of the first column, across its border.
	expect_pieces(striped, 0, {20 * MiB + 127 * KiB, 2 * KiB},
		      {{20 * MiB + 127 * KiB, (3 * 64 + 63) * KiB, KiB}, {20 * MiB + 128 * KiB, 6 * 64 * KiB, KiB}});
	expect_pieces(striped, 2, {0, 512}, {{0, 128 * KiB, 512}});
	// A third of the chunk is on each.
	expect_pieces(striped, 0, {24 * MiB, 512}, {});
	EXPECT_FALSE(striped.has_copies());
}

TEST(BtrfsChunk, MirroredStripes)
{
	const BtrfsChunk ten = chunk(BTRFS_BLOCK_GROUP_RAID10, {{1, 0}, {2, 0}, {3, 0}, {4, 0}}, 8 * MiB, 2);

	for (const size_t stripe : {0, 1})
		expect_pieces(ten, stripe, {64 * KiB, 512}, {{64 * KiB, 128 * KiB, 512}});
	for (const size_t stripe : {2, 3})
		expect_pieces(ten, stripe, {64 * KiB, 512}, {{64 * KiB, 192 * KiB, 512}});
}

TEST(BtrfsChunk, WhatCannotBeTold)
{
	EXPECT_FALSE(pieces_of(chunk(BTRFS_BLOCK_GROUP_RAID5, {{1, 0}, {2, 0}, {3, 0}}, MiB), 0, {0, 512}));
	EXPECT_FALSE(pieces_of(chunk(0, {{1, 0}}, MiB), 1, {0, 512}));
	BtrfsChunk broken = chunk(BTRFS_BLOCK_GROUP_RAID0, {{1, 0}, {2, 0}}, MiB);

	broken.stripe_length = 0;
	EXPECT_FALSE(pieces_of(broken, 0, {0, 512}));
}

} // namespace

} // namespace dm_remap::tool
