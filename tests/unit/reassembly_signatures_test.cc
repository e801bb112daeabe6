// SPDX-License-Identifier: GPL-2.0
#include "reassembly/signatures.hh"

#include "host/disk.hh"
#include "host/world.hh"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

using dm_remap::host::SimDisk;
using dm_remap::host::World;
using dm_remap::reassembly::find_signature;
using dm_remap::reassembly::RangeReader;
using dm_remap::reassembly::Signature;

constexpr uint64_t kib = 1024;
constexpr uint64_t start = 2048;	// of the range, in sectors
constexpr uint64_t sectors = 32768 + 24; // no multiple of 64 KiB
constexpr uint64_t range_bytes = sectors * 512;

struct Content {
	uint64_t offset;
	std::string bytes;
};

class SignaturesTest : public testing::Test {
protected:
	explicit SignaturesTest(uint32_t block_bytes = 512)
		: disk_(world_, {.name = "8:16", .sectors = 65536, .logical_block_bytes = block_bytes,
				 .physical_block_bytes = block_bytes})
	{
	}

	void put(const Content &content)
	{
		std::vector<uint8_t> block(8 * kib);
		const uint64_t first = content.offset / 512 / 8 * 8;

		disk_.peek(start + first, block.data(), 16);
		std::memcpy(block.data() + (content.offset - first * 512), content.bytes.data(), content.bytes.size());
		disk_.poke(start + first, block.data(), 16);
	}
	std::string found()
	{
		RangeReader reader(range_);
		const std::optional<Signature> signature = find_signature(reader);

		return signature ? std::string(signature->what) + " @" + std::to_string(signature->offset) : "nothing";
	}
	std::string found(const std::vector<Content> &contents)
	{
		const auto blank = disk_.snapshot();

		for (const Content &content : contents)
			put(content);
		const std::string answer = found();
		disk_.restore(blank);
		return answer;
	}
	// An ext superblock's features: compat, incompat, ro_compat.
	static Content ext_features(uint8_t compat, uint32_t incompat, uint32_t ro_compat)
	{
		std::string bytes(12, '\0');

		bytes[0] = static_cast<char>(compat);
		for (int i = 0; i < 4; i++) {
			bytes[4 + i] = static_cast<char>(incompat >> 8 * i);
			bytes[8 + i] = static_cast<char>(ro_compat >> 8 * i);
		}
		return {1024 + 0x5c, bytes};
	}
	void TearDown() override
	{
		EXPECT_EQ(disk_.counts().writes, 0u);
		EXPECT_EQ(world_.memory().live(), 0u);
	}

	World world_;
	SimDisk disk_;
	dmr_member_range range_ = {&disk_, start, sectors};
};

TEST_F(SignaturesTest, NothingOnABlankRange)
{
	EXPECT_EQ(found(), "nothing");
}

TEST_F(SignaturesTest, WhatIsOutsideOfTheRangeIsNotSeen)
{
	disk_.poke(start - 8, std::string("LUKS\xba\xbe", 6).append(506, '\0').data(), 1);
	disk_.poke(0, std::string("XFSB").append(508, '\0').data(), 1);
	disk_.poke(start + sectors, std::string("XFSB").append(508, '\0').data(), 1);
	EXPECT_EQ(found(), "nothing");
}

TEST_F(SignaturesTest, ExtFilesystems)
{
	const Content magic = {1080, "\x53\xef"};

	EXPECT_EQ(found({magic, ext_features(0x38, 0x2, 0x3)}), "an ext2 filesystem @1080");
	EXPECT_EQ(found({magic, ext_features(0x3c, 0x2, 0x3)}), "an ext3 filesystem @1080");
	EXPECT_EQ(found({magic, ext_features(0x3c, 0x2c2, 0x46b)}), "an ext4 filesystem @1080");
	EXPECT_EQ(found({magic, ext_features(0x38, 0x2, 0x400)}), "an ext4 filesystem @1080");
	EXPECT_EQ(found({magic, ext_features(0, 0x8, 0)}), "the external journal of an ext4 filesystem @1080");
}

TEST_F(SignaturesTest, MagicsAtFixedPlaces)
{
	const std::string md = "\xfc\x4e\x2b\xa9";
	const std::string bcache = "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81";
	const struct {
		Content content;
		const char *answer;
	} cases[] = {
		{{0, "XFSB"}, "an xfs filesystem @0"},
		{{65600, "_BHRfS_M"}, "a btrfs filesystem @65600"},
		{{0, md}, "an md RAID member (version 1.1) @0"},
		{{4096, md}, "an md RAID member (version 1.2) @4096"},
		{{24, "LVM2 001"}, "an LVM2 physical volume @24"},
		{{512 + 24, "LVM2 001"}, "an LVM2 physical volume @536"},
		{{1024 + 24, "LVM2 001"}, "an LVM2 physical volume @1048"},
		{{1536 + 24, "LVM2 001"}, "an LVM2 physical volume @1560"},
		{{0, "LUKS\xba\xbe"}, "a LUKS encrypted volume @0"},
		{{4086, "SWAPSPACE2"}, "swap space @4086"},
		{{65526, "SWAPSPACE2"}, "swap space @65526"},
		{{512, "EFI PART"}, "a GPT partition table @512"},
		{{4096, "EFI PART"}, "a GPT partition table @4096"},
		{{4120, bcache}, "a bcache device @4120"},
		{{3, "NTFS    "}, "an NTFS filesystem @3"},
		{{3, "EXFAT   "}, "an exFAT filesystem @3"},
		{{82, "FAT32   "}, "a FAT filesystem @82"},
		{{54, "FAT16   "}, "a FAT filesystem @54"},
		{{54, "FAT12   "}, "a FAT filesystem @54"},
		{{32769, "CD001"}, "an ISO 9660 filesystem @32769"},
		{{1024, "\x10\x20\xf5\xf2"}, "an F2FS filesystem @1024"},
		{{0, std::string("integrt\0", 8)}, "a dm-integrity volume @0"},
		{{0, "bluestore block device\n"}, "a Ceph OSD @0"},
	};

	for (const auto &c : cases)
		EXPECT_EQ(found({c.content}), c.answer);
}

TEST_F(SignaturesTest, MagicsAtTheEnd)
{
	const uint64_t v10 = (sectors - 16) / 8 * 8 * 512, v090 = (sectors / 128 * 128 - 128) * 512;

	EXPECT_EQ(found({{v10, "\xfc\x4e\x2b\xa9"}}), "an md RAID member (version 1.0) @" + std::to_string(v10));
	EXPECT_EQ(found({{v090, "\xfc\x4e\x2b\xa9"}}), "an md RAID member (version 0.90) @" + std::to_string(v090));
	EXPECT_EQ(found({{v090, "\xa9\x2b\x4e\xfc"}}), "an md RAID member (version 0.90) @" + std::to_string(v090));
	for (uint64_t block : {uint64_t(512), 4 * kib})
		EXPECT_EQ(found({{range_bytes - block, "EFI PART"}}),
			  "a GPT partition table (its backup at the end) @" + std::to_string(range_bytes - block));
}

TEST_F(SignaturesTest, ZfsInAnyOfItsLabels)
{
	const std::string little("\x0c\xb1\xba\0\0\0\0\0", 8), big("\0\0\0\0\0\xba\xb1\x0c", 8);
	const uint64_t label = 256 * kib, end = range_bytes / label * label;

	for (uint64_t at : {uint64_t(0), label, end - 2 * label, end - label})
		for (uint64_t slot : {0, 7, 127}) {
			const uint64_t place = at + 128 * kib + slot * kib;

			EXPECT_EQ(found({{place, little}}), "a ZFS pool member @" + std::to_string(place));
			EXPECT_EQ(found({{place, big}}), "a ZFS pool member @" + std::to_string(place));
		}
}

TEST_F(SignaturesTest, PartitionTablesAndBootSectors)
{
	const Content end = {510, "\x55\xaa"};

	EXPECT_EQ(found({end, {446 + 4, "\x83"}}), "an MBR partition table @510");
	EXPECT_EQ(found({end, {446 + 48, "\x80"}, {446 + 52, "\x07"}}), "an MBR partition table @510");
	EXPECT_EQ(found({end}), "a boot sector @510");
	// Code where the table would be.
	EXPECT_EQ(found({end, {446, "\x31\xc0\x8e\xd8\x50"}}), "a boot sector @510");
	// The protective MBR of a GPT is not what is told.
	EXPECT_EQ(found({end, {450, "\xee"}, {512, "EFI PART"}}), "a GPT partition table @512");
	// Nor is the boot sector of a FAT.
	EXPECT_EQ(found({end, {82, "FAT32   "}}), "a FAT filesystem @82");
}

TEST_F(SignaturesTest, TheOuterLayerIsNamedBeforeLeftoversWithin)
{
	EXPECT_EQ(found({{1080, "\x53\xef"}, {4096, "\xfc\x4e\x2b\xa9"}}), "an md RAID member (version 1.2) @4096");
	EXPECT_EQ(found({{1080, "\x53\xef"}, {0, "LUKS\xba\xbe"}}), "a LUKS encrypted volume @0");
}

TEST_F(SignaturesTest, AlmostAMagicIsNone)
{
	EXPECT_EQ(found({{0, "LUKS\xba\xbf"}}), "nothing");
	EXPECT_EQ(found({{65600, "_BHRfS_N"}}), "nothing");
	EXPECT_EQ(found({{1080, "\x53\xee"}}), "nothing");
	EXPECT_EQ(found({{510, "\x55\xab"}}), "nothing");
	EXPECT_EQ(found({{1, "XFSB"}}), "nothing");
}

TEST_F(SignaturesTest, ShortRangesAreSearchedAsFarAsTheyGo)
{
	for (uint64_t n : {1, 3, 7, 8, 9, 16, 17, 24, 130, 1025}) {
		range_.sectors = n;
		EXPECT_EQ(found(), "nothing") << n;
	}
	range_.sectors = 3;
	EXPECT_EQ(found({{1080, "\x53\xef"}}), "an ext2 filesystem @1080");
	range_.sectors = 2;
	EXPECT_EQ(found({{1080, "\x53\xef"}}), "nothing");
}

TEST_F(SignaturesTest, UnreadablePlacesDoNotHideTheOthers)
{
	disk_.fail(start, 8);
	EXPECT_EQ(found({{65600, "_BHRfS_M"}}), "a btrfs filesystem @65600");
}

class SignaturesOf4KnTest : public SignaturesTest {
protected:
	SignaturesOf4KnTest() : SignaturesTest(4096) {}
};

TEST_F(SignaturesOf4KnTest, ReadsWholeBlocks)
{
	EXPECT_EQ(found({{1080, "\x53\xef"}}), "an ext2 filesystem @1080");
	EXPECT_EQ(found({{range_bytes - 4096, "EFI PART"}}),
		  "a GPT partition table (its backup at the end) @" + std::to_string(range_bytes - 4096));
	EXPECT_TRUE(world_.take_violations().empty());
}

} // namespace
