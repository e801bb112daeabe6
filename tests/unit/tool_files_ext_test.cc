// SPDX-License-Identifier: GPL-2.0
// What lies on blocks of ext2 and ext4, on images that mke2fs makes. Where something is the test knows by what is read there, or from debugfs.
#include "files/found.hh"
#include "temporary_folder.hh"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

class ExtImage : public testing::Test {
protected:
	void SetUp() override { fs::create_directories(folder_ / "tree/sub"); }

	// Each sector says whose it is, and which.
	static std::string label(const std::string &name, size_t sector)
	{
		std::string out = fmt::format("<{} {}>", name, sector);

		out.resize(512, '.');
		return out;
	}
	void write_file(const std::string &path, const std::string &name, size_t sectors)
	{
		std::ofstream out(folder_ / "tree" / path, std::ios::binary);

		for (size_t i = 0; i < sectors; i++)
			out << label(name, i);
	}
	void make(const std::string &options)
	{
		run(fmt::format("mke2fs -q -F -d {0}/tree {1} {0}/image 16M >{0}/said", folder_.string(), options));
	}
	std::string debugfs(const std::string &command)
	{
		run(fmt::format("debugfs -R '{}' {}/image >{}/said", command, folder_.string(), folder_.string()));
		return text_of("said");
	}
	void run(const std::string &command) { ASSERT_EQ(std::system(("PATH=$PATH:/usr/sbin:/sbin; " + command + " 2>/dev/null").c_str()), 0) << command; }
	std::string text_of(const std::string &file)
	{
		std::ifstream in(folder_ / file, std::ios::binary);

		return {std::istreambuf_iterator<char>(in), {}};
	}
	uint64_t sector_of(const std::string &name, size_t sector)
	{
		const size_t at = text_of("image").find(label(name, sector));

		EXPECT_NE(at, std::string::npos) << name;
		return at / 512;
	}
	uint64_t number_in(const std::string &text, const std::string &regex)
	{
		std::smatch match;

		EXPECT_TRUE(std::regex_search(text, match, std::regex(regex))) << regex << "\n" << text;
		return match.size() > 1 ? std::stoull(match[1]) : 0;
	}

	// As if it were mounted somewhere: a file is not always read past the cache.
	FilesystemReport look(std::vector<Range> wanted)
	{
		return look_at_ext({"ext4", (folder_ / "image").string(), "", {{"ext4", "/nowhere", "/"}}}, RangeSet(std::move(wanted)));
	}
	Found one(const Range &wanted)
	{
		FilesystemReport report = look({wanted});

		EXPECT_EQ(report.gaps, std::vector<std::string>());
		EXPECT_EQ(report.found.size(), 1u);
		if (report.found.size() != 1)
			return {};
		EXPECT_EQ(report.found[0].sectors, wanted);
		return report.found[0];
	}

	const TemporaryFolder temporary_;
	const fs::path folder_ = temporary_.path();
};

using Paths = std::vector<std::string>;

TEST_F(ExtImage, AFileHasAllItsNames)
{
	write_file("known", "known", 64);
	fs::create_hard_link(folder_ / "tree/known", folder_ / "tree/sub/second");
	make("-t ext4");
	const Found found = one({sector_of("known", 5), 3});

	EXPECT_EQ(found.kind, Kind::file);
	EXPECT_EQ(found.what, "");
	EXPECT_EQ(found.offset, 5 * 512u);
	EXPECT_EQ(found.paths, (Paths{"/known", "/sub/second"}));
}

TEST_F(ExtImage, WhatWasDeletedIsFree)
{
	write_file("gone", "gone", 64);
	make("-t ext4");
	const uint64_t at = sector_of("gone", 5);

	run(fmt::format("debugfs -w -R 'rm /gone' {}/image", folder_.string()));
	const Found found = one({at, 1});

	EXPECT_EQ(found.kind, Kind::free);
	EXPECT_EQ(found.paths, Paths());
}

TEST_F(ExtImage, ItsOwnThingsAreNamed)
{
	write_file("sub/file", "file", 8);
	make("-t ext4 -b 1024 -g 8192 -O ^flex_bg");
	const std::string group = debugfs("stats");

	EXPECT_EQ(one({0, 1}).what, "boot block");
	EXPECT_EQ(one({2, 2}).what, "superblock");
	EXPECT_EQ(one({4, 1}).what, "group descriptors");
	EXPECT_EQ(one({2 * number_in(group, "Group  1: block bitmap at ([0-9]+)"), 1}).what, "block bitmap of group 1");
	EXPECT_EQ(one({2 * number_in(group, "inode table at ([0-9]+)") + 7, 1}).what, "inode table of group 0");
	EXPECT_EQ(one({2 * 8193, 1}).what, "copy of the superblock in group 1");
	const Found folder = one({2 * number_in(debugfs("stat /sub"), "\\(0\\):([0-9]+)"), 1});

	EXPECT_EQ(folder.kind, Kind::metadata);
	EXPECT_EQ(folder.what, "directory");
	EXPECT_EQ(folder.paths, Paths{"/sub"});
	EXPECT_EQ(one({2 * number_in(debugfs("stat <8>"), "\\(0-[0-9]+\\):([0-9]+)"), 1}).what, "journal");
	EXPECT_EQ(one({16 * 2048, 8}).what, "behind the end of the filesystem");
}

TEST_F(ExtImage, ListsOfBlocksBelongToTheirFile)
{
	write_file("big", "big", 2000);
	make("-t ext2 -b 1024");
	const Found list = one({2 * number_in(debugfs("stat /big"), "\\(IND\\):([0-9]+)"), 2}), far = one({sector_of("big", 1999), 1});

	EXPECT_EQ(list.kind, Kind::metadata);
	EXPECT_EQ(list.what, "list of blocks");
	EXPECT_EQ(list.paths, Paths{"/big"});
	EXPECT_EQ(far.kind, Kind::file);
	EXPECT_EQ(far.offset, 1999 * 512u);
}

TEST_F(ExtImage, ClustersAreNotFreeWhereAFileEnds)
{
	write_file("short", "short", 2);
	make("-t ext4 -b 1024 -O bigalloc -C 16384");
	const uint64_t at = sector_of("short", 0);

	EXPECT_EQ(one({at, 2}).paths, Paths{"/short"});
	const Found rest = one({at + 8, 1});

	EXPECT_EQ(rest.kind, Kind::free);
	EXPECT_EQ(rest.what, "rest of a cluster");
}

TEST_F(ExtImage, SeveralAtOnce)
{
	write_file("a", "a", 64);
	write_file("sub/b", "b", 64);
	make("-t ext4");
	const uint64_t a = sector_of("a", 1), b = sector_of("b", 2);
	FilesystemReport report = look({{a, 1}, {b, 1}});

	std::sort(report.found.begin(), report.found.end(), [](const Found &x, const Found &y) { return x.paths < y.paths; });
	ASSERT_EQ(report.found.size(), 2u);
	EXPECT_EQ(report.found[0].paths, Paths{"/a"});
	EXPECT_EQ(report.found[0].sectors, (Range{a, 1}));
	EXPECT_EQ(report.found[1].paths, Paths{"/sub/b"});
}

TEST_F(ExtImage, WithoutItsDescriptorsACopyIsUsed)
{
	write_file("known", "known", 64);
	make("-t ext4 -b 1024 -g 8192 -O ^flex_bg");
	const uint64_t at = sector_of("known", 5);

	run(fmt::format("dd if=/dev/zero of={}/image bs=1024 seek=1 count=1 conv=notrunc", folder_.string()));
	const FilesystemReport report = look({{at, 1}});

	ASSERT_EQ(report.gaps.size(), 1u);
	EXPECT_NE(report.gaps[0].find("the first copy of them was used"), std::string::npos);
	ASSERT_EQ(report.found.size(), 1u);
	EXPECT_EQ(report.found[0].paths, Paths{"/known"});
}

TEST_F(ExtImage, WhatIsNoneIsRefused)
{
	std::ofstream(folder_ / "image") << std::string(1 << 20, 'x');
	EXPECT_ANY_THROW(look({{0, 1}}));
}

} // namespace

} // namespace dm_remap::tool
