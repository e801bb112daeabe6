// SPDX-License-Identifier: GPL-2.0
// replace: the map of a copy, its record in a file, what the kernel's trace says, and the table of the swap.
#include "copy_map.hh"
#include "copy_state.hh"
#include "exit_status.hh"
#include "swap_table.hh"
#include "trace_lines.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;
using Stretch = CopyMap::Run;
using enum CopyState;

std::vector<Stretch> runs_of(const CopyMap &map)
{
	std::vector<Stretch> out;

	map.each([&](const Stretch &run) { out.push_back(run); });
	return out;
}

TEST(CopyMap, BeginsInOneState)
{
	EXPECT_EQ(runs_of(CopyMap(100)), (std::vector<Stretch>{{0, 100, todo}}));
	EXPECT_EQ(runs_of(CopyMap(0)), std::vector<Stretch>());
	EXPECT_FALSE(CopyMap(100).next(copied));
}

TEST(CopyMap, JoinsNeighboursAndIgnoresWhatLiesBeyond)
{
	CopyMap map(100);

	map.set(10, 20, copied);
	map.set(20, 30, copied);
	EXPECT_EQ(runs_of(map), (std::vector<Stretch>{{0, 10, todo}, {10, 30, copied}, {30, 100, todo}}));
	map.set(90, 1000, bad);
	map.set(200, 300, bad);
	map.set(50, 50, bad);
	EXPECT_EQ(map.sectors(bad), 10u);
	map.set(0, 10, copied);
	map.set(30, 100, copied);
	EXPECT_EQ(runs_of(map), (std::vector<Stretch>{{0, 100, copied}}));
	EXPECT_EQ(map.runs(), 1u);
}

TEST(CopyMap, FindsWhatIsNext)
{
	CopyMap map(100);

	map.set(10, 20, bad);
	map.set(40, 50, bad);
	EXPECT_EQ(map.next(bad), (Stretch{10, 20, bad}));
	EXPECT_EQ(map.next(bad, 15), (Stretch{15, 20, bad}));
	EXPECT_EQ(map.next(bad, 20), (Stretch{40, 50, bad}));
	EXPECT_FALSE(map.next(bad, 50));
	EXPECT_FALSE(map.next(todo, 100));
	map.change(bad, skipped);
	EXPECT_FALSE(map.next(bad));
	EXPECT_EQ(map.sectors(skipped), 20u);
}

// Against an array of one state for each sector.
TEST(CopyMap, IsWhatAnArrayWouldBe)
{
	constexpr uint64_t size = 200;
	std::mt19937 random(4711);
	CopyMap map(size);
	std::vector<CopyState> model(size, todo);
	const auto draw = [&](uint64_t limit) { return std::uniform_int_distribution<uint64_t>(0, limit - 1)(random); };

	for (int step = 0; step < 5000; step++) {
		const uint64_t start = draw(size), end = std::min(size, start + draw(30));
		const auto state = static_cast<CopyState>(draw(copy_states));

		if (step % 50 == 49) {
			const auto from = static_cast<CopyState>(draw(copy_states));

			map.change(from, state);
			std::replace(model.begin(), model.end(), from, state);
		} else {
			map.set(start, end, state);
			std::fill(model.begin() + static_cast<ptrdiff_t>(start), model.begin() + static_cast<ptrdiff_t>(std::max(start, end)), state);
		}
		uint64_t at = 0;
		CopyState before = {};

		map.each([&](const Stretch &run) {
			ASSERT_EQ(run.start, at);
			ASSERT_TRUE(!at || run.state != before) << "step " << step;
			for (; at < run.end; at++)
				ASSERT_EQ(model[at], run.state) << "step " << step << ", sector " << at;
			before = run.state;
		});
		ASSERT_EQ(at, size);
		for (size_t i = 0; i < copy_states; i++)
			ASSERT_EQ(map.sectors(static_cast<CopyState>(i)),
				  static_cast<uint64_t>(std::count(model.begin(), model.end(), static_cast<CopyState>(i))));
		ASSERT_EQ(map.at(start), model[start]);
	}
}

CopyStateDocument example()
{
	CopyStateDocument out = {{"11111111-2222-3333-4444-555555555555", 1000, "wwid:5000", 2000}, "/dev/disk/by-id/new \"one\"", CopyMap(1000)};

	out.map.set(0, 100, verified);
	out.map.set(100, 200, copied);
	out.map.set(150, 151, bad);
	out.map.set(300, 308, skipped);
	return out;
}

std::string refusal_of(const std::string &text)
{
	try {
		CopyStateDocument::parse(text);
	} catch (const Failure &failure) {
		return failure.id();
	}
	return "accepted";
}

TEST(CopyState, ComesBackAsItWas)
{
	const CopyStateDocument before = example(), after = CopyStateDocument::parse(before.text());

	EXPECT_EQ(after.subject, before.subject);
	EXPECT_EQ(after.path, before.path);
	EXPECT_EQ(runs_of(after.map), runs_of(before.map));
}

// A path need not be UTF-8; what is written has to be read again all the same.
TEST(CopyState, TakesAnyPath)
{
	CopyStateDocument odd = example();

	odd.path = "/dev/\xff\xfe";
	EXPECT_EQ(runs_of(CopyStateDocument::parse(odd.text()).map), runs_of(odd.map));
}

TEST(CopyState, RefusesWhatIsTornOrChanged)
{
	const std::string whole = example().text();

	for (size_t length = 0; length + 2 < whole.size(); length++)
		ASSERT_EQ(refusal_of(whole.substr(0, length)), "state") << length;
	for (size_t at = 0; at < whole.size(); at++) {
		std::string changed = whole;

		if (changed[at] < '0' || changed[at] > '8')
			continue;
		changed[at]++;
		ASSERT_EQ(refusal_of(changed), "state") << at;
	}
	EXPECT_EQ(refusal_of("{}"), "state");
	EXPECT_EQ(refusal_of("[]"), "state");
	EXPECT_EQ(refusal_of(std::string(whole.size(), '\0')), "state");
}

class CopyStateFileTest : public testing::Test {
protected:
	CopyStateFileTest() : folder_(fs::temp_directory_path() / ("dm-remap-copy-" + std::to_string(getpid()))) { fs::create_directories(folder_); }
	~CopyStateFileTest() override { fs::remove_all(folder_); }

	const fs::path folder_;
};

TEST_F(CopyStateFileTest, IsWrittenReadAndRemoved)
{
	CopyStateFile file(folder_ / "below" / "copy.json");

	EXPECT_FALSE(file.read());
	file.write(example());
	EXPECT_EQ(runs_of(file.read()->map), runs_of(example().map));
	file.remove();
	EXPECT_FALSE(file.read());
}

// A power cut while the next one was being written.
TEST_F(CopyStateFileTest, WhatWasBegunBesideItDoesNoHarm)
{
	CopyStateFile file(folder_ / "copy.json");

	file.write(example());
	std::ofstream(folder_ / "copy.json.Ab12cd") << "{\"kind\":";
	EXPECT_EQ(runs_of(file.read()->map), runs_of(example().map));
	file.write(example());
	EXPECT_EQ(runs_of(file.read()->map), runs_of(example().map));
}

TEST_F(CopyStateFileTest, TakesThePlaceOfNothingElse)
{
	const auto refused = [&](const fs::path &path) {
		try {
			const CopyStateFile file(path);
		} catch (const Failure &failure) {
			return failure.id() == "other-file" && failure.status() == ExitStatus::would_lose;
		}
		return false;
	};
	std::ofstream(folder_ / "notes.txt") << "{\"kind\":\"letter\"}";
	EXPECT_TRUE(refused(folder_ / "notes.txt"));
	fs::create_directory(folder_ / "folder");
	EXPECT_TRUE(refused(folder_ / "folder"));
	EXPECT_TRUE(refused("/dev/null"));
	// A record that was cut off, at the latest when it was empty.
	std::ofstream(folder_ / "empty.json").flush();
	EXPECT_FALSE(refused(folder_ / "empty.json"));
	std::ofstream(folder_ / "torn.json") << "{\"kind\":\"dm-remap copy\",\"ver";
	EXPECT_FALSE(refused(folder_ / "torn.json"));
}

TEST_F(CopyStateFileTest, IsOneRunsAlone)
{
	const CopyStateFile file(folder_ / "copy.json");

	EXPECT_THROW(CopyStateFile(folder_ / "copy.json"), Failure);
}

TEST(DdrescueMap, IsInBytesAndJoinsWhatIsTheSameThere)
{
	const std::string map = ddrescue_map(example().map);

	EXPECT_EQ(map.substr(map.find("status\n") + 7), "0x0  0x12c00  +\n"
							"0x12c00  0x200  -\n"
							"0x12e00  0x6200  +\n"
							"0x19000  0x64000  ?\n");
}

TEST(Trace, TellsWhatWasWritten)
{
	const auto ranges = parse_trace("           <...>-1234    [001] .....   256.653724: block_bio_queue: 254,0 WS 1234 + 8 [sync]\n"
					"     kworker/0:1-17      [000] .....   256.7: block_bio_remap: 254,0 W 5000000000 + 16 <- (9,0) 77\n"
					"            jbd2-9       [000] .....   256.8: block_bio_queue: 254,0 FWFS 99 + 1 [jbd2]\n"
					"            jbd2-9       [000] .....   256.9: block_bio_queue: 254,0 FF 0 + 0 [jbd2]\n");

	ASSERT_TRUE(ranges);
	EXPECT_EQ(*ranges, (std::vector<SectorRange>{{1234, 8}, {5000000000, 16}, {99, 1}}));
	EXPECT_TRUE(parse_trace("")->empty());
}

// The name may hold anything, a line's end as well.
TEST(Trace, IsNotMisledByTheNameOfATask)
{
	const auto ranges = parse_trace("a\nb_bio_queue: -7 [000] ..... 1.0: block_bio_queue: 254,0 W 1 + 2 [a\nb_bio_queue: ]\n");

	ASSERT_TRUE(ranges);
	EXPECT_EQ(*ranges, (std::vector<SectorRange>{{1, 2}}));
}

TEST(Trace, SaysWhenItDoesNotKnow)
{
	EXPECT_FALSE(parse_trace("CPU:0 [LOST 12 EVENTS]\n"));
	EXPECT_FALSE(parse_trace(" x-1 [000] ..... 1.0: block_bio_queue: 254,0 W 12"));
	EXPECT_FALSE(parse_trace(" x-1 [000] ..... 1.0: block_bio_other: 254,0 W 12 + 8 [x]\n"));
}

TEST(SwapTable, HasErrorsWhereNothingCouldBeRead)
{
	EXPECT_EQ(table_text(swap_table(example().map, "8:16")), "0 150 linear 8:16 0\n150 1 error\n151 849 linear 8:16 151\n");
	CopyMap ends(10, verified);

	ends.set(0, 2, bad);
	ends.set(9, 10, bad);
	EXPECT_EQ(table_text(swap_table(ends, "8:16")), "0 2 error\n2 7 linear 8:16 2\n9 1 error\n");
	EXPECT_EQ(table_text(swap_table(CopyMap(10, verified), "8:16")), "0 10 linear 8:16 0\n");
}

} // namespace

} // namespace dm_remap::tool
