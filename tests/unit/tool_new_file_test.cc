// SPDX-License-Identifier: GPL-2.0
// Files that are there as a whole or not at all.
#include "os/new_file.hh"
#include "temporary_folder.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

class NewFileTest : public testing::Test {
protected:
	void put(const fs::path &path, const char *text, bool keep = true) const
	{
		NewFile file(path, 0640);

		std::fputs(text, file.file());
		if (keep)
			file.keep();
	}
	static std::string content(const fs::path &path)
	{
		std::ifstream in(path);

		return {std::istreambuf_iterator<char>(in), {}};
	}
	size_t files() const { return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {})); }

	const TemporaryFolder temporary_;
	const fs::path folder_ = temporary_.path();
};

TEST_F(NewFileTest, IsThereOnceItIsKept)
{
	put(folder_ / "a", "one", false);
	EXPECT_EQ(files(), 0U);
	put(folder_ / "a", "one");
	put(folder_ / "a", "two", false);
	EXPECT_EQ(content(folder_ / "a"), "one");
	EXPECT_EQ(files(), 1U);
	put(folder_ / "a", "two");
	EXPECT_EQ(content(folder_ / "a"), "two");
	EXPECT_EQ(files(), 1U);
}

TEST_F(NewFileTest, KeepsTheModeOfWhatItReplaces)
{
	struct stat now = {};

	put(folder_ / "a", "one");
	ASSERT_EQ(chmod((folder_ / "a").c_str(), 0604), 0);
	put(folder_ / "a", "two");
	ASSERT_EQ(stat((folder_ / "a").c_str(), &now), 0);
	EXPECT_EQ(now.st_mode & 07777, 0604U);
}

TEST_F(NewFileTest, ReplacesWhatALinkNames)
{
	fs::create_directory(folder_ / "there");
	put(folder_ / "there/a", "one");
	fs::create_symlink("there/a", folder_ / "link");
	put(folder_ / "link", "two");
	EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
	EXPECT_EQ(content(folder_ / "there/a"), "two");
}

TEST_F(NewFileTest, TakesThePlaceOfFilesAlone)
{
	fs::create_directory(folder_ / "folder");
	EXPECT_THROW(put(folder_ / "folder", "one"), std::system_error);
	EXPECT_THROW(put("/dev/null", "one"), std::system_error);
	EXPECT_TRUE(fs::is_character_file("/dev/null"));
	EXPECT_THROW(put(folder_ / "nowhere/a", "one"), std::system_error);
	EXPECT_EQ(files(), 1U);
}

} // namespace

} // namespace dm_remap::tool
