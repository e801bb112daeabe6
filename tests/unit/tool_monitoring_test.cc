// SPDX-License-Identifier: GPL-2.0
// Facts for those who watch from afar, out of the modules' answers and out of sysfs; the ranges of plugins. What is told of them: tests/monitoring.
#include "monitoring/exposition.hh"
#include "monitoring/plugin.hh"

#include "stats/families.hh"

#include <dm_remap/engine.h>

#include <gtest/gtest.h>

#include <vector>

namespace dm_remap::tool {

namespace {

const std::string answer = "mode=map_full health=30\nmain sectors=1 block_bytes=4096 physical_block_bytes=8192\n"
			   "map generation=2 extents=3 max_extents=4 mappings=5 remapped_sectors=6 pending_sectors=7 lost_sectors=8\n"
			   "pool members=2 total_sectors=39 used_sectors=10 bad_sectors=11 free_sectors=18 main_permille=13\n";
const std::string counters = "errors read=20 write=21 last_hour=22 last_time=23 unrecovered=24\n"
			     "remaps blocks=25 last_hour=26 last_time=27 untested=28 rescued=29 moved=30\n"
			     "slow_path requests=31 commits=32 checkpoints=33\n";

// What the modules' own text says of the same numbers.
std::string kernel_text(const char *name)
{
	dmr_snapshot s = {};
	std::vector<char> text(65536);

	snprintf(s.name, sizeof(s.name), "%s", name);
	s.reads = 100;
	s.writes = 101;
	s.read_ns = 2'500'000'000;
	s.write_ns = 1;
	s.read_errors = 20;
	s.write_errors = 21;
	s.errors_last_hour = 22;
	s.last_error_time = 23;
	s.unrecovered = 24;
	s.remaps = 25;
	s.remaps_last_hour = 26;
	s.last_remap_time = 27;
	s.untested = 28;
	s.pending_hits = 31;
	s.commits = 32;
	s.checkpoints = 33;
	s.extents = 3;
	s.max_extents = 4;
	s.active_mappings = 5;
	s.remapped_sectors = 6;
	s.pending_sectors = 7;
	s.lost_sectors = 8;
	s.spare_sectors_total = 39;
	s.spare_sectors_used = 10;
	s.spare_sectors_bad = 11;
	s.main_sectors = 1;
	s.health = 30;
	s.mode = DMR_MODE_MAP_FULL;
	text.resize(static_cast<size_t>(dmr_stats_prometheus(&s, 1, text.data(), text.size())));
	return {text.begin(), text.end()};
}

TEST(Facts, MessagesTellWhatSysfsTells)
{
	const Values by_message = values_of(LiveStatus::parse(answer), counters), by_sysfs = read_statistics(kernel_text("x")).values;
	size_t in_messages = 0;

	for (const stats::Family &family : stats::families) {
		ASSERT_TRUE(by_sysfs.contains(family.name)) << family.name;
		ASSERT_EQ(by_message.contains(family.name), family.in_messages) << family.name;
		in_messages += family.in_messages;
		if (family.in_messages) {
			EXPECT_EQ(by_message.at(family.name), by_sysfs.at(family.name)) << family.name;
		}
	}
	EXPECT_EQ(by_sysfs.size(), stats::family_count);
	EXPECT_EQ(in_messages, stats::family_count - 5);
	EXPECT_EQ(by_sysfs.at("read_seconds_total"), "2.500000000");
}

TEST(Facts, AModeThatIsNotKnownHasNoNumber)
{
	std::string other = answer;

	other.replace(other.find("map_full"), 8, "on_fire");
	EXPECT_FALSE(values_of(LiveStatus::parse(other), counters).contains("mode"));
}

TEST(Facts, WhoseTextItIs)
{
	for (const std::string name : {"x", "a b", "a\"b", "a\\b", "a}b", "a{b"})
		EXPECT_EQ(read_statistics(kernel_text(name.c_str())).label, label_text(name)) << name;
	EXPECT_EQ(label_text("\xff\"\n"), "\\\\xff\\\"\\n");
	EXPECT_EQ(read_statistics("").label, "");
	EXPECT_EQ(read_statistics("dm_remap_mode 1\nother{device=\"x\"} 1\ndm_remap_mode{device=\"x\"\n").values.size(), 0u);
}

TEST(Facts, WhatSysfsTellsIsAStatus)
{
	Values values = read_statistics(kernel_text("x")).values;
	const LiveStatus s = status_of(values).value();

	EXPECT_EQ(s.mode, "map_full");
	EXPECT_EQ((std::vector<uint64_t>{s.health, s.remapped, s.pending, s.lost, s.pool_total, s.pool_used, s.pool_bad, s.pool_free, s.extents, s.max_extents}),
		  (std::vector<uint64_t>{30, 6, 7, 8, 39, 10, 11, 18, 3, 4}));
	// A long name leaves no room for them.
	values.erase("map_extents");
	EXPECT_TRUE(status_of(values));
	values["mode"] = "x";
	EXPECT_FALSE(status_of(values));
	values.erase("mode");
	EXPECT_FALSE(status_of(values));
}

TEST(Facts, WhichModuleIsInstalled)
{
	const std::string installed = "filename:       /lib/modules/6/dm-remap.ko.xz\nversion:        1.0.0\nsrcversion:     AAA\ndepends:        dm-mod\nname:           dm_remap\n"
				      "filename:       /lib/modules/6/dm-remap-stats.ko\nname:           dm_remap_stats\n";

	EXPECT_EQ(is_current("dm_remap", "AAA", installed), true);
	EXPECT_EQ(is_current("dm_remap", "BBB", installed), false);
	EXPECT_EQ(is_current("dm_remap", "", installed), std::nullopt);
	EXPECT_EQ(is_current("dm_remap_stats", "AAA", installed), std::nullopt);
	EXPECT_EQ(is_current("dm_remap_metadata", "AAA", installed), std::nullopt);
}

TEST(Exposition, AStateThatIsNotKnownIsOneMore)
{
	MachineFacts facts;

	facts.devices.resize(1);
	facts.devices[0].label = "x";
	facts.devices[0].live = LiveStatus::parse(answer + "spare number=4 device=8:16 state=asleep start=14 total_sectors=15 used_sectors=16 bad_sectors=17\n");
	const std::string text = exposition(facts);

	EXPECT_NE(text.find("dm_remap_spare_state{device=\"x\",spare=\"4\",state=\"asleep\"} 1\n"), text.npos) << text;
	EXPECT_NE(text.find("dm_remap_spare_state{device=\"x\",spare=\"4\",state=\"active\"} 0\n"), text.npos);
	EXPECT_NE(text.find("dm_remap_member_used_bytes{device=\"x\",spare=\"4\"} 8192\n"), text.npos);
	// Not known, and so not there.
	for (const char *name : {"guarded", "scrub_", "health_score", "set_", "module_current"})
		EXPECT_EQ(text.find(std::string("dm_remap_") + name), text.npos) << name;
}

TEST(PluginRange, AsTheGuidelinesHaveIt)
{
	const struct {
		const char *text;
		std::vector<double> alerts, quiet;
	} cases[] = {
		{"10", {-1, 11}, {0, 10}},	{"10:", {9}, {10, 1000}}, {"~:10", {11}, {-1000, 10}}, {"10:20", {9, 21}, {10, 20}},
		{"@10:20", {10, 20}, {9, 21}}, {"69.5:", {69}, {70}},	  {"-5:5", {-6}, {-5}},
	};

	for (const auto &[text, alerts, quiet] : cases) {
		const std::optional<PluginRange> range = PluginRange::parse(text);

		ASSERT_TRUE(range) << text;
		EXPECT_EQ(range->text(), text);
		for (const double value : alerts)
			EXPECT_TRUE(range->alerts(value)) << text << " " << value;
		for (const double value : quiet)
			EXPECT_FALSE(range->alerts(value)) << text << " " << value;
	}
	for (const char *text : {"", "x", ":", ":5", "20:10", "5:x", "@", "~", "1e", "10:20:30", "nan", "nan:", "0:inf"})
		EXPECT_FALSE(PluginRange::parse(text)) << text;
}

} // namespace

} // namespace dm_remap::tool
