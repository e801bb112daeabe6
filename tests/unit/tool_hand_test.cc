// SPDX-License-Identifier: GPL-2.0
// Which sectors are meant that somebody names, and what is refused.
#include "exit_status.hh"
#include "hand_range.hh"
#include "machine/hand_job.hh"

#include <gtest/gtest.h>

namespace dm_remap::tool {

namespace {

std::string refusal(const auto &f)
{
	try {
		f();
	} catch (const Failure &failure) {
		EXPECT_EQ(failure.status(), ExitStatus::usage);
		return failure.what();
	}
	return "not refused";
}

TEST(HandRange, OfTheDevice)
{
	EXPECT_EQ(hand_range({0, 1}, 1000), (SectorRange{0, 1}));
	EXPECT_EQ(hand_range({990, 10}, 1000), (SectorRange{990, 10}));
	EXPECT_EQ(refusal([] { hand_range({1000, 1}, 1000); }), "sector 1000 is beyond the device, which has 1000 sectors of 512 bytes");
	EXPECT_EQ(refusal([] { hand_range({990, 11}, 1000); }), "sector 1000 is beyond the device, which has 1000 sectors of 512 bytes");
	EXPECT_EQ(refusal([] { hand_range({0, 0}, 1000); }), "COUNT 0 names no sector: it is at least 1");
	// The largest that the command line takes.
	EXPECT_NE(refusal([] { hand_range({most_sectors, most_sectors}, 1000); }), "not refused");
}

TEST(HandRange, OfTheDisk)
{
	constexpr SectorRange partition = {2048, 1000};

	EXPECT_EQ(from_start_of(partition, {2048, 1000}), (SectorRange{0, 1000}));
	EXPECT_EQ(from_start_of(partition, {3047, 1}), (SectorRange{999, 1}));
	EXPECT_EQ(refusal([&] { from_start_of(partition, {2047, 8}); }), "sector 2047 of the disk is not in main, which has its sectors 2048 to 3047");
	EXPECT_EQ(refusal([&] { from_start_of(partition, {3040, 9}); }), "sector 3048 of the disk is not in main, which has its sectors 2048 to 3047");
	EXPECT_EQ(refusal([&] { from_start_of(partition, {3048, 1}); }), "sector 3048 of the disk is not in main, which has its sectors 2048 to 3047");
	EXPECT_EQ(refusal([&] { from_start_of(partition, {2048, 0}); }), "COUNT 0 names no sector: it is at least 1");
	EXPECT_NE(refusal([&] { from_start_of(partition, {most_sectors, most_sectors}); }), "not refused");
	// A whole disk.
	EXPECT_EQ(from_start_of({0, 1000}, {7, 3}), (SectorRange{7, 3}));
}

TEST(HandOrder, Words)
{
	const HandOrder remap = {"remap", SectorRange{8, 2}}, all = {"retry_pending", {}}, guard = {"guard", SectorRange{0, 40}, {{0, 8}, {32, 8}}};

	EXPECT_EQ(remap.message(), "remap 8 2");
	EXPECT_EQ(remap.text(), "remap of sectors 8 to 9");
	EXPECT_EQ(all.message(), "retry_pending");
	EXPECT_EQ(all.text(), "retry of pending sectors");
	EXPECT_EQ(guard.message(), "guard 0 8 32 8");
	EXPECT_EQ(guard.text(), "guard within sectors 0 to 39");
	EXPECT_EQ((HandOrder{"unguard", {}}).message(), "unguard");
	EXPECT_EQ((HandOrder{"unguard", {}}).text(), "unguard");
}

TEST(HandOrder, KnowsItsJob)
{
	const HandOrder guard = {"guard", SectorRange{2, 38}, {{2, 8}, {32, 8}}};
	LiveJob job = {.kind = "guard", .state = "running", .from = 0, .end = 40};

	EXPECT_TRUE(guard.begot(job));
	job.from = 8;
	EXPECT_FALSE(guard.begot(job));
	job.kind = "remap";
	EXPECT_FALSE((HandOrder{"unguard", {}}).begot(job));
}

} // namespace

} // namespace dm_remap::tool
