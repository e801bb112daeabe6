// SPDX-License-Identifier: GPL-2.0
// When the spares will be used up: of made histories of which the end is known. The table that docs/health.md has is printed by
// build/host/tests/unit/tool_exhaustion_test --gtest_filter='*Table*'; DMR_SEED draws others.
#include "health/exhaustion.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace dm_remap::tool {
namespace {

using Kind = Exhaustion::Kind;

constexpr uint64_t block = 8;
constexpr double day = 24;

// A history of days of which the last is not over, and how it went on. Hours count from its begin.
struct History {
	std::vector<Watched> past;
	uint64_t free = 0;
	double end = 0;	// hours from now, infinite: in decades
};

class Drawing final {
public:
	explicit Drawing(uint64_t seed) : random_(seed) {}

	double between(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
	// As often between 1 and 2 as between 2 and 4.
	double scale(double low, double high) { return std::exp(between(std::log(low), std::log(high))); }
	double until_next(double rate) { return std::exponential_distribution<double>(rate)(random_); }
	double lognormal(double median, double sigma) { return std::lognormal_distribution<double>(std::log(median), sigma)(random_); }

private:
	std::mt19937_64 random_;
};

// Something was taken at this time.
struct Event {
	double at;
	uint64_t sectors;
};

// The event after one at this time.
using Process = std::function<Event(double after)>;

// What is free at the end of the past would be taken in a twentieth of its length, or six of them, or anything between, at the mean rate of now.
History history(Drawing &draw, Process process, double mean_per_hour_now)
{
	constexpr double years = 20 * 365 * day;
	History out;
	const size_t days = static_cast<size_t>(draw.between(10, 30.99));
	const double now = (static_cast<double>(days - 1) + draw.between(0.1, 1)) * day;

	for (size_t i = 0; i < days; i++)
		out.past.push_back({std::min(day, now - static_cast<double>(i) * day), 0});
	out.free = std::max<uint64_t>(block, static_cast<uint64_t>(mean_per_hour_now * now * draw.scale(0.05, 6)));
	std::vector<Event> later;
	uint64_t taken = 0;
	Event event = process(0);

	out.end = INFINITY;
	for (; event.at < now + years; event = process(event.at)) {
		if (event.at < now)
			out.past[static_cast<size_t>(event.at / day)].taken += event.sectors;
		else if ((taken += event.sectors) >= out.free) {
			out.end = event.at - now;
			break;
		}
	}
	return out;
}

// Block by block, at the same rate.
History linear(Drawing &draw)
{
	const double rate = draw.scale(1, 200) / day;

	return history(draw, [&draw, rate](double after) { return Event{after + draw.until_next(rate), block}; }, rate * block);
}

// Bursts of all sizes, each of which lasts for some hours; days without any between.
History bursts(Drawing &draw)
{
	const double rate = draw.scale(0.1, 3) / day, median = draw.scale(5, 100), sigma = draw.between(0.5, 1.5), lasts = draw.scale(0.1, 12);
	double left = 0;

	return history(draw, [&draw, rate, median, sigma, lasts, left](double after) mutable {
		double at = after + draw.until_next(20 / lasts);

		if (left < 1) {
			left = std::max(1.0, draw.lognormal(median, sigma));
			at = after + draw.until_next(rate);
		}
		const double part = std::clamp(std::ceil(left / 10), 1.0, left);

		left -= part;
		return Event{at, static_cast<uint64_t>(part) * block};
	}, rate * median * std::exp(sigma * sigma / 2) * block);
}

// By the same factor in the same time, or as a power of time; it goes on.
History accelerating(Drawing &draw)
{
	const double first = draw.scale(1, 30) / day, window = 20 * day;

	if (draw.between(0, 1) < 0.5) {
		const double doubles = draw.between(4, 20) * day / std::log(2);

		return history(draw, [&draw, first, doubles](double after) {
			return Event{doubles * std::log(std::exp(after / doubles) + draw.until_next(1) / first / doubles), block};
		}, first * std::exp(window / doubles) * block);
	}
	const double power = draw.between(1, 3) + 1;

	// How many there are until a time: in 20 days as many as at the first rate.
	return history(draw, [&draw, first, power](double after) {
		const double count = std::pow(after / (20 * day), power) + draw.until_next(1) / (first * 20 * day);

		return Event{20 * day * std::pow(count, 1 / power), block};
	}, first * power * block);
}

// Nothing, or a block in months.
History silent(Drawing &draw)
{
	const double rate = draw.between(0, 1) < 0.5 ? 1e-9 : 1 / draw.between(30, 300) / day;

	return history(draw, [&draw, rate](double after) { return Event{after + draw.until_next(rate), block}; }, block);
}

struct Row {
	const char *name;
	History (*make)(Drawing &);
	int answered = 0, held = 0, bounds = 0, bounds_held = 0, unknown = 0;
	std::vector<double> widths = {}; // of the likely time

	double median_width()
	{
		if (widths.empty())
			return 0;
		std::nth_element(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(widths.size() / 2), widths.end());
		return widths[widths.size() / 2];
	}
};

std::string percent(double part, double whole)
{
	return whole > 0 ? std::to_string(std::lround(100 * part / whole)) + "%" : "-";
}

uint64_t seed()
{
	const char *given = std::getenv("DMR_SEED");

	return given ? std::strtoull(given, nullptr, 10) : 13;
}

TEST(Exhaustion, TableOfAThousandHistoriesOfEachKind)
{
	constexpr int count = 1000;
	Row rows[] = {{"linear", linear}, {"bursts", bursts}, {"accelerating", accelerating}, {"silent", silent}};

	std::printf("seed %llu\n%-13s %8s %8s %6s %13s %11s %8s %6s %8s\n", static_cast<unsigned long long>(seed()), "", "answered", "held", "", "median width", "not before",
		    "held", "", "unknown");
	for (Row &row : rows) {
		Drawing draw(seed());

		for (int i = 0; i < count; i++) {
			const History h = row.make(draw);
			const Exhaustion e = time_to_exhaustion(h.past, h.free, block);

			row.unknown += !e.answered() && e.kind != Kind::not_before;
			if (e.kind == Kind::not_before) {
				row.bounds++;
				row.bounds_held += e.soonest <= h.end;
			}
			if (!e.answered())
				continue;
			row.answered++;
			row.held += e.soonest <= h.end && h.end <= e.latest;
			row.widths.push_back((e.latest - e.soonest) / e.likely);
		}
		std::printf("%-13s %8d %8d %6s %13s %11d %8d %6s %8d\n", row.name, row.answered, row.held, percent(row.held, row.answered).c_str(),
			    row.answered ? percent(row.median_width(), 1).c_str() : "-", row.bounds, row.bounds_held, percent(row.bounds_held, row.bounds).c_str(), row.unknown);
	}
	for (const Row &row : rows) {
		EXPECT_GE(row.held * 10, row.answered * 9) << row.name;
		EXPECT_GE(row.bounds_held * 10, row.bounds * 9) << row.name;
		EXPECT_EQ(row.answered + row.bounds + row.unknown, count) << row.name;
	}
	// It is of use, too.
	EXPECT_GE(rows[0].answered, count * 6 / 10);
	EXPECT_LE(rows[0].median_width(), 0.9);
	EXPECT_GE(rows[2].answered, count * 7 / 10);
	EXPECT_LE(rows[2].median_width(), 1);
	EXPECT_EQ(rows[3].answered, 0) << "of nothing nothing follows";
}

std::vector<Watched> same(size_t days, uint64_t taken)
{
	return std::vector<Watched>(days, {day, taken});
}

TEST(Exhaustion, WhatGoesOnAsItDidIsToldWell)
{
	const Exhaustion e = time_to_exhaustion(same(30, 100 * block), 1000 * block, block);

	ASSERT_TRUE(e.answered());
	EXPECT_GT(e.soonest, 8 * day);
	EXPECT_NEAR(e.likely, 10 * day, day);
	EXPECT_LT(e.latest, 12 * day);
}

TEST(Exhaustion, OfHoursAsOfDays)
{
	const std::vector<Watched> past(24, {1, 100 * block});
	const Exhaustion hours = time_to_exhaustion(past, 1000 * block, block), days = time_to_exhaustion(same(24, 100 * block), 1000 * block, block);

	ASSERT_TRUE(hours.answered());
	EXPECT_NEAR(hours.likely * day, days.likely, 1e-6);
}

TEST(Exhaustion, TheSameOfTheSame)
{
	Drawing draw(seed());
	const History h = linear(draw);
	const Exhaustion first = time_to_exhaustion(h.past, h.free, block), second = time_to_exhaustion(h.past, h.free, block);

	EXPECT_EQ(first.likely, second.likely);
	EXPECT_EQ(first.latest, second.latest);
}

TEST(Exhaustion, WhatRisesIsSooner)
{
	std::vector<Watched> past;

	for (uint64_t i = 0; i < 30; i++)
		past.push_back({day, (1 + i) * (1 + i) * block});
	const Exhaustion e = time_to_exhaustion(past, 9000 * block, block);

	ASSERT_TRUE(e.answered());
	// At the rate of the last day it would be ten days, at the mean of all thirty.
	EXPECT_LT(e.latest, 10 * day);
	EXPECT_GT(e.soonest, 5 * day);
}

TEST(Exhaustion, NotEnoughToTell)
{
	EXPECT_EQ(time_to_exhaustion({}, 100, block).kind, Kind::too_short);
	EXPECT_EQ(time_to_exhaustion(same(6, 10 * block), 100, block).kind, Kind::too_short);
	EXPECT_EQ(time_to_exhaustion(same(30, 0), 100, block).kind, Kind::nothing_taken);
	EXPECT_EQ(time_to_exhaustion(same(30, 10 * block), 0, block).kind, Kind::now);
	std::vector<Watched> once = same(30, 0);

	once[20].taken = 100000 * block;
	EXPECT_EQ(time_to_exhaustion(once, 1000 * block, block).kind, Kind::too_few) << "one burst";
	const Exhaustion far = time_to_exhaustion(same(30, 10 * block), 1'000'000 * block, block);

	ASSERT_EQ(far.kind, Kind::not_before);
	EXPECT_EQ(far.soonest, 4 * 30 * day);
	EXPECT_EQ(far.latest, 0);
}

TEST(Exhaustion, StretchesOfNoLengthCountForTheNext)
{
	std::vector<Watched> past = same(30, 100 * block);

	past.insert(past.begin() + 10, {0, 0});
	past.push_back({0, 0});
	EXPECT_EQ(time_to_exhaustion(past, 1000 * block, block).likely, time_to_exhaustion(same(30, 100 * block), 1000 * block, block).likely);
	past.back().taken = 5000 * block;
	EXPECT_LT(time_to_exhaustion(past, 1000 * block, block).soonest, time_to_exhaustion(same(30, 100 * block), 1000 * block, block).soonest);
}

TEST(Exhaustion, ExtremesAreSurvived)
{
	const uint64_t huge = uint64_t{1} << 54;

	for (const uint64_t free : {uint64_t{1}, huge})
		for (const uint64_t taken : {uint64_t{1}, huge})
			for (const double hours : {1e-6, 1e6}) {
				const Exhaustion e = time_to_exhaustion(std::vector<Watched>(30, {hours, taken}), free, 1);

				EXPECT_TRUE(std::isfinite(e.soonest) && std::isfinite(e.likely) && std::isfinite(e.latest));
				EXPECT_LE(e.soonest, e.kind == Kind::interval ? e.likely : 1e12);
			}
}

} // namespace
} // namespace dm_remap::tool
