// SPDX-License-Identifier: GPL-2.0
// Which sectors of main a list means.
#include "exit_status.hh"
#include "lists/plan.hh"

#include <gtest/gtest.h>

namespace dm_remap::tool {

namespace {

using Ranges = std::vector<Range>;

// Lines of one block each, unless it is said.
BlockList list_of(std::initializer_list<ListedRun> runs)
{
	return {.runs = runs, .unit = {}, .block_a_line = true, .places = {}};
}

const ListedDevice whole = {"/dev/main", 1000, {0, 1000}};
const ListedDevice partition = {"/dev/disk", 10000, {100, 1000}};

ImportPlan plan(const BlockList &list, uint64_t unit, const ListedDevice &device = whole, uint32_t block_bytes = 512)
{
	return plan_import(list, unit, block_bytes, device, "Why?");
}

std::string refusal(const BlockList &list, uint64_t unit, const ListedDevice &device = whole)
{
	try {
		plan(list, unit, device);
	} catch (const Failure &failure) {
		EXPECT_EQ(failure.id(), "list");
		return failure.what();
	}
	return "not refused";
}

TEST(ImportPlan, UnitsAndOrder)
{
	const ImportPlan found = plan(list_of({{.first = 20, .count = 1, .where = 1}, {.first = 3, .count = 2, .where = 2}, {.first = 4, .count = 3, .where = 4}, {.first = 3, .count = 1, .where = 7}}), 1024);

	// Sorted, each once, and one if they touch.
	EXPECT_EQ(found.ranges.ranges(), (Ranges{{6, 8}, {40, 2}}));
	EXPECT_EQ(found.sectors, 10u);
	EXPECT_TRUE(plan(list_of({}), 512).ranges.empty());
	EXPECT_EQ(plan(list_of({}), 512).sectors, 0u);
}

TEST(ImportPlan, RoundedOutToBlocksAndNoFurther)
{
	const BlockList bytes = list_of({{.first = 511, .count = 2, .where = 1}, {.first = 5120, .count = 1, .where = 2}});

	EXPECT_EQ(plan(bytes, 1).ranges.ranges(), (Ranges{{0, 2}, {10, 1}}));
	EXPECT_EQ(plan(bytes, 1, whole, 4096).ranges.ranges(), (Ranges{{0, 16}}));
	EXPECT_EQ(plan(list_of({{.first = 7, .count = 1, .where = 1}}), 512, whole, 4096).ranges.ranges(), (Ranges{{0, 8}}));
	EXPECT_EQ(plan(list_of({{.first = 999, .count = 1, .where = 1}}), 512, whole, 4096).ranges.ranges(), (Ranges{{992, 8}}));
}

TEST(ImportPlan, CountedOnTheDisk)
{
	const BlockList list = list_of({{.first = 99, .count = 1, .where = 1}, {.first = 100, .count = 1, .where = 2}, {.first = 1090, .count = 20, .where = 3}, {.first = 1100, .count = 1, .where = 23}, {.first = 9999, .count = 1, .where = 24}});
	const ImportPlan found = plan(list, 512, partition);

	EXPECT_EQ(found.ranges.ranges(), (Ranges{{0, 1}, {990, 10}}));
	EXPECT_EQ(found.elsewhere, 3u);
	// A block of the list that main's start cuts in two, and blocks of main that count from its own start.
	EXPECT_EQ(plan(list_of({{.first = 12, .count = 1, .where = 1}}), 4096, partition, 512).ranges.ranges(), (Ranges{{0, 4}}));
	EXPECT_EQ(plan(list_of({{.first = 13, .count = 1, .where = 1}}), 4096, partition, 4096).ranges.ranges(), (Ranges{{0, 16}}));
}

TEST(ImportPlan, WhatIsBeyondIsRefused)
{
	EXPECT_EQ(refusal(list_of({{.first = 999, .count = 1, .where = 1}}), 512), "not refused");
	EXPECT_EQ(refusal(list_of({{.first = 7, .count = 1, .where = 1}, {.first = 998, .count = 4, .where = 2}, {.first = 2000, .count = 1, .where = 6}}), 512),
		  "line 4: block 1000 of 512 bytes is beyond /dev/main, which has 1000 sectors of 512 bytes; so are 1 more entries. Nothing was moved. Why?");
	EXPECT_EQ(refusal(list_of({{.first = 500, .count = 1, .where = 1}}), 1024), "line 1: block 500 of 1024 bytes is beyond /dev/main, which has 1000 sectors of 512 bytes. Nothing was moved. Why?");
	EXPECT_TRUE(refusal(list_of({{.first = 511999, .count = 2, .where = 1}}), 1).starts_with("line 2: byte 512000 is beyond "));
	EXPECT_TRUE(refusal(list_of({{.first = 10000, .count = 1, .where = 9}}), 512, partition).starts_with("line 9: block 10000 of 512 bytes is beyond /dev/disk, "));
	// A block of which main has a part alone.
	EXPECT_NE(refusal(list_of({{.first = 124, .count = 2, .where = 1}}), 4096), "not refused");
	// No number is too large for that.
	constexpr uint64_t most = (uint64_t{1} << 63) - 1;

	for (const uint64_t unit : {uint64_t{1}, uint64_t{512}, uint64_t{1} << 30})
		for (const ListedRun run : {ListedRun{.first = most - 1, .count = 1}, ListedRun{.first = 0, .count = most}, ListedRun{.first = most / 2, .count = most / 2}})
			EXPECT_NE(refusal(list_of({run}), unit), "not refused");
}

TEST(ImportPlan, AddressesThatAreTooShort)
{
	const ListedDevice large = {"/dev/large", uint64_t{1} << 33, {0, uint64_t{1} << 33}};
	const BlockList list = list_of({{.first = 5, .count = 1, .where = 1, .bits = 28}, {.first = 6, .count = 1, .where = 2, .bits = 32}, {.first = 7, .count = 1, .where = 3, .bits = 48}});
	const ImportPlan found = plan(list, 512, large);

	EXPECT_EQ(found.ranges.ranges(), (Ranges{{7, 1}}));
	EXPECT_EQ(found.cut_off, 2u);
	EXPECT_EQ(plan(list, 512).ranges.ranges(), (Ranges{{5, 3}}));
	// In blocks of 4096 bytes, 32 bits are enough for it.
	EXPECT_EQ(plan(list, 4096, large).cut_off, 1u);
	// All ones are no address, on whatever disk.
	EXPECT_EQ(plan(list_of({{.first = 0x0fffffff, .count = 1, .where = 1, .bits = 28}}), 512).cut_off, 1u);
}

TEST(ImportPlan, OtherNamespaces)
{
	ListedDevice nvme = whole;

	nvme.name_space = 2;
	const BlockList list = list_of({{.first = 5, .count = 1, .where = 1, .name_space = 2}, {.first = 7, .count = 1, .where = 2, .name_space = 1},
					{.first = 9, .count = 1, .where = 3}, {.first = 5000, .count = 1, .where = 4, .name_space = 1}});
	const ImportPlan found = plan(list, 512, nvme);

	EXPECT_EQ(found.ranges.ranges(), (Ranges{{5, 1}, {9, 1}}));
	EXPECT_EQ(found.other_space, 2u);
}

TEST(ImportPlan, AMillionRunsBackwards)
{
	BlockList list;
	const ListedDevice large = {"/dev/large", 4'000'000, {0, 4'000'000}};

	for (uint32_t i = 1'000'000; i-- > 0;)
		list.runs.push_back({.first = uint64_t{4} * i, .count = 1, .where = i});
	EXPECT_EQ(plan(list, 512, large).ranges.ranges().size(), 1'000'000u);
	EXPECT_EQ(plan(list, 512, large, 2048).ranges.ranges().size(), 1u);
}

} // namespace

} // namespace dm_remap::tool
