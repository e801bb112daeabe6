// SPDX-License-Identifier: GPL-2.0
// What smartctl says of a disk's own error recovery, and what that means.
#include "machine/disk_care.hh"

#include <gtest/gtest.h>

namespace dm_remap::tool {
namespace {

std::string answer(const std::string &erc)
{
	return R"({"json_format_version":[1,0],"smartctl":{"exit_status":0},"device":{"name":"/dev/sda","type":"sat","protocol":"ATA"})" + erc + "}";
}

const std::string on = R"({"enabled":true,"deciseconds":70})", off = R"({"enabled":false})";

std::string erc(const std::string &read, const std::string &write)
{
	return R"(,"ata_sct_erc":{"read":)" + read + R"(,"write":)" + write + "}";
}

std::string action(const std::string &smartctl, uint64_t seconds = 30)
{
	const std::optional<Finding> found = judge_recovery(smartctl, seconds, "/dev/nothing");

	return found ? found->action : "";
}

TEST(Recovery, ALimitInBothDirectionsIsWell)
{
	EXPECT_EQ(action(answer(erc(on, on))), "");
}

TEST(Recovery, WithoutALimitItIsToBeGivenOne)
{
	for (const auto &[read, write] : {std::pair(off, off), std::pair(on, off), std::pair(off, on)})
		EXPECT_NE(action(answer(erc(read, write))).find("smartctl -l scterc,70,70"), std::string::npos) << read << write;
}

TEST(Recovery, WhereThereCanBeNoneTheKernelIsToWait)
{
	EXPECT_NE(action(answer("")).find("echo 180 >"), std::string::npos);
}

TEST(Recovery, AKernelThatWaitsIsWell)
{
	EXPECT_EQ(action(answer(""), 180), "");
	EXPECT_EQ(action(answer(erc(off, off)), 300), "");
	EXPECT_NE(action(answer(erc(off, off)), 179), "");
}

TEST(Recovery, OtherDisksAndOtherAnswersSayNothing)
{
	for (const char *text : {"", "{", "[]", "null", R"({"device":1})", R"({"device":{"protocol":"SCSI"}})", R"({"device":{"protocol":7}})",
				 R"({"device":{"protocol":"ATA"},"ata_sct_erc":7})", R"({"device":{"protocol":"ATA"},"ata_sct_erc":{"read":{}}})"})
		EXPECT_EQ(action(text), "") << text;
}

} // namespace
} // namespace dm_remap::tool
