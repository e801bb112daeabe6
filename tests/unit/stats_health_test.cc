// SPDX-License-Identifier: GPL-2.0
#include <dm_remap/health.hh>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace {

using dm_remap::health::Inputs;
using dm_remap::health::score;

static_assert(score(Inputs{.spare_total = 1}) == 100);

// The cells of a line of a Markdown table.
std::vector<std::string> cells(const std::string &line)
{
	std::vector<std::string> found;

	for (size_t at = line.find('|'); at != std::string::npos;) {
		const size_t next = line.find('|', at + 1);

		if (next == std::string::npos)
			break;
		std::string cell = line.substr(at + 1, next - at - 1);
		cell.erase(0, cell.find_first_not_of(' '));
		cell.erase(cell.find_last_not_of(' ') + 1);
		found.push_back(cell);
		at = next;
	}
	return found;
}

TEST(Health, WorkedExamplesOfTheDocumentation)
{
	const std::map<std::string, uint32_t> modes = {
		{"ok", DMR_MODE_OK}, {"read_only", DMR_MODE_READ_ONLY}, {"spare_exhausted", DMR_MODE_SPARE_EXHAUSTED},
		{"map_full", DMR_MODE_MAP_FULL}, {"main_read_only", DMR_MODE_MAIN_READ_ONLY},
		{"main_gone", DMR_MODE_MAIN_GONE}, {"metadata_failed", DMR_MODE_METADATA_FAILED},
	};
	std::ifstream in(std::filesystem::path(__FILE__).parent_path() / "../../docs/health.md");
	std::map<std::string, int> seen;

	ASSERT_TRUE(in) << "docs/health.md is missing";
	for (std::string line; std::getline(in, line);) {
		const std::vector<std::string> c = cells(line);

		if (c.size() != 6 || !modes.count(c[0]))
			continue;
		seen[c[0]]++;
		EXPECT_EQ(score(Inputs{modes.at(c[0]), std::stoull(c[1]), std::stoull(c[2]), std::stoull(c[3]),
				       std::stoull(c[4])}),
			  std::stoul(c[5]))
			<< line;
	}
	EXPECT_EQ(seen.size(), modes.size()) << "every mode has an example";
}

TEST(Health, WorseInputsNeverScoreBetter)
{
	const uint64_t steps[] = {0, 1, 2, 7, 8, 9, 100, 5000, 204799, 204800, 204801, uint64_t(1) << 54};

	for (uint32_t mode = DMR_MODE_OK; mode <= DMR_MODE_METADATA_FAILED; mode++) {
		for (size_t i = 1; i < std::size(steps); i++) {
			const uint64_t less = steps[i - 1], more = steps[i];

			EXPECT_GE(score(Inputs{mode, less, 204800, 10, 0}), score(Inputs{mode, more, 204800, 10, 0}));
			EXPECT_GE(score(Inputs{mode, 0, 204800, less, 0}), score(Inputs{mode, 0, 204800, more, 0}));
			EXPECT_GE(score(Inputs{mode, 0, 204800, 10, less}), score(Inputs{mode, 0, 204800, 10, more}));
			EXPECT_LE(score(Inputs{mode, more, 204800, more, more}),
				  score(Inputs{DMR_MODE_OK, 0, 204800, 0, 0}));
		}
	}
}

TEST(Health, ExtremesStayInRange)
{
	const uint64_t huge = ~uint64_t(0);

	EXPECT_EQ(score(Inputs{DMR_MODE_OK, huge, 0, huge, huge}), 10u);
	EXPECT_EQ(score(Inputs{DMR_MODE_OK, 0, 0, 0, 0}), 60u) << "a device without spares";
	EXPECT_EQ(score(Inputs{DMR_MODE_OK, 0, uint64_t(1) << 54, (uint64_t(1) << 54) - 1, 0}), 60u);
}

TEST(Health, TheTrendIsOfManyErrors)
{
	using dm_remap::health::trend;

	EXPECT_STREQ(trend(100, 100, 119), "unknown");
	EXPECT_STREQ(trend(0, 0, 120), "steady");
	EXPECT_STREQ(trend(2, 2, 120), "steady");
	EXPECT_STREQ(trend(3, 3, 120), "rising");
	EXPECT_STREQ(trend(22, 32, 120), "steady") << "10 in the hour before";
	EXPECT_STREQ(trend(23, 33, 120), "rising");
	// 10 an hour in 23 hours.
	EXPECT_STREQ(trend(10, 240, 1440), "steady");
	EXPECT_STREQ(trend(22, 252, 1440), "steady");
	EXPECT_STREQ(trend(23, 253, 1440), "rising");
	EXPECT_STREQ(trend(4, 234, 1440), "steady");
	EXPECT_STREQ(trend(3, 233, 1440), "falling");
	EXPECT_STREQ(trend(0, 2, 1440), "steady");
	EXPECT_STREQ(trend(5, 4, 1440), "rising") << "counted at two moments";
}

TEST(Health, RatesArePerHour)
{
	using dm_remap::health::errors_per_hour_hundredths;

	EXPECT_EQ(errors_per_hour_hundredths(24, 1440), 100u);
	EXPECT_EQ(errors_per_hour_hundredths(1, 1440), 4u);
	EXPECT_EQ(errors_per_hour_hundredths(7, 1), 700u) << "no more than there were";
}

TEST(Health, OfASnapshotCountsBadSpareBlocks)
{
	dmr_snapshot s = {};

	s.spare_sectors_total = 1000;
	s.spare_sectors_used = 250;
	s.spare_sectors_bad = 250;
	EXPECT_EQ(score(s), 80u);
	s.mode = DMR_MODE_MAIN_GONE;
	EXPECT_EQ(score(s), 0u);
}

} // namespace
