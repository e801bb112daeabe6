// SPDX-License-Identifier: GPL-2.0
// What a guard changes for those who look for main by what is on it: the files of a system, and what starts it.
#include "doctor/raw_main.hh"
#include "temporary_folder.hh"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

constexpr const char *uuid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

class GuardBootTest : public testing::Test {
protected:
	void SetUp() override
	{
		main_ = folder_ / "main";
		fs::create_directories(folder_ / "root");
		ASSERT_EQ(std::system(fmt::format("PATH=$PATH:/usr/sbin:/sbin; mke2fs -q -F -t ext4 -U {} {} 16M", uuid, main_).c_str()), 0);
	}

	void put(const std::string &path, const std::string &text)
	{
		fs::create_directories((folder_ / "root" / path).parent_path());
		std::ofstream(folder_ / "root" / path) << text;
	}
	Tree tree() const { return Tree(folder_ / "root"); }
	Subject subject(const char *guard = nullptr) const
	{
		Subject out = {"safe", "", main_, "/dev/mapper/safe", {main_, "/dev/mapper/safe", main_}};

		out.live.emplace();
		if (guard)
			out.live->guard = LiveGuard{guard, 8, 0, ""};
		return out;
	}
	std::string ids(const Subject &subject) const
	{
		std::string out;

		for (const Finding &finding : what_uses_main(tree(), subject))
			out += finding.id + " ";
		return out;
	}

	const TemporaryFolder temporary_;
	const fs::path folder_ = temporary_.path();
	std::string main_;
};

TEST_F(GuardBootTest, WhoGoesByTheContentIsNoDangerAnyMore)
{
	put("etc/fstab", fmt::format("UUID={} /srv ext4 defaults 0 2\n", uuid));
	EXPECT_EQ(ids(subject()), "fstab ");
	EXPECT_EQ(ids(subject("incomplete")), "fstab ");
	EXPECT_EQ(ids(subject("complete")), "");
}

TEST_F(GuardBootTest, WhoGoesByTheNameStillIs)
{
	put("etc/fstab", main_ + " /srv ext4 defaults 0 2\n");
	EXPECT_EQ(ids(subject("complete")), "fstab ");
}

// By that it is known whether the system is on the set, guarded or not.
TEST_F(GuardBootTest, TheRootIsKnownAllTheSame)
{
	put("etc/fstab", fmt::format("UUID={} / ext4 defaults 0 1\n", uuid));
	EXPECT_TRUE(boots_from(tree(), subject("complete")));
}

TEST_F(GuardBootTest, WhatStartsFromMainItself)
{
	put("etc/fstab", fmt::format("UUID={} /srv ext4 defaults 0 2\n", uuid));
	EXPECT_EQ(started_from_main(tree(), subject()), "");
	for (const char *folder : {"/boot", "/boot/efi"}) {
		put("etc/fstab", fmt::format("UUID={} {} ext4 defaults 0 2\n", uuid, folder));
		EXPECT_EQ(started_from_main(tree(), subject()), fmt::format("{} is on {}", folder, main_));
		put("etc/fstab", fmt::format("/dev/mapper/safe {} ext4 defaults 0 2\n", folder));
		EXPECT_EQ(started_from_main(tree(), subject()), fmt::format("{} is on {}", folder, main_));
	}
	EXPECT_EQ(started_from_main(tree(), subject("complete")), "") << "that has been so for long";
	put("etc/fstab", "");
	put("boot/grub/grub.cfg", fmt::format("search --no-floppy --fs-uuid --set=root {}\n", uuid));
	EXPECT_EQ(started_from_main(tree(), subject()), "GRUB reads kernels from " + main_);
}

} // namespace

} // namespace dm_remap::tool
