// SPDX-License-Identifier: GPL-2.0
// What is kept of a device's past, and what must not destroy it or look like what it is not.
#include "health/health_text.hh"
#include "health/history_file.hh"
#include "health/sampling.hh"
#include "sealed_document.hh"
#include "temporary_folder.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace dm_remap::tool {
namespace {

constexpr const char *set = "11111111-1111-1111-1111-111111111111";
constexpr uint64_t hour = History::hour, day = History::day;
// The begin of a day.
constexpr uint64_t start = 20000 * day;

class HistoryTest : public ::testing::Test {
protected:
	Sample sample() const
	{
		return {.moment = {.boot = boot, .uptime = uptime, .time = clock}, .main = "wwn", .counts = counts, .taken = taken, .health = health};
	}
	void pass(uint64_t seconds)
	{
		uptime += seconds;
		clock += seconds;
	}
	void take() { history.add(sample()); }
	void reboot(uint64_t away)
	{
		boot += "'";
		clock += away;
		uptime = 30;
		counts = {};
	}
	Period last_day() const { return history.hours().sum(clock, day); }
	Period last_month() const { return history.days().sum(clock, 30 * day); }

	std::string boot = "b";
	uint64_t uptime = 500, clock = start, taken = 800, health = 100;
	Counts counts = {.errors = 100, .remaps = 100, .unrecovered = 100};
	History history{set, sample()};
};

TEST_F(HistoryTest, WhatWasBeforeTheFirstSampleIsOfNoTime)
{
	EXPECT_TRUE(history.hours().periods().empty());
	pass(60);
	take();
	EXPECT_EQ(last_day().counts, Counts());
	EXPECT_EQ(last_day().taken, 0u);
	EXPECT_EQ(last_day().seconds, 60u);
}

TEST_F(HistoryTest, ByTheHourAndByTheDay)
{
	for (uint64_t i = 0; i < 40 * 24 * 2; i++) {
		pass(hour / 2);
		counts.errors++;
		counts.remaps += 2;
		taken += 16;
		health = i % 2 ? 90 : 95;
		take();
	}
	ASSERT_EQ(history.hours().periods().size(), 24u);
	ASSERT_EQ(history.days().periods().size(), 30u);
	EXPECT_EQ(history.hours().periods()[0], (Period{.begin = clock - 23 * hour, .seconds = hour, .counts = {2, 4, 0}, .taken = 32, .health = 90}));
	EXPECT_EQ(history.days().periods()[28].seconds, day);
	EXPECT_EQ(history.days().periods()[28].counts, (Counts{48, 96, 0}));
	EXPECT_LT(history.text().size(), 8192u);
	EXPECT_TRUE(history.by_days());
	EXPECT_EQ(history.watched().size(), 30u);
}

TEST_F(HistoryTest, AReloadOrARebootIsNoBurstAndNothingNegative)
{
	pass(60);
	counts.errors += 3;
	take();
	counts = {.errors = 1, .remaps = 0, .unrecovered = 0}; // a reload
	pass(60);
	take();
	EXPECT_EQ(last_day().counts, (Counts{4, 0, 0}));
	// More than before it, and yet all of it is new.
	reboot(hour);
	counts = {.errors = 7, .remaps = 5, .unrecovered = 2};
	take();
	EXPECT_EQ(last_day().counts, (Counts{11, 5, 2}));
	EXPECT_EQ(last_day().seconds, 150u) << "while it was off nothing was watched";
	EXPECT_EQ(last_day().taken, 0u) << "the spares know by themselves";
	taken -= 100; // given back to main
	pass(60);
	take();
	EXPECT_EQ(last_day().taken, 0u);
}

TEST_F(HistoryTest, WhatNobodyLookedAtWasWatchedAllTheSame)
{
	pass(3 * day + hour / 2);
	counts.errors += 5;
	take();
	EXPECT_EQ(last_month().seconds, 3 * day + hour / 2);
	EXPECT_EQ(last_day().counts.errors, 5u);
	EXPECT_EQ(history.hours().periods().size(), 24u);
	EXPECT_EQ(history.days().periods().size(), 4u);
}

TEST_F(HistoryTest, AClockThatJumpsDestroysNothing)
{
	for (int i = 0; i < 10; i++) {
		pass(day);
		counts.errors++;
		take();
	}
	uint64_t seconds = last_month().seconds;

	ASSERT_EQ(last_month().counts.errors, 10u);
	for (const int64_t jump : {int64_t(-3650), int64_t(3650), int64_t(-20), int64_t(20)}) {
		clock = static_cast<uint64_t>(static_cast<int64_t>(clock) + jump * static_cast<int64_t>(day));
		pass(60);
		take();
		EXPECT_EQ(last_month().counts.errors, 10u) << jump;
		EXPECT_EQ(last_month().seconds, seconds += 60) << jump;
	}
	EXPECT_LE(history.days().periods().size(), 11u);
	EXPECT_EQ(history.days().periods().back().begin, clock / day * day);
}

// A machine without a clock of its own: 1970 until the network tells the time.
TEST_F(HistoryTest, AClockThatStartsAtZeroIsMended)
{
	for (int i = 0; i < 10; i++) {
		pass(day);
		counts.errors++;
		take();
	}
	const uint64_t known = clock;

	for (int boots = 0; boots < 40; boots++) {
		reboot(0);
		clock = 10;
		pass(60);
		counts.errors = 1;
		take();
		clock = known + hour;
		uptime += 10;
		take();
	}
	EXPECT_EQ(last_month().counts.errors, 50u);
	EXPECT_LE(history.days().periods().size(), 12u);
}

TEST_F(HistoryTest, AStepOfTheClockWithinTheHourMakesNoNewOne)
{
	pass(hour + 60);
	take();
	const size_t periods = history.hours().periods().size();

	clock -= 90;
	pass(10);
	take();
	EXPECT_EQ(history.hours().periods().size(), periods);
}

TEST_F(HistoryTest, AnotherMainBeginsAnew)
{
	pass(day);
	counts.errors++;
	take();
	Sample next = sample();

	next.main = "";
	history.add(next);
	EXPECT_EQ(history.last().main, "wwn") << "that nobody knows it is no other";
	next.main = "another";
	history.add(next);
	EXPECT_EQ(last_month().counts.errors, 0u);
	EXPECT_EQ(history.since(), clock);
}

TEST_F(HistoryTest, OnceAMinuteIsEnough)
{
	EXPECT_FALSE(history.wants(sample()));
	pass(30);
	counts.errors++;
	EXPECT_FALSE(history.wants(sample()));
	pass(30);
	EXPECT_TRUE(history.wants(sample()));
	take();
	pass(60);
	EXPECT_FALSE(history.wants(sample())) << "nothing has happened";
	pass(540);
	EXPECT_TRUE(history.wants(sample()));
	take();
	reboot(0);
	EXPECT_TRUE(history.wants(sample()));
}

TEST_F(HistoryTest, ComesBackAsItWas)
{
	for (int i = 0; i < 50; i++) {
		pass(hour);
		counts.unrecovered++;
		take();
	}
	const std::string text = history.text();
	const History read = History::parse(set, text);

	EXPECT_EQ(read.text(), text);
	EXPECT_EQ(read.hours().periods(), history.hours().periods());
	EXPECT_EQ(read.last().moment.boot, boot);
	for (size_t n = 0; n + 1 < text.size(); n += 7)
		EXPECT_THROW(History::parse(set, text.substr(0, n)), BrokenSeal) << n;
	for (size_t n = 0; n < text.size(); n += 5) {
		std::string changed = text;

		changed[n] ^= 1;
		try {
			EXPECT_EQ(History::parse(set, changed).text(), text) << n << ": blanks alone mean nothing";
		} catch (const BrokenSeal &) {
		}
	}
	EXPECT_THROW(History::parse("another", text), BrokenSeal);
	for (const char *content : {"{}", "[]", "7", R"({"set":"11111111-1111-1111-1111-111111111111","since":-1,"last":{},"hours":[],"days":{}})"})
		EXPECT_THROW(History::parse(set, sealed({"dm-remap history", 1, "history"}, nlohmann::ordered_json::parse(content))), BrokenSeal) << content;
}

class HistoryFileTest : public HistoryTest {
protected:
	std::string folder() const { return folder_.path() / "state"; }
	size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder()), std::filesystem::directory_iterator())); }
	void put(const std::string &text) { std::ofstream(file.path()) << text; }

	TemporaryFolder folder_;
	HistoryFile file{folder(), set};
};

TEST_F(HistoryFileTest, IsMadeAndGoesOn)
{
	EXPECT_FALSE(file.read());
	EXPECT_FALSE(file.fault());
	EXPECT_FALSE(record(file, set, sample()));
	pass(600);
	counts.errors++;
	EXPECT_FALSE(record(file, set, sample()));
	ASSERT_TRUE(file.read());
	EXPECT_EQ(file.read()->hours().sum(clock, day).counts.errors, 1u);
	EXPECT_EQ(files(), 1u);
}

TEST_F(HistoryFileTest, WhatIsNoHistoryIsSetAsideAndSaid)
{
	std::filesystem::create_directories(folder());
	const std::string whole = history.text();

	for (const std::string &text : {std::string(), whole.substr(0, whole.size() / 2), std::string("{\"kind\":\"dm-remap copy\"}"), std::string(300000, ' ')}) {
		put(text);
		EXPECT_FALSE(file.read());
		ASSERT_TRUE(file.fault());
		const std::optional<std::string> said = record(file, set, sample());

		ASSERT_TRUE(said);
		EXPECT_NE(said->find(".bad now"), std::string::npos);
		EXPECT_TRUE(file.read());
		EXPECT_EQ(std::filesystem::file_size(file.path() + ".bad"), text.size());
		EXPECT_EQ(files(), 2u) << "no more than one is kept";
	}
	std::filesystem::remove(file.path());
	ASSERT_EQ(mkfifo(file.path().c_str(), 0600), 0);
	EXPECT_TRUE(record(file, set, sample())) << "nobody waits for what is no file";
	EXPECT_TRUE(file.read());
}

TEST_F(HistoryFileTest, ThatItCannotBeKeptIsSaid)
{
	std::ofstream(folder()) << "no folder";
	EXPECT_THROW(record(file, set, sample()), std::system_error);
}

TEST(Sampling, WhatIsGuardedWasNotTakenByAFailingDisk)
{
	DeviceFacts device;

	EXPECT_FALSE(sample_of(device, {}));
	device.set = set;
	device.live = LiveStatus{};
	device.live->pool_used = 100;
	device.live->pool_bad = 8;
	device.live->health = 77;
	device.live->guard = LiveGuard{.state = "complete", .sectors = 66, .missing = 0, .main_uuid = ""};
	device.disks = {{"sda", "serial", "wwn"}, {"sdb", "serial", ""}};
	EXPECT_FALSE(sample_of(device, {})) << "no counters";
	device.values = {{"read_errors_total", "1"}, {"write_errors_total", "2"}, {"remaps_total", "3"}, {"unrecovered_total", "4"}};
	const std::optional<Sample> s = sample_of(device, {});

	ASSERT_TRUE(s);
	EXPECT_EQ(s->counts, (Counts{3, 3, 4}));
	EXPECT_EQ(s->taken, 42u);
	EXPECT_EQ(s->health, 77u);
	EXPECT_EQ(s->main, "wwn serial");
	device.disks.push_back({"sdc", "", ""});
	EXPECT_EQ(sample_of(device, {})->main, "");
	EXPECT_FALSE(now().boot.empty());
	EXPECT_GT(now().uptime, 0u);
}

constexpr const char *answer = "health=65 mode=ok errors_last_hour=3 pending_sectors=16 spare_used_sectors=512 spare_total_sectors=204800 lost_sectors=0 "
			       "error_rate_per_hour=3 errors_last_day=9 error_rate_per_hour_of_day=0.37 trend=rising consecutive_errors=2\n";

TEST(LiveHealth, PartsAreThoseOfTheScore)
{
	const LiveHealth h = LiveHealth::parse(answer);
	const ScoreParts parts = h.parts();

	EXPECT_EQ(h.trend + h.rate_of_day + h.mode, "rising0.37ok");
	EXPECT_EQ(h.errors_last_day, 9u);
	EXPECT_EQ(h.in_a_row, 2u);
	// As the line of docs/health.md with these numbers: 77.
	EXPECT_EQ(100 - parts.spare_use - parts.errors - parts.unreadable, 77u);
	EXPECT_EQ(parts.cap, 100u);
	// Of older modules, and of newer ones.
	const LiveHealth old = LiveHealth::parse("health=9 mode=odd errors_last_hour=0 pending_sectors=0 spare_used_sectors=0 spare_total_sectors=8 lost_sectors=0\n");

	EXPECT_FALSE(old.errors_last_day || old.in_a_row || old.parts().cap);
}

std::string joined(const HealthReport &report)
{
	std::string out;

	for (const std::string &line : health_text(report))
		out += line + "\n";
	return out;
}

TEST(HealthText, SaysWhatIsKnownAndWhatIsNot)
{
	HealthReport report = {.name = "x", .set = set, .live = LiveHealth::parse(answer), .free = 204288, .now = start, .history = {}, .exhaustion = {}};
	const std::string none = joined(report);

	EXPECT_NE(none.find("  -1 for the spares: 512 of 204800 sectors"), std::string::npos) << none;
	EXPECT_NE(none.find("9 in the last day, 0.37 an hour: rising"), std::string::npos) << none;
	EXPECT_NE(none.find("none is kept: 'dmremap metrics' does so"), std::string::npos) << none;
	EXPECT_NE(none.find("not enough to tell"), std::string::npos) << none;
	report.exhaustion = {Exhaustion::Kind::interval, 5 * 24, 10 * 24, 15 * 24};
	EXPECT_NE(joined(report).find("used up in 5 days to 2 weeks, most likely 10 days (9 times of 10"), std::string::npos) << joined(report);
	report.exhaustion = {Exhaustion::Kind::not_before, 1000, 0, 0};
	EXPECT_NE(joined(report).find("not used up within 6 weeks (9 times of 10"), std::string::npos) << joined(report);
	report.live.mode = "spare_exhausted";
	EXPECT_NE(joined(report).find("no more than 30 in mode spare_exhausted"), std::string::npos);
	EXPECT_EQ(duration_text(0.5) + ", " + duration_text(47) + ", " + duration_text(30000), "30 minutes, 47 hours, 3 years");
}

} // namespace
} // namespace dm_remap::tool
