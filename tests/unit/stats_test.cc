// SPDX-License-Identifier: GPL-2.0
// Values and sums of sysfs, and the Prometheus text; what promtool says of it: promtool_check.sh.
#include <dm_remap/stats.h>

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

dmr_snapshot sample(const char *name)
{
	dmr_snapshot s = {};

	snprintf(s.name, sizeof(s.name), "%s", name);
	s.reads = 1000;
	s.writes = 500;
	s.read_ns = 2'000'000'000;
	s.write_ns = 1'000'500'000;
	s.read_errors = 3;
	s.write_errors = 4;
	s.remaps = 5;
	s.remaps_last_hour = 2;
	s.errors_last_hour = 6;
	s.last_remap_time = 1'700'000'100;
	s.last_error_time = 1'700'000'200;
	s.active_mappings = 7;
	s.remapped_sectors = 40;
	s.pending_sectors = 8;
	s.spare_sectors_total = 204800;
	s.spare_sectors_used = 48;
	s.spare_sectors_bad = 16;
	s.health = 87;
	return s;
}

std::string value(const char *attribute, const dmr_snapshot &s)
{
	char buf[64] = "";
	const int n = dmr_stats_value(attribute, &s, buf, sizeof(buf));

	return n < 0 ? "error " + std::to_string(n) : std::string(buf, static_cast<size_t>(n));
}

std::string prometheus(const std::vector<dmr_snapshot> &devices, size_t size = 4096)
{
	std::vector<char> buf(size + 16, 'X');
	const int n = dmr_stats_prometheus(devices.data(), static_cast<uint32_t>(devices.size()), buf.data(), size);

	EXPECT_GE(n, 0);
	EXPECT_LT(static_cast<size_t>(n), size);
	for (size_t i = size; i < buf.size(); i++)
		EXPECT_EQ(buf[i], 'X') << "written past the end";
	return std::string(buf.data(), static_cast<size_t>(n));
}

std::vector<std::string> lines(const std::string &text)
{
	std::vector<std::string> all;
	std::istringstream in(text);

	for (std::string line; std::getline(in, line);)
		all.push_back(line);
	return all;
}

std::vector<std::string> told_apart(const std::vector<std::string> &names)
{
	std::vector<dmr_snapshot> devices;
	std::vector<std::string> result;

	for (const std::string &name : names)
		devices.push_back(sample(name.c_str()));
	dmr_stats_tell_apart(devices.data(), static_cast<uint32_t>(devices.size()));
	for (const dmr_snapshot &s : devices)
		result.push_back(s.name);
	return result;
}

TEST(StatsNames, OnlyWhatWouldRepeatIsChanged)
{
	using Names = std::vector<std::string>;

	EXPECT_EQ(told_apart({}), Names());
	EXPECT_EQ(told_apart({"a", "b", "a@100"}), (Names{"a", "b", "a@100"}));
	EXPECT_EQ(told_apart({"a", "a", "b", "a"}), (Names{"a", "a.1", "b", "a.2"}));
	EXPECT_EQ(told_apart({"a", "a.1", "a"}), (Names{"a", "a.1", "a.2"}));
	// One that is as long as a name can be, and differs from the next only at its end.
	const std::string longest(DMR_NAME_SIZE - 1, 'x'), begin(100, 'x');
	EXPECT_EQ(told_apart({longest, longest, longest}), (Names{longest, begin + ".1", begin + ".2"}));
}

TEST(StatsValue, EachAttributeIsItsNumberAndANewline)
{
	const std::map<std::string, std::string> expected = {
		{"total_reads", "1000\n"}, {"total_writes", "500\n"}, {"total_remaps", "5\n"}, {"total_errors", "7\n"},
		{"active_mappings", "7\n"}, {"last_remap_time", "1700000100\n"}, {"last_error_time", "1700000200\n"},
		{"avg_latency_us", "2000\n"}, {"remapped_sectors", "40\n"}, {"spare_sectors_used", "48\n"},
		{"remap_rate_per_hour", "2\n"}, {"error_rate_per_hour", "6\n"}, {"health_score", "87\n"},
	};

	for (const auto &[attribute, text] : expected)
		EXPECT_EQ(value(attribute.c_str(), sample("a")), text) << attribute;
}

TEST(StatsValue, UnknownAttribute)
{
	EXPECT_EQ(value("total_read", sample("a")), "error " + std::to_string(-ENOENT));
	EXPECT_EQ(value("", sample("a")), "error " + std::to_string(-ENOENT));
}

TEST(StatsValue, NoLatencyBeforeTheFirstIo)
{
	EXPECT_EQ(value("avg_latency_us", dmr_snapshot{}), "0\n");
}

TEST(StatsValue, LargestNumber)
{
	dmr_snapshot s = {};

	s.reads = ~uint64_t(0);
	EXPECT_EQ(value("total_reads", s), "18446744073709551615\n");
}

TEST(StatsSum, OfNothingIsHealthy)
{
	dmr_snapshot sum = sample("x");

	dmr_stats_sum(nullptr, 0, &sum);
	EXPECT_EQ(sum.reads, 0u);
	EXPECT_EQ(sum.health, 100u);
	EXPECT_STREQ(sum.name, "");
}

TEST(StatsSum, CountsAddTimesAreTheLatestHealthIsTheWorst)
{
	dmr_snapshot devices[] = {sample("a"), sample("b"), sample("c")}, sum;

	devices[1].health = 12;
	devices[1].last_error_time = 1'800'000'000;
	devices[2].last_remap_time = 0;
	devices[2].mode = 3;
	// One slow device with few requests hardly moves the mean.
	devices[2].reads = 1;
	devices[2].writes = 0;
	devices[2].read_ns = 1'000'000'000;
	devices[2].write_ns = 0;
	dmr_stats_sum(devices, 3, &sum);

	EXPECT_EQ(sum.reads, 2001u);
	EXPECT_EQ(sum.remaps, 15u);
	EXPECT_EQ(sum.read_errors + sum.write_errors, 21u);
	EXPECT_EQ(sum.spare_sectors_used, 144u);
	EXPECT_EQ(sum.last_remap_time, 1'700'000'100u);
	EXPECT_EQ(sum.last_error_time, 1'800'000'000u);
	EXPECT_EQ(sum.health, 12u);
	EXPECT_EQ(sum.mode, 3u);
	// 7001 ms over 3001 requests.
	EXPECT_EQ(value("avg_latency_us", sum), "2332\n");
}

TEST(Prometheus, NothingWithoutDevices)
{
	EXPECT_EQ(prometheus({}), "");
}

TEST(Prometheus, ASampleInBaseUnits)
{
	const std::string text = prometheus({sample("data")});

	for (const char *line : {
		     "# HELP dm_remap_health_score Health, 0 (replace now) to 100.\n# TYPE dm_remap_health_score "
		     "gauge\n"
		     "dm_remap_health_score{device=\"data\"} 87\n",
		     "dm_remap_remapped_bytes{device=\"data\"} 20480\n",
		     "dm_remap_spare_used_bytes{device=\"data\"} 24576\n",
		     "# TYPE dm_remap_reads_total counter\ndm_remap_reads_total{device=\"data\"} 1000\n",
		     "dm_remap_avg_latency_seconds{device=\"data\"} 0.002000333\n",
		     "dm_remap_read_seconds_total{device=\"data\"} 2.000000000\n",
		     "dm_remap_last_error_timestamp_seconds{device=\"data\"} 1700000200\n",
	     })
		EXPECT_NE(text.find(line), std::string::npos) << line << text;
	EXPECT_EQ(text.find("omitted"), std::string::npos) << "one device with a short name fits a page";
}

TEST(Prometheus, OneFamilyAtATimeWithAllItsDevices)
{
	std::string family;
	std::set<std::string> seen;
	size_t samples = 0;

	for (const std::string &line : lines(prometheus({sample("a"), sample("b"), sample("c")}, 65536))) {
		if (line.rfind("# HELP ", 0) == 0) {
			EXPECT_TRUE(family.empty() || samples == 3) << family;
			family = line.substr(7, line.find(' ', 7) - 7);
			EXPECT_TRUE(seen.insert(family).second) << family << " twice";
			samples = 0;
		} else if (line.rfind("# TYPE ", 0) == 0) {
			const bool counter = family.size() > 6 && family.substr(family.size() - 6) == "_total";
			EXPECT_EQ(line, "# TYPE " + family + (counter ? " counter" : " gauge"));
		} else {
			EXPECT_EQ(line.rfind(family + "{device=\"" + "abc"[samples] + "\"} ", 0), 0u) << line;
			samples++;
		}
	}
	EXPECT_EQ(seen.size(), 29u);
}

// Names, types and their order are a promise: docs/statistics.md is the list.
TEST(Prometheus, MetricsAreThoseOfTheDocumentation)
{
	std::vector<std::string> documented, written;
	std::ifstream in(std::filesystem::path(__FILE__).parent_path() / "../../docs/statistics.md");

	ASSERT_TRUE(in) << "docs/statistics.md is missing";
	for (std::string line; std::getline(in, line);) {
		const size_t end = line.find("` | ");

		// From there on it is about what dmremap adds.
		if (line.rfind("### ", 0) == 0 && !documented.empty())
			break;
		if (line.rfind("| `dm_remap_", 0) == 0 && line.find("omitted_metrics") == std::string::npos)
			documented.push_back(line.substr(3, end - 3) + " " +
					     line.substr(end + 4, line.find(" |", end + 4) - end - 4));
	}
	for (const std::string &line : lines(prometheus({sample("a")}, 65536)))
		if (line.rfind("# TYPE ", 0) == 0)
			written.push_back(line.substr(7));
	EXPECT_EQ(written, documented);
}

TEST(Prometheus, LabelsAreEscaped)
{
	const std::string text = prometheus({sample("a\\b\"c\nd")});

	EXPECT_NE(text.find("{device=\"a\\\\b\\\"c\\nd\"} 87\n"), std::string::npos) << text;
}

TEST(Prometheus, OnlyUtf8LeavesAsItIs)
{
	const std::pair<const char *, const char *> cases[] = {
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"}, // two bytes
		{"\xe2\x82\xac", "\xe2\x82\xac"},	      // three
		{"\xf0\x9f\x92\xbe", "\xf0\x9f\x92\xbe"},     // four
		{"a\xff", "a\\\\xff"},			      // no lead byte
		{"a\xc3", "a\\\\xc3"},			      // cut off
		{"\xc0\xaf", "\\\\xc0\\\\xaf"},		      // overlong
		{"\xe0\x80\xaf", "\\\\xe0\\\\x80\\\\xaf"},
		{"\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80"},    // surrogate
		{"\xf4\x90\x80\x80", "\\\\xf4\\\\x90\\\\x80\\\\x80"},
		{"\x80", "\\\\x80"},
	};

	for (const auto &[name, label] : cases)
		EXPECT_NE(prometheus({sample(name)}).find("{device=\"" + std::string(label) + "\"} 87\n"),
			  std::string::npos)
			<< label;
}

// Whatever the size, the text is a prefix of families and tells how many are missing.
TEST(Prometheus, StopsAtAFamilyBoundary)
{
	const std::vector<dmr_snapshot> devices = {sample("first"), sample("second")};
	const std::string whole = prometheus(devices, 65536);
	const std::string closing = "# HELP dm_remap_omitted_metrics ";
	std::set<uint64_t> omissions;

	for (size_t size = 1; size <= whole.size() + 2; size++) {
		const std::string text = prometheus(devices, size);
		const size_t end = text.find(closing);

		if (text.empty())
			continue;
		if (end == std::string::npos) {
			EXPECT_EQ(text, whole);
			continue;
		}
		EXPECT_EQ(whole.compare(0, end, text, 0, end), 0);
		EXPECT_TRUE(whole.compare(end, 7, "# HELP ") == 0) << "torn at " << end;
		const std::string last = lines(text).back();
		EXPECT_EQ(last.rfind("dm_remap_omitted_metrics ", 0), 0u) << last;
		uint64_t missing = 0;
		for (const std::string &line : lines(whole.substr(end)))
			missing += line.rfind("# HELP ", 0) == 0;
		EXPECT_EQ(std::stoull(last.substr(25)), missing);
		omissions.insert(missing);
	}
	// From all missing to two: so many as the closing family itself needs.
	EXPECT_EQ(*omissions.rbegin(), 29u);
	EXPECT_LE(*omissions.begin(), 2u);
	EXPECT_EQ(prometheus(devices, whole.size() + 1), whole);
}

TEST(Prometheus, TheOmissionOfOneDeviceCarriesItsLabel)
{
	const std::string text = prometheus({sample("only")}, 1000);

	EXPECT_NE(text.find("dm_remap_omitted_metrics{device=\"only\"} "), std::string::npos) << text;
}

} // namespace
