// SPDX-License-Identifier: GPL-2.0
// The engine's small parts, each alone.
#include "core/recovery/block_set.hh"
#include "core/map/counters.hh"
#include "core/map/flush_state.hh"
#include "core/recovery/range_table.hh"
#include "core/recovery/request_queue.hh"

#include "host/disk.hh"
#include "host/request.hh"
#include "host/world.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

using namespace dm_remap;

namespace {

class CoreParts : public ::testing::Test {
protected:
	void pass(uint64_t ns)
	{
		world.spawn("waiter", [&] { world.scheduler().sleep(ns); });
		EXPECT_EQ(world.run(), host::Stop::Idle);
	}

	host::World world{7};
};

// With disks.
class Flushes : public CoreParts {
protected:
	void SetUp() override
	{
		ASSERT_FALSE(state.init());
		members.set(2, {&spare, 0, 2048});
	}
	void TearDown() override { state.destroy(); }

	uint32_t flush(uint32_t which, FlushState::For whom) { return state.flush(members, which, whom, status); }

	host::SimDisk spare{world, {.name = "8:16", .sectors = 2048}};
	MemberList members;
	FlushState state;
	dmr_status status = DMR_STS_OK;
};

TEST(BlockSet, RunsAreMaximalAndCrossTheWordBoundary)
{
	BlockSet set;

	EXPECT_TRUE(set.empty());
	set.add(60, 10);
	set.add(127);
	EXPECT_EQ(set.count(), 11u);
	auto run = set.run_from(0);
	EXPECT_EQ(run.start, 60u);
	EXPECT_EQ(run.length, 10u);
	run = set.run_from(70);
	EXPECT_EQ(run.start, 127u);
	EXPECT_EQ(run.length, 1u);
	EXPECT_EQ(set.run_from(128).length, 0u);
	set.remove(65);
	EXPECT_EQ(set.run_from(0).length, 5u);
	EXPECT_FALSE(set.has(65));
	set.remove(0, 64);
	EXPECT_EQ(set.run_from(0).start, 64u);
	set.add(0, 128);
	EXPECT_EQ(set.count(), 128u);
	EXPECT_EQ(set.run_from(64).length, 64u);
	set.remove(63, 2);
	EXPECT_EQ(set.run_from(0).length, 63u);
	EXPECT_EQ(set.run_from(63).start, 65u);
	EXPECT_EQ(set.run_from(63).length, 63u);
	set.clear();
	EXPECT_TRUE(set.empty());
}

constexpr uint64_t minute = minute_ns;

TEST(HourMeter, ForgetsWhatIsOlderThanAnHour)
{
	HourMeter meter;

	meter.add(0, 5);
	meter.add(30 * minute, 2);
	EXPECT_EQ(meter.sum(30 * minute), 7u);
	EXPECT_EQ(meter.sum(59 * minute), 7u);
	EXPECT_EQ(meter.sum(60 * minute), 2u);
	EXPECT_EQ(meter.sum(90 * minute), 0u);
	meter.add(100000 * minute, 1);
	EXPECT_EQ(meter.sum(100000 * minute), 1u);
}

TEST(DayMeter, HasTheHourThatIsNotOverAndTheTwentyThreeBefore)
{
	DayMeter meter;

	meter.add(30 * minute, 5);
	meter.add(90 * minute, 2);
	EXPECT_EQ(meter.sum(24 * 60 * minute - 1), 7u);
	EXPECT_EQ(meter.sum(24 * 60 * minute), 2u);
	EXPECT_EQ(DayMeter::reach_ns(24 * 60 * minute + 7 * minute), (23 * 60 + 7) * minute);
}

TEST_F(CoreParts, CountersTellWhatWasLately)
{
	CounterValues values;
	Counters counters;

	ASSERT_FALSE(counters.init(&values));
	pass(10 * minute);
	counters.error(DMR_OP_WRITE);
	counters.unrecovered();
	counters.flush_error();
	EXPECT_EQ(counters.recent().errors_last_hour, 2u);
	EXPECT_EQ(counters.recent().errors_last_day, 2u);
	EXPECT_EQ(counters.recent().minutes, 10u) << "since it counts";
	EXPECT_EQ(counters.recent().in_a_row, 2u);
	counters.served_well();
	EXPECT_EQ(counters.recent().in_a_row, 0u);
	counters.unrecovered();
	EXPECT_EQ(counters.recent().in_a_row, 1u);
	pass(61 * minute);
	EXPECT_EQ(counters.recent().errors_last_hour, 0u);
	EXPECT_EQ(counters.recent().errors_last_day, 2u);
	EXPECT_EQ(counters.recent().in_a_row, 0u) << "that is too long ago for a row";
	pass(30 * 60 * minute);
	EXPECT_EQ(counters.recent().errors_last_day, 0u);
	EXPECT_GE(counters.recent().minutes, 23u * 60);
	EXPECT_LT(counters.recent().minutes, 24u * 60);
	// The next table of the same device.
	Counters next;

	ASSERT_FALSE(next.init(&values));
	EXPECT_GE(next.recent().minutes, 23u * 60);
	next.clear();
	EXPECT_EQ(next.recent().minutes, 0u);
	next.destroy();
	counters.destroy();
}

TEST_F(CoreParts, CountersTellTheFirstRemapAndClear)
{
	CounterValues values;
	Counters counters;
	dmr_snapshot s = {};

	ASSERT_FALSE(counters.init(&values));
	EXPECT_TRUE(counters.remapped(3));
	EXPECT_FALSE(counters.remapped(1));
	counters.error(DMR_OP_READ);
	counters.error(DMR_OP_WRITE);
	counters.flush_error();
	counters.snapshot(s);
	EXPECT_EQ(s.remaps, 4u);
	EXPECT_EQ(s.remaps_last_hour, 4u);
	EXPECT_EQ(s.read_errors, 1u);
	EXPECT_EQ(s.write_errors, 2u);
	EXPECT_EQ(s.errors_last_hour, 3u);
	EXPECT_NE(s.last_error_time, 0u);
	counters.clear();
	counters.snapshot(s);
	EXPECT_EQ(s.remaps + s.read_errors + s.write_errors + s.last_remap_time, 0u);
	counters.destroy();
}

TEST_F(CoreParts, FlushStateIsCleanOnlyWhenNothingIsDirtyOrUnderWay)
{
	FlushState state;

	ASSERT_FALSE(state.init());
	EXPECT_TRUE(state.clean());
	state.written(0);
	state.written(3);
	EXPECT_FALSE(state.clean());
	EXPECT_EQ(state.begin(), 0b1001u);
	// A flush that has begun may still fail: nobody may call this clean.
	EXPECT_FALSE(state.clean());
	state.written(3);
	state.end(0b1001, 0b0001);
	EXPECT_EQ(state.begin(), 0b1001u) << "member 0 failed its flush, member 3 was written meanwhile";
	state.end(0b1001, 0);
	EXPECT_TRUE(state.clean());
	state.destroy();
}

TEST_F(CoreParts, WhatIsLostDuringAFlushIsToldByItAndByTheNext)
{
	FlushState state;

	ASSERT_FALSE(state.init());
	state.lost(1);
	EXPECT_TRUE(state.clean()) << "nothing that anybody counts on was on it";
	state.written(1);
	state.lost(1);
	EXPECT_EQ(state.begin(), 0b10u);
	EXPECT_EQ(state.to_tell(), 0b10u);
	EXPECT_FALSE(state.clean()) << "somebody may count on it who does not know yet";
	state.end(0b10, 0);
	state.written(1);
	EXPECT_EQ(state.begin(), 0b10u);
	state.lost(1);
	EXPECT_EQ(state.to_tell(), 0b10u) << "it may have been written before this flush";
	state.end(0b10, 0);
	EXPECT_EQ(state.begin(), 0b10u);
	EXPECT_EQ(state.to_tell(), 0b10u) << "or meanwhile";
	state.end(0b10, 0);
	EXPECT_EQ(state.begin(), 0u);
	EXPECT_EQ(state.to_tell(), 0u);
	state.end(0, 0);
	EXPECT_TRUE(state.clean());
	state.destroy();
}

TEST_F(Flushes, OneThatFailedIsNotMadeUpForByTheNext)
{
	const uint64_t before = state.moment();

	spare.fail_flushes(1);
	EXPECT_EQ(flush(0b100, FlushState::For::engine), 0b100u);
	EXPECT_EQ(status, DMR_STS_IOERR);
	EXPECT_EQ(flush(0b100, FlushState::For::engine), 0u);
	EXPECT_EQ(state.lost_since(before), 0b100u) << "what was written before may be gone all the same";
	EXPECT_EQ(state.lost_since(state.moment()), 0u);
	// No member, no flush.
	EXPECT_EQ(flush(0b1000, FlushState::For::user), 0u);
}

TEST_F(Flushes, AUsersThatFailedIsToldOnceButForWhatCameMeanwhile)
{
	for (bool meanwhile : {false, true}) {
		state.written(2);
		spare.fail_flushes(1);
		ASSERT_EQ(state.begin(), 0b100u);
		if (meanwhile)
			state.written(2);
		ASSERT_EQ(flush(0b100, FlushState::For::user), 0b100u);
		state.end(0b100, 0b100);
		ASSERT_EQ(state.begin(), 0b100u);
		ASSERT_EQ(flush(0b100, FlushState::For::user), 0u);
		EXPECT_EQ(state.to_tell(), meanwhile ? 0b100u : 0u);
		state.end(0b100, 0);
	}
}

// A spare without FUA of its own: the block layer sends a flush after the write, and one status for both comes back.
TEST_F(Flushes, AFailedWriteIsALossOnlyIfItMayHaveBeenAFlush)
{
	host::SimDisk plain{world, {.name = "8:32", .sectors = 2048, .fua = false}};
	const uint64_t before = state.moment();

	members.set(3, {&plain, 0, 2048});
	state.write_ended(members, 2, DMR_STS_MEDIUM, DMR_IO_FUA);
	state.write_ended(members, 3, DMR_STS_MEDIUM, 0);
	EXPECT_EQ(state.lost_since(before), 0u) << "it has FUA; or it was sent without";
	EXPECT_TRUE(state.clean());
	state.write_ended(members, 3, DMR_STS_MEDIUM, DMR_IO_FUA);
	EXPECT_EQ(state.lost_since(before), 0b1000u);
	state.write_ended(members, 2, DMR_STS_OK, DMR_IO_FUA);
	EXPECT_EQ(state.begin(), 0b100u) << "written, and to be flushed";
	state.end(0b100, 0);
}

TEST_F(CoreParts, RangesExcludeEachOtherAndReturnWhoWaited)
{
	uint32_t taken = 0;
	RangeTable ranges;
	host::Request a, b, c;

	ASSERT_FALSE(ranges.init(taken));
	EXPECT_FALSE(ranges.any());
	uint32_t slot = ranges.take_or_park(MainBlock(10), Blocks(5), &a);
	ASSERT_NE(slot, RangeTable::none);
	EXPECT_TRUE(ranges.overlaps(MainBlock(14), Blocks(1)));
	EXPECT_FALSE(ranges.overlaps(MainBlock(15), Blocks(9)));
	EXPECT_FALSE(ranges.overlaps(MainBlock(0), Blocks(10)));
	EXPECT_EQ(ranges.take_or_park(MainBlock(0), Blocks(11), &b), RangeTable::none);
	EXPECT_EQ(ranges.take_or_park(MainBlock(12), Blocks(1), &c), RangeTable::none);
	EXPECT_EQ(ranges.try_take(MainBlock(9), Blocks(2)), RangeTable::none);
	uint32_t other = ranges.try_take(MainBlock(15), Blocks(1));
	ASSERT_NE(other, RangeTable::none);
	EXPECT_EQ(ranges.release(other), nullptr);
	EXPECT_EQ(ranges.release(slot), &b);
	EXPECT_EQ(dmr_request_next(&b), &c);
	EXPECT_EQ(dmr_request_next(&c), nullptr);
	EXPECT_FALSE(ranges.any());
	EXPECT_FALSE(ranges.overlaps(MainBlock(10), Blocks(5)));
	ranges.destroy();
}

TEST_F(CoreParts, WhoWaitsForARangeIsNotKeptByThoseTakenLater)
{
	uint32_t taken = 0;
	RangeTable ranges;
	MainBlock start, end;

	ASSERT_FALSE(ranges.init(taken));
	const uint32_t slot = ranges.try_take(MainBlock(10), Blocks(5));
	const uint64_t moment = ranges.moment();
	const uint32_t later = ranges.try_take(MainBlock(20), Blocks(5));

	ASSERT_TRUE(ranges.held_since(moment, slot, start, end));
	EXPECT_EQ(start, MainBlock(10));
	EXPECT_EQ(end, MainBlock(15));
	EXPECT_FALSE(ranges.held_since(moment, later, start, end));
	EXPECT_TRUE(ranges.outlast(moment, later, 0));
	const uint64_t deadline = world.now() + 1000;
	EXPECT_FALSE(ranges.outlast(moment, slot, deadline));
	EXPECT_GE(world.now(), deadline);
	bool waited = false;
	world.spawn("waiter", [&] { waited = ranges.outlast(moment, slot, world.now() + 1'000'000); });
	world.spawn("holder", [&] {
		world.scheduler().sleep(1000);
		EXPECT_EQ(ranges.release(slot), nullptr);
		// Who takes it at once is another one.
		EXPECT_EQ(ranges.try_take(MainBlock(10), Blocks(5)), slot);
	});
	EXPECT_EQ(world.run(), host::Stop::Idle);
	EXPECT_TRUE(waited);
	EXPECT_EQ(ranges.release(slot), nullptr);
	EXPECT_EQ(ranges.release(later), nullptr);
	ranges.destroy();
}

TEST_F(CoreParts, AFullRangeTableParksInsteadOfForgetting)
{
	uint32_t taken = 0;
	RangeTable ranges;
	host::Request req;

	ASSERT_FALSE(ranges.init(taken));
	for (uint32_t i = 0; i < RangeTable::slots; i++)
		ASSERT_NE(ranges.try_take(MainBlock(i), Blocks(1)), RangeTable::none);
	EXPECT_EQ(ranges.try_take(MainBlock(1000), Blocks(1)), RangeTable::none);
	EXPECT_EQ(ranges.take_or_park(MainBlock(1000), Blocks(1), &req), RangeTable::none);
	unsigned int returned = 0;
	for (uint32_t i = 0; i < RangeTable::slots; i++)
		returned += ranges.release(i) == &req;
	EXPECT_EQ(returned, 1u);
	ranges.destroy();
}

struct Served {
	std::vector<dmr_request *> order;
	uint32_t running = 0, most = 0;
};

void serve(void *context, dmr_request *req, uint32_t)
{
	Served &served = *static_cast<Served *>(context);
	dmr_mutex *nap = dmr_mutex_create("nap"); // a point where others may run

	served.most = std::max(served.most, ++served.running);
	dmr_mutex_lock(nap);
	dmr_mutex_unlock(nap);
	dmr_mutex_destroy(nap);
	served.order.push_back(req);
	served.running--;
}

TEST_F(CoreParts, TheQueueServesEachRequestOnceWithUpToItsWorkers)
{
	std::vector<host::Request> requests(50);
	RequestQueue queue;
	Served served;

	ASSERT_FALSE(queue.init("test", 4, serve, &served));
	ASSERT_FALSE(world.run_fiber("driver", [&] {
		for (auto &req : requests)
			queue.push(&req);
		queue.drain();
	}) != host::Stop::Done);
	EXPECT_EQ(served.order.size(), requests.size());
	EXPECT_LE(served.most, 4u);
	EXPECT_GT(served.most, 1u);
	std::sort(served.order.begin(), served.order.end());
	EXPECT_EQ(std::unique(served.order.begin(), served.order.end()), served.order.end());
	queue.destroy();
}

TEST_F(CoreParts, WhatIsTakenFromAQueueIsNotServed)
{
	host::Request a, b, c;
	RequestQueue queue;
	Served served;
	dmr_request *taken = nullptr;

	ASSERT_FALSE(queue.init("test", 1, serve, &served));
	ASSERT_FALSE(world.run_fiber("driver", [&] {
		queue.push(&a);
		queue.push(&b);
		taken = queue.take_all();
		queue.push(&c);
		queue.drain();
	}) != host::Stop::Done);
	EXPECT_EQ(taken, &a);
	EXPECT_EQ(dmr_request_next(&a), &b);
	EXPECT_EQ(dmr_request_next(&b), nullptr);
	EXPECT_EQ(served.order, std::vector<dmr_request *>{&c});
	queue.destroy();
}

TEST_F(CoreParts, AOneWorkerQueueServesInOrderAndPushFrontFirst)
{
	std::vector<host::Request> requests(6);
	RequestQueue queue;
	Served served;

	ASSERT_FALSE(queue.init("test", 1, serve, &served));
	dmr_request_set_next(&requests[4], &requests[5]);
	dmr_request_set_next(&requests[5], nullptr);
	// Not started yet: nothing runs before the world does.
	for (int i = 0; i < 4; i++)
		queue.push(&requests[i]);
	queue.push_front(&requests[4]);
	queue.push_front(nullptr);
	world.run();
	EXPECT_EQ(served.order, (std::vector<dmr_request *>{ &requests[4], &requests[5], &requests[0], &requests[1], &requests[2],
							     &requests[3] }));
	queue.destroy();
}

} // namespace
