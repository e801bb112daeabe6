// SPDX-License-Identifier: GPL-2.0
// What the stress builds its verdict on: that a seed means the same actions, and which errors a fault explains.
#include "fair_mutex.hh"
#include "faults.hh"
#include "plan.hh"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <thread>
#include <vector>

namespace dm_remap::stress {

namespace {

std::string first_actions(uint64_t seed, uint32_t count)
{
	std::string all;

	for (const Part &part : cast()) {
		Plan plan(part, seed);

		for (uint32_t i = 0; i < count; i++)
			all += name_of(part) + text(plan.next());
	}
	return all;
}

TEST(StressPlan, TheSeedIsThePlan)
{
	EXPECT_EQ(first_actions(7, 200), first_actions(7, 200));
	EXPECT_NE(first_actions(7, 1), first_actions(8, 1));
}

TEST(StressPlan, NobodyIsWithoutAPlanForWhatMustBeDone)
{
	std::set<std::pair<Side, Kind>> met;

	for (const Part &part : cast()) {
		Plan plan(part, 1);

		for (uint32_t i = 0; i < 500; i++)
			met.insert({part.side, plan.next().kind});
	}
	for (size_t kind = 0; kind < size_t(Kind::count_); kind++) {
		for (Side side : {Side::strict, Side::rough}) {
			EXPECT_TRUE(met.contains({side, Kind(kind)}) || !planned(side, Kind(kind)))
				<< name_of(side) << ": " << name_of(Kind(kind));
		}
	}
}

TEST(StressPlan, ThePoolIsNeverSmall)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		Plan plan({Role::pool, Side::rough, 0}, seed);
		uint32_t members = (1u << first_spares) - 1;

		for (uint32_t i = 0; i < 500; i++) {
			const Action action = plan.next();
			const bool add = action.kind == Kind::add_spare || action.kind == Kind::add_by_table;

			ASSERT_LT(action.which, spares);
			ASSERT_NE(members >> action.which & 1, uint32_t(add));
			if (action.kind != Kind::remove_cancelled)
				members ^= 1u << action.which;
			ASSERT_GE(std::popcount(members), int(first_spares));
		}
	}
}

TEST(StressPlan, AreasAreApartAndOnMain)
{
	for (Side side : {Side::strict, Side::rough}) {
		for (uint32_t i = 0; i < trackers[size_t(side)]; i++) {
			EXPECT_GE(tracker_area(side, i), side == Side::strict ? fio_jobs * fio_sectors : i * area_sectors);
			EXPECT_LE(tracker_area(side, i) + area_sectors, main_sectors[size_t(side)]);
		}
	}
}

// The tests' moments: what is noted lies between two of them.
TEST(StressFaults, AFaultExplainsWhatWasUnderWayThen)
{
	Faults faults(100);
	const Moment before = now();

	faults.main_bad(10, 5, true);
	faults.main_is_bad(10, 5);
	const Moment meanwhile = now();
	faults.main_good(10, 5, now() + 1);
	const Moment after = now() + 1;

	EXPECT_TRUE(faults.explains_read(14, 10, before, after));
	EXPECT_TRUE(faults.explains_read(5, 6, meanwhile, meanwhile));
	EXPECT_FALSE(faults.explains_read(15, 10, before, after));
	EXPECT_FALSE(faults.explains_read(10, 1, 0, before - 1));
	EXPECT_FALSE(faults.explains_read(10, 1, after, after));
	EXPECT_FALSE(faults.explains_write(10, 5, before, after));
}

TEST(StressFaults, WhatWasWrittenOverABadSectorDoesNotDependOnMain)
{
	Faults faults(100);

	faults.main_bad(10, 2, true);
	faults.main_is_bad(10, 2);
	const Moment submitted = now() + 1;
	faults.written(10, 1, submitted);
	const Moment after = now() + 1;
	EXPECT_FALSE(faults.explains_read(10, 1, after, after));
	EXPECT_TRUE(faults.explains_read(11, 1, after, after));
	// A write that was there first went to main.
	faults.written(11, 1, submitted - 1'000'000'000);
	EXPECT_TRUE(faults.explains_read(11, 1, after, after));
}

TEST(StressFaults, BetweenTheNoteAndTheFaultAWriteGoesToMain)
{
	Faults faults(100);

	faults.main_bad(10, 1, true);
	faults.written(10, 1, now() + 1);
	faults.main_is_bad(10, 1);
	const Moment after = now() + 1;
	EXPECT_TRUE(faults.explains_read(10, 1, after, after));
}

TEST(StressFaults, OneHealsWhatAnotherHasJustMadeBad)
{
	Faults faults(100);

	faults.main_bad(10, 2, true);
	faults.main_is_bad(10, 2);
	const Moment bad_until = now() + 1;
	faults.main_bad(11, 1, true);
	faults.main_good(10, 2, bad_until);
	faults.main_is_bad(11, 1);
	faults.main_good(11, 1, bad_until - 1'000'000'000);
	const Moment after = now() + 1;
	EXPECT_FALSE(faults.explains_read(10, 1, after, after));
	EXPECT_TRUE(faults.explains_read(11, 1, after, after));
}

TEST(StressFaults, ASpareExplainsOnlyWhatMayLiveThere)
{
	Faults faults(100);

	faults.main_bad(10, 1, false);
	const uint32_t gone = faults.begin(Faults::What::spare_gone);
	const Moment meanwhile = now();
	faults.end(gone);
	EXPECT_TRUE(faults.explains_read(10, 1, meanwhile, meanwhile));
	EXPECT_FALSE(faults.explains_read(11, 1, meanwhile, meanwhile));
	EXPECT_FALSE(faults.explains_write(10, 1, meanwhile, meanwhile));
	EXPECT_TRUE(faults.explains_flush(meanwhile, meanwhile));

	const uint32_t all = faults.begin(Faults::What::all_gone);
	const Moment dark = now();
	faults.end(all);
	EXPECT_TRUE(faults.explains_write(10, 1, dark, dark));
	EXPECT_FALSE(faults.explains_write(11, 1, dark, dark));
}

TEST(StressFairMutex, GoesToWhoHasWaitedLongest)
{
	constexpr uint64_t count = 5;
	FairMutex mutex;
	std::vector<uint64_t> order;
	std::vector<std::thread> threads;

	mutex.lock();
	for (uint64_t i = 0; i < count; i++) {
		threads.emplace_back([&, i] {
			mutex.lock();
			order.push_back(i);
			mutex.unlock();
		});
		while (mutex.in_line() < i + 2)
			std::this_thread::yield();
	}
	mutex.unlock();
	// Who comes back at once has to queue up behind them.
	mutex.lock();
	EXPECT_EQ(order, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
	mutex.unlock();
	for (std::thread &thread : threads)
		thread.join();
}

} // namespace

} // namespace dm_remap::stress
