// SPDX-License-Identifier: GPL-2.0
// The monitor: bursts, by a clock of the test's own, and its file.
#include "monitor/config.hh"
#include "monitor/events.hh"
#include "temporary_folder.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>

namespace dm_remap::tool {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Clock::time_point start = Clock::time_point(1000h);

std::vector<std::string> names(const std::vector<Burst> &bursts)
{
	std::vector<std::string> out;

	for (const Burst &burst : bursts)
		out.push_back(burst.device + ": " + burst.names());
	return out;
}

using Told = std::vector<std::string>;

TEST(MonitorBursts, TheFirstAtOnceTheRestTogether)
{
	Bursts bursts(60s);

	EXPECT_FALSE(bursts.next());
	bursts.note("x", "pending", start);
	EXPECT_EQ(bursts.next(), start);
	EXPECT_EQ(names(bursts.due(start)), Told{"x: pending=1"});
	for (int i = 0; i < 500; i++)
		bursts.note("x", i % 5 ? "pending" : "first_remap", start + 1s + i * 100ms);
	EXPECT_EQ(bursts.next(), start + 60s);
	EXPECT_EQ(names(bursts.due(start + 59s)), Told{});
	const std::vector<Burst> sum = bursts.due(start + 60s);

	EXPECT_EQ(names(sum), Told{"x: first_remap=100 pending=400"});
	EXPECT_EQ(sum.at(0).time, 60s);
	EXPECT_EQ(sum.at(0).events(), 500u);
}

TEST(MonitorBursts, AWhileInWhichNothingCameEndsIt)
{
	Bursts bursts(60s);

	bursts.note("x", "pending", start);
	bursts.due(start);
	EXPECT_EQ(names(bursts.due(start + 60s)), Told{});
	EXPECT_FALSE(bursts.next());
	bursts.note("x", "pending", start + 61s);
	EXPECT_EQ(names(bursts.due(start + 61s)), Told{"x: pending=1"});
}

TEST(MonitorBursts, OneThatGoesOnIsToldEverLessOften)
{
	Bursts bursts(60s);
	std::vector<std::chrono::seconds> times;

	for (std::chrono::seconds at = 0s; at < 10h; at++) {
		bursts.note("x", "pending", start + at);
		for (const Burst &burst : bursts.due(start + at)) {
			times.push_back(burst.time);
			EXPECT_EQ(burst.events(), std::max<uint64_t>(1, static_cast<uint64_t>(burst.time.count())));
		}
	}
	const std::vector<std::chrono::seconds> first(times.begin(), times.begin() + 9);

	EXPECT_EQ(first, (std::vector<std::chrono::seconds>{0s, 60s, 120s, 240s, 480s, 960s, 1920s, 3600s, 3600s}));
	EXPECT_LT(times.size(), 18u);
}

TEST(MonitorBursts, DevicesAndWhatIsNoTroubleApart)
{
	Bursts bursts(60s);

	bursts.note("x", "scrub_begun", start);
	bursts.due(start);
	bursts.note("x", "pending", start + 1s);
	bursts.note("y", "main_gone", start + 1s);
	bursts.note("x", "scrub_ended", start + 1s);
	const std::vector<Burst> due = bursts.due(start + 1s);

	EXPECT_EQ(names(due), (Told{"x: pending=1", "y: main_gone=1"}));
	EXPECT_TRUE(due.at(0).trouble);
	const std::vector<Burst> later = bursts.due(start + 60s);

	EXPECT_EQ(names(later), Told{"x: scrub_ended=1"});
	EXPECT_FALSE(later.at(0).trouble);
}

TEST(MonitorBursts, WhatIsLeftAtTheEnd)
{
	Bursts bursts(60s);

	bursts.note("x", "pending", start);
	bursts.due(start);
	bursts.note("x", "pending", start + 1s);
	bursts.note("y", "what_is_new", start + 1s);
	EXPECT_EQ(names(bursts.rest()), (Told{"x: pending=1", "y: other=1"}));
	EXPECT_EQ(names(bursts.rest()), Told{});
}

TEST(MonitorBursts, NoMoreMemoryForMoreDevices)
{
	Bursts bursts(60s);
	uint64_t events = 0;

	for (int i = 0; i < 100000; i++)
		bursts.note(std::to_string(i), "pending", start);
	const std::vector<Burst> due = bursts.due(start);

	EXPECT_EQ(due.size(), Bursts::most_apart + 1);
	for (const Burst &burst : due)
		events += burst.events();
	EXPECT_EQ(events, 100000u);
	EXPECT_EQ(due.at(0).device, "");
}

// The table of the documentation has them all, and no other.
TEST(MonitorEvents, AsDocumented)
{
	std::ifstream file(std::string(DMR_SOURCE) + "/docs/reference.md");
	std::set<std::string> documented, known;
	std::string line;

	while (std::getline(file, line) && line != "## Events")
		;
	while (std::getline(file, line) && !line.starts_with("## ")) {
		const std::regex name("`([a-z_]+)`");

		if (!line.starts_with("| `") || line.find("DM_REMAP_EVENT") != line.npos)
			continue;
		const std::string cell = line.substr(0, line.find('|', 1));

		for (std::sregex_iterator at(cell.begin(), cell.end(), name), end; at != end; ++at)
			documented.insert((*at)[1]);
	}
	for (size_t i = 0; i < DMR_EVENT_COUNT; i++)
		known.insert(event_kinds()[i].name);
	EXPECT_EQ(known.size(), static_cast<size_t>(DMR_EVENT_COUNT));
	EXPECT_EQ(documented, known);
}

TEST(MonitorFile, WhatHoldsWithoutOne)
{
	const MonitorConfig config = MonitorConfig::read("/nowhere/monitor.conf");

	EXPECT_EQ(config.faults, Told{});
	EXPECT_EQ(config.mail, Told{});
	EXPECT_EQ(config.sendmail, "/usr/sbin/sendmail");
	EXPECT_EQ(config.daily_mail, DailyMail::never);
	EXPECT_TRUE(config.journal);
	EXPECT_EQ(config.together, 60s);
	EXPECT_EQ(config.look_every, 24h);
	EXPECT_EQ(config.limit, 30s);
}

TEST(MonitorFile, AllOfIt)
{
	const MonitorConfig config = MonitorConfig::parse("monitor.conf", "# whom\nmail=root\r\nmail=\"admin@example.org\" # him, too\n"
									  "  from=disks@example.org sendmail=/usr/bin/msmtp\ndaily_mail=bad\njournal=no\ntogether=1\nlook_every=604800\nlimit=3600");

	EXPECT_EQ(config.faults, Told{});
	EXPECT_EQ(config.mail, (Told{"root", "admin@example.org"}));
	EXPECT_EQ(config.from, "disks@example.org");
	EXPECT_EQ(config.sendmail, "/usr/bin/msmtp");
	EXPECT_EQ(config.daily_mail, DailyMail::bad);
	EXPECT_FALSE(config.journal);
	EXPECT_EQ(config.together, 1s);
	EXPECT_EQ(config.look_every, 7 * 24h);
	EXPECT_EQ(config.limit, 1h);
}

// Each fault says where and what, and the other lines hold.
TEST(MonitorFile, WhatIsWrong)
{
	for (const auto &[line, what] : std::vector<std::pair<std::string, std::string>>{
		     {"mail", "'mail' is not KEY=VALUE"},
		     {"mail=", "mail: '' is no plain address, as root or admin@example.org"},
		     {"mail=-t", "mail: '-t' is no plain address"},
		     {"mail=\"a b\"", "mail: 'a b' is no plain address"},
		     {"mail=a,b", "mail: 'a,b' is no plain address"},
		     {"from=\"Disks <a@b>\"", "from: 'Disks <a@b>' is no plain address"},
		     {"sendmail=msmtp", "sendmail: 'msmtp' is no absolute path"},
		     {"daily_mail=yes", "daily_mail: 'yes' is neither 'never' nor 'bad' nor 'always'"},
		     {"journal=1", "journal: '1' is neither 'yes' nor 'no'"},
		     {"together=0", "together: 0 is not from 1 to 3600 seconds"},
		     {"limit=soon", "limit: 'soon' is not a number"},
		     {"look_every=604801", "look_every: 604801 is not from 1 to 604800 seconds"},
		     {"to=root", "'to' is unknown; there are mail, from,"},
		     {"mail=\"root", "a quote is not closed"},
	     }) {
		const MonitorConfig config = MonitorConfig::parse("m.conf", "mail=first\n" + line + "\nfrom=last\n");

		ASSERT_EQ(config.faults.size(), 1u) << line;
		EXPECT_TRUE(config.faults[0].starts_with("m.conf:2: " + what)) << config.faults[0];
		EXPECT_EQ(config.mail, Told{"first"});
		EXPECT_EQ(config.from, "last");
	}
}

TEST(MonitorFile, OneThatCannotBeRead)
{
	const TemporaryFolder folder;

	ASSERT_EQ(MonitorConfig::read(folder.path()).faults.size(), 1u);
	EXPECT_NE(MonitorConfig::read(folder.path()).faults[0].find("Is a directory"), std::string::npos);
}

// What is packaged as an example says what holds without it.
TEST(MonitorFile, TheExample)
{
	std::ifstream file(std::string(DMR_SOURCE) + "/tools/monitoring/monitor/monitor.conf");
	std::string text, line;

	while (std::getline(file, line))
		text += std::regex_match(line, std::regex("#[a-z_]+=.*")) ? line.substr(1) + "\n" : line + "\n";
	const MonitorConfig config = MonitorConfig::parse("example", text);
	const MonitorConfig none;

	EXPECT_EQ(config.faults, Told{});
	EXPECT_EQ(config.mail, Told{"root"});
	EXPECT_EQ(config.from, "root@example.org");
	EXPECT_EQ(config.sendmail, none.sendmail);
	EXPECT_EQ(config.daily_mail, none.daily_mail);
	EXPECT_EQ(config.journal, none.journal);
	EXPECT_EQ(config.together, none.together);
	EXPECT_EQ(config.look_every, none.look_every);
	EXPECT_EQ(config.limit, none.limit);
}

} // namespace

} // namespace dm_remap::tool
