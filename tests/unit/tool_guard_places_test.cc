// SPDX-License-Identifier: GPL-2.0
// By which sectors the world knows what is on an image: those that the programs have written which make it. With these gone libblkid knows
// nothing any more.
#include "machine/guard_places.hh"
#include "temporary_folder.hh"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

using Places = std::vector<GuardPlace>;

class GuardPlacesTest : public testing::Test {
protected:
	void blank(uint64_t bytes)
	{
		std::ofstream(image_, std::ios::binary | std::ios::trunc);
		fs::resize_file(image_, bytes);
	}
	// command: what is done with the image, which is its last word.
	void make(uint64_t bytes, const std::string &command)
	{
		blank(bytes);
		ASSERT_EQ(std::system(fmt::format("PATH=$PATH:/usr/sbin:/sbin; {} {} >{}/said 2>&1", command, image_, folder_.string()).c_str()), 0) << command;
	}
	void write(uint64_t at, const std::string &data)
	{
		std::fstream out(image_, std::ios::binary | std::ios::in | std::ios::out);

		out.seekp(static_cast<std::streamoff>(at));
		out << data;
	}
	std::string sector(uint64_t number) const
	{
		std::ifstream in(image_, std::ios::binary);
		std::string out(512, '\0');

		in.seekg(static_cast<std::streamoff>(number * 512));
		in.read(out.data(), 512);
		return out;
	}

	// They hide all that there is.
	Places find()
	{
		const GuardPlaces places = places_to_guard(image_);

		EXPECT_EQ(places.gaps, std::vector<std::string>());
		hide(places);
		return places.all;
	}
	void hide(const GuardPlaces &places)
	{
		EXPECT_FALSE(signatures_on(image_, 0, 0).empty());
		for (const Range &range : places.ranges().ranges())
			write(range.start * 512, std::string(range.count * 512, '\xa5'));
		for (const DiskSignature &left : signatures_on(image_, 0, 0))
			ADD_FAILURE() << left.text();
	}
	static bool has(const Places &places, const GuardPlace &place) { return std::ranges::find(places, place) != places.end(); }

	const TemporaryFolder temporary_;
	const fs::path folder_ = temporary_.path();
	const std::string image_ = folder_ / "image";
};

constexpr uint64_t MiB = 1024 * 1024;

TEST_F(GuardPlacesTest, Ext4AndItsCopies)
{
	// Groups of 8 MiB.
	make(90 * MiB, "mke2fs -q -F -t ext4 -b 1024");
	const Places places = find();
	const uint64_t group = 8192 * 2, first = 2;

	ASSERT_EQ(places.size(), 7u); // also what libblkid knows it by, the sector of the magic
	EXPECT_TRUE(has(places, {{2, 1}, "ext4"}));
	EXPECT_TRUE(has(places, {{2, 2}, "ext4"}));
	for (const uint64_t number : {1, 3, 5, 7, 9})
		EXPECT_TRUE(has(places, {{number * group + first, 2}, "ext4, copy"})) << number;
	// A rescuer finds none of them.
	EXPECT_EQ(WEXITSTATUS(std::system(fmt::format("PATH=$PATH:/usr/sbin:/sbin; e2fsck -fn {} >/dev/null 2>&1", image_).c_str())), 8);
}

TEST_F(GuardPlacesTest, Ext4OfLargeBlocks)
{
	make(200 * MiB, "mke2fs -q -F -t ext4 -b 4096");
	EXPECT_TRUE(has(find(), {{32768 * 8, 2}, "ext4, copy"}));
}

TEST_F(GuardPlacesTest, XfsAndItsCopies)
{
	make(320 * MiB, "mkfs.xfs -q -f -d agcount=4");
	const Places places = find();

	for (uint64_t group = 1; group < 4; group++)
		EXPECT_TRUE(has(places, {{group * 160 * 1024, 1}, "xfs, copy"})) << group;
	EXPECT_TRUE(has(places, {{0, 1}, "xfs"}));
	EXPECT_EQ(places.size(), 4u);
}

TEST_F(GuardPlacesTest, BtrfsAndItsCopy)
{
	make(128 * MiB, "mkfs.btrfs -q -f");
	const Places places = find();

	EXPECT_TRUE(has(places, {{128, 8}, "btrfs"}));
	EXPECT_TRUE(has(places, {{64 * MiB / 512, 8}, "btrfs, copy"}));
}

TEST_F(GuardPlacesTest, BothHeadersOfLuks2)
{
	std::ofstream(folder_ / "key") << "secret";
	make(32 * MiB, fmt::format("cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file {}/key", folder_.string()));
	const Places places = find();

	EXPECT_TRUE(has(places, {{0, 8}, "crypto_LUKS"}));
	EXPECT_TRUE(has(places, {{32, 8}, "crypto_LUKS"}));
	EXPECT_NE(std::system(fmt::format("PATH=$PATH:/usr/sbin:/sbin; cryptsetup isLuks {}", image_).c_str()), 0);
}

TEST_F(GuardPlacesTest, AGptAtBothEnds)
{
	std::ofstream(folder_ / "table") << "label: gpt\nstart=2048, size=8192\n";
	make(16 * MiB, fmt::format("<{}/table sfdisk -q", folder_.string()));
	const std::vector<Range> ranges = places_to_guard(image_).ranges().ranges();

	EXPECT_EQ(ranges, (std::vector<Range>{{0, 34}, {16 * MiB / 512 - 33, 33}}));
	find();
}

TEST_F(GuardPlacesTest, AGptOfWhichOneHeaderIsGone)
{
	std::ofstream(folder_ / "table") << "label: gpt\nstart=2048, size=8192\n";
	make(16 * MiB, fmt::format("<{}/table sfdisk -q", folder_.string()));
	write(512, std::string(512, '\0'));
	EXPECT_TRUE(places_to_guard(image_).ranges().any_within({16 * MiB / 512 - 1, 1}));
	EXPECT_TRUE(places_to_guard(image_).ranges().any_within({0, 1})) << "the table for those that know no GPT";
	find();
}

// Its disk has grown: the second header is not at the end.
TEST_F(GuardPlacesTest, AGptWithoutTheLastSectors)
{
	std::ofstream(folder_ / "table") << "label: gpt\nstart=2048, size=8192\n";
	make(16 * MiB, fmt::format("<{}/table sfdisk -q", folder_.string()));
	fs::resize_file(image_, 32 * MiB);
	EXPECT_TRUE(places_to_guard(image_).ranges().any_within({16 * MiB / 512 - 1, 1}));
}

TEST_F(GuardPlacesTest, ADosTable)
{
	std::ofstream(folder_ / "table") << "label: dos\nstart=2048, size=8192\n";
	make(16 * MiB, fmt::format("<{}/table sfdisk -q", folder_.string()));
	EXPECT_EQ(find(), (Places{{{0, 1}, "dos"}}));
}

TEST_F(GuardPlacesTest, Swap)
{
	make(16 * MiB, "mkswap -q");
	EXPECT_TRUE(has(find(), {{0, 8}, "swap"}));
}

// A Fat32's boot sector, and its copy.
TEST_F(GuardPlacesTest, AFatAndItsCopy)
{
	std::string boot(512, '\0');
	const auto put = [&](size_t at, const std::string &data) { boot.replace(at, data.size(), data); };

	put(0, "\xeb\x58\x90mkfs.fat");
	put(11, std::string("\0\2\1\x20\0\2", 6)); // 512 bytes a sector, one sector a cluster, 32 reserved, two tables
	put(21, "\xf8");
	put(32, std::string("\0\0\2\0", 4)); // sectors
	put(36, std::string("\0\4\0\0", 4)); // of a table
	put(44, "\2");
	put(48, std::string("\1\0\6\0", 4)); // information, and the copy
	put(66, std::string("\x29\1\2\3\4NO NAME    FAT32   ", 24));
	put(510, "\x55\xaa");
	blank(64 * MiB);
	write(0, boot);
	write(6 * 512, boot);
	const Places places = find();

	EXPECT_TRUE(has(places, {{0, 1}, "vfat"}));
	EXPECT_TRUE(has(places, {{6, 1}, "vfat, copy"}));
}

// LVM looks for its label in each of four sectors.
TEST_F(GuardPlacesTest, LabelsOfLvm)
{
	for (const uint64_t at : {1, 3}) {
		std::string label(512, '\0');
		uint32_t crc = 0xf597a6cf;

		blank(16 * MiB);
		label.replace(0, 8, "LABELONE");
		label[8] = static_cast<char>(at);
		label.replace(20, 12, std::string(" \0\0\0LVM2 001", 12));
		label.replace(32, 32, "abcdefghijklmnopqrstuvwxyz012345");
		for (size_t i = 20; i < label.size(); i++) {
			crc ^= static_cast<uint8_t>(label[i]);
			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
		}
		std::memcpy(&label[16], &crc, sizeof(crc));
		write(at * 512, label);
		EXPECT_EQ(find(), (Places{{{at, 1}, "LVM2_member"}})) << at;
	}
}

// Of an array that was made anew with another version: the older superblock is recognised when the other one is gone.
TEST_F(GuardPlacesTest, SuperblocksOfMd)
{
	const auto superblock = [](uint64_t place) {
		std::vector<uint32_t> words(64);

		words[0] = 0xa92b4efc;
		words[1] = 1;
		std::iota(words.begin() + 4, words.begin() + 8, 7u);
		words[36] = static_cast<uint32_t>(place);
		uint64_t sum = std::accumulate(words.begin(), words.end(), uint64_t{0});

		words[54] = static_cast<uint32_t>((sum & 0xffffffff) + (sum >> 32));
		return std::string(reinterpret_cast<const char *>(words.data()), words.size() * 4);
	};
	constexpr uint64_t sectors = 16 * MiB / 512, last = (sectors - 16) / 8 * 8;

	blank(16 * MiB);
	write(8 * 512, superblock(8));
	write(last * 512, superblock(last));
	const Places places = find();

	EXPECT_TRUE(has(places, {{8, 8}, "linux_raid_member"}));
	EXPECT_TRUE(has(places, {{last, 8}, "linux_raid_member"}));
}

// Four labels, each with a ring of uberblocks.
TEST_F(GuardPlacesTest, LabelsOfZfs)
{
	constexpr uint64_t label = 256 * 1024, bytes = 96 * MiB;

	blank(bytes);
	for (const uint64_t at : {uint64_t{0}, label, bytes - 2 * label, bytes - label})
		for (uint64_t i = 0; i < 8; i++)
			write(at + label / 2 + i * 1024, std::string("\x0c\xb1\xba\0\0\0\0\0", 8));
	const Places places = find();

	EXPECT_TRUE(has(places, {{0, 1024}, "zfs_member"}));
	EXPECT_TRUE(has(places, {{bytes / 512 - 1024, 1024}, "zfs_member, copy"}));
}

// What an older filesystem has left is recognised as soon as the newer one is not.
TEST_F(GuardPlacesTest, WhatLiesBelow)
{
	make(64 * MiB, "mke2fs -q -F -t ext4 -b 4096");
	const std::string older = sector(2) + sector(3);

	make(320 * MiB, "mkfs.xfs -q -f");
	write(1024, older);
	const GuardPlaces places = places_to_guard(image_);

	EXPECT_TRUE(has(places.all, {{0, 1}, "xfs"}));
	EXPECT_TRUE(has(places.all, {{2, 2}, "ext4"}));
	EXPECT_EQ(places.found.size(), 2u);
	hide(places);
}

TEST_F(GuardPlacesTest, NothingOnABlankOne)
{
	blank(16 * MiB);
	const GuardPlaces places = places_to_guard(image_);

	EXPECT_TRUE(places.all.empty());
	EXPECT_TRUE(places.gaps.empty());
}

TEST_F(GuardPlacesTest, CopiesThatAreNotThereAreLeftAlone)
{
	make(90 * MiB, "mke2fs -q -F -t ext4 -b 1024");
	write((8192 * 2 + 2) * 512, std::string(1024, 'x'));
	EXPECT_FALSE(has(find(), {{8192 * 2 + 2, 2}, "ext4, copy"}));
}

} // namespace

} // namespace dm_remap::tool
