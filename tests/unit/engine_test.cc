// SPDX-License-Identifier: GPL-2.0
// The engine's promises, one by one, over simulated disks: what is remapped, what is pending, what is refused.
#include "engine_fixture.hh"

using namespace dm_remap::host;

namespace {

TEST_F(EngineTest, OnlyTheBlocksThatFailLeaveMain)
{
	create();
	main.fail(1000, 8);
	main.fail(5003, 1);
	main.fail(20480, 64);
	EXPECT_EQ(write(20470, 84, 1), DMR_STS_OK);
	EXPECT_EQ(read(20470, 84), pattern(20470, 84, 1));
	EXPECT_EQ(on(main, 20470, 10), pattern(20470, 10, 1)) << "healthy blocks of the same I/O stay on main";
	EXPECT_EQ(on(main, 20544, 10), pattern(20544, 10, 1));
	EXPECT_EQ(snapshot().remapped_sectors, 64u);
	EXPECT_EQ(snapshot().active_mappings, 1u);
	EXPECT_EQ(write(990, 30, 2), DMR_STS_OK);
	EXPECT_EQ(write(5003, 1, 3), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 73u);
	EXPECT_EQ(events(DMR_EVENT_FIRST_REMAP), 1u);
	recreate();
	EXPECT_EQ(read(990, 30), pattern(990, 30, 2));
	EXPECT_EQ(read(5003, 1), pattern(5003, 1, 3));
	EXPECT_EQ(read(20470, 84), pattern(20470, 84, 1));
	main.heal_all();
	EXPECT_EQ(read(20470, 84), pattern(20470, 84, 1)) << "main's stale copy is never shown, healthy or not";
	EXPECT_EQ(snapshot().remapped_sectors, 73u);
}

TEST_F(EngineTest, AnUnreadableBlockFailsUntilMainOrAWriteGivesItsData)
{
	main.poke(1000, pattern(1000, 8, 9).data(), 8);
	main.fail(1000, 8);
	create();
	EXPECT_EQ(read_status(1000, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 1u);
	EXPECT_EQ(snapshot().spare_sectors_used, 0u) << "nothing is allocated for a pending block";
	EXPECT_EQ(events(DMR_EVENT_PENDING), 1u);
	recreate();
	EXPECT_EQ(snapshot().pending_sectors, 1u);
	EXPECT_EQ(read_status(1000, 1), DMR_STS_MEDIUM);
	main.heal_all();
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 9)) << "the original data comes when main can read it again";
}

TEST_F(EngineTest, OneSectorWrittenIntoAPendingRunLeavesItsNeighboursPending)
{
	main.fail(2000, 16);
	create();
	EXPECT_EQ(read_status(2000, 16), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 16u);
	EXPECT_EQ(write(2007, 1, 4), DMR_STS_OK);
	EXPECT_EQ(read(2007, 1), pattern(2007, 1, 4));
	EXPECT_EQ(read_status(2006, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(read_status(2008, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(read_status(2000, 16), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 15u);
	EXPECT_EQ(snapshot().remapped_sectors, 1u);
	recreate();
	EXPECT_EQ(read(2007, 1), pattern(2007, 1, 4));
	EXPECT_EQ(read_status(2008, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(write(2000, 16, 5), DMR_STS_OK);
	EXPECT_EQ(read(2000, 16), pattern(2000, 16, 5));
	EXPECT_EQ(snapshot().pending_sectors, 0u);
}

TEST_F(EngineTest, AFullyRewrittenDeviceComparesEqualAlsoAfterwards)
{
	main.fail(0, 1);
	main.fail(1000, 8);
	main.fail(40959, 1);
	create();
	for (uint64_t at = 0; at < 40960; at += 256)
		ASSERT_EQ(write(at, 256, uint8_t(at / 256)), DMR_STS_OK) << at;
	auto compare = [&] {
		for (uint64_t at = 0; at < 40960; at += 256)
			ASSERT_EQ(read(at, 256), pattern(at, 256, uint8_t(at / 256))) << at;
	};
	compare();
	EXPECT_EQ(snapshot().remapped_sectors, 10u);
	recreate();
	compare();
	main.heal_all();
	compare();
}

// ---- classification ----

class EngineStatus : public EngineTest, public testing::WithParamInterface<int> {};

TEST_P(EngineStatus, IsTheBlocksOwnWhenOthersStillTakeWrites)
{
	create();
	main.fail(1000, 3, { .status = dmr_status(GetParam()) });
	EXPECT_EQ(write(990, 20, 1), DMR_STS_OK);
	EXPECT_EQ(read(990, 20), pattern(990, 20, 1));
	EXPECT_EQ(snapshot().remapped_sectors, 3u);
	main.fail(3000, 2, { .status = dmr_status(GetParam()) });
	EXPECT_EQ(read_status(2990, 20), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 2u);
	EXPECT_EQ(read_status(2990, 10), DMR_STS_OK);
}
INSTANTIATE_TEST_SUITE_P(MayBeMedia, EngineStatus, testing::Values(DMR_STS_MEDIUM, DMR_STS_IOERR, DMR_STS_TARGET));

class EngineOtherStatus : public EngineTest, public testing::WithParamInterface<int> {};

TEST_P(EngineOtherStatus, IsPassedUpUntouched)
{
	create();
	main.fail(1000, 3, { .status = dmr_status(GetParam()) });
	EXPECT_EQ(write(990, 20, 1), GetParam());
	EXPECT_EQ(read_status(990, 20), GetParam());
	EXPECT_EQ(snapshot().extents, 0u);
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
}
INSTANTIATE_TEST_SUITE_P(NotMedia, EngineOtherStatus,
			 testing::Values(DMR_STS_NOTSUPP, DMR_STS_TIMEOUT, DMR_STS_NOSPC, DMR_STS_TRANSPORT, DMR_STS_RESOURCE));

TEST_F(EngineTest, ABlockThatTakesTheWriteAfterAllStaysOnMain)
{
	create();
	// It fails for the user and for the first trial; the same block again succeeds.
	main.fail(1000, 1, { .status = DMR_STS_IOERR, .times = 2 });
	EXPECT_EQ(write(1000, 1, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 0u);
	EXPECT_EQ(on(main, 1000, 1), pattern(1000, 1, 1));
}

TEST_F(EngineTest, OptionalReadsFailWithoutATrace)
{
	std::vector<uint8_t> data(512);
	UserIo io{ .op = DMR_OP_READ, .sector = 1000, .sectors = 1, .optional = true, .data = data.data(), .done = {} };

	create();
	main.fail(1000, 1);
	EXPECT_EQ(device.perform(io), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	EXPECT_EQ(snapshot().commits, 0u);
}

TEST_F(EngineTest, WriteZeroesWithAMediumErrorBecomesAWriteOfZeroes)
{
	UserIo io{ .op = DMR_OP_WRITE_ZEROES, .sector = 995, .sectors = 10, .done = {} };

	create();
	ASSERT_EQ(write(995, 10, 7), DMR_STS_OK);
	main.fail(1000, 2);
	EXPECT_EQ(device.perform(io), DMR_STS_OK);
	EXPECT_EQ(read(995, 10), std::vector<uint8_t>(10 * 512, 0));
	EXPECT_EQ(snapshot().remapped_sectors, 2u);
	main.fail(3000, 2, { .status = DMR_STS_NOTSUPP });
	io.sector = 2995;
	EXPECT_EQ(device.perform(io), DMR_STS_NOTSUPP);
	EXPECT_EQ(snapshot().remapped_sectors, 2u);
}

TEST_F(EngineTest, ADiscardNeverChangesTheMap)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 4, 1), DMR_STS_OK);
	ASSERT_EQ(read_status(1004, 4), DMR_STS_MEDIUM);
	UserIo io{ .op = DMR_OP_DISCARD, .sector = 900, .sectors = 200, .done = {} };
	device.perform(io);
	EXPECT_EQ(snapshot().remapped_sectors, 4u);
	EXPECT_EQ(snapshot().pending_sectors, 4u);
	EXPECT_EQ(read(1000, 4), pattern(1000, 4, 1)) << "this spare has no discards: its pieces are no-ops";
}

// ---- main as a whole ----

TEST_F(EngineTest, AMainThatIsGoneCostsNoSpareBlock)
{
	create();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.set_gone(true);
	EXPECT_EQ(write(1000, 8, 2), DMR_STS_IOERR);
	EXPECT_EQ(read_status(1000, 8), DMR_STS_IOERR);
	EXPECT_EQ(snapshot().extents, 0u);
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
	EXPECT_EQ(mode(), "main_gone");
	EXPECT_EQ(events(DMR_EVENT_MAIN_GONE), 1u) << "told once, not for each I/O";
	main.set_gone(false);
	main.fail(2000, 1, { .status = DMR_STS_IOERR });
	EXPECT_EQ(write(2000, 1, 3), DMR_STS_OK);
	EXPECT_EQ(mode(), "ok");
}

TEST_F(EngineTest, AMainThatTurnsReadOnlyCostsNoSpareBlock)
{
	create();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.set_read_only(true, DMR_STS_TARGET);
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(write(1000 + 8 * i, 8, 2), DMR_STS_TARGET);
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
	EXPECT_EQ(mode(), "main_read_only");
	EXPECT_EQ(events(DMR_EVENT_MAIN_READ_ONLY), 1u);
	EXPECT_EQ(read(100, 8), pattern(100, 8, 1));
}

TEST_F(EngineTest, AReadOnlyMainThatCallsItAMediumErrorIsFoundOutSoon)
{
	create();
	main.set_read_only(true, DMR_STS_MEDIUM);
	for (int i = 0; i < 40; i++)
		write(1000 + 8 * i, 1, 2);
	EXPECT_LE(snapshot().spare_sectors_used, 8u);
	EXPECT_EQ(mode(), "main_read_only");
	EXPECT_EQ(write(3000, 1, 2), DMR_STS_MEDIUM);
	main.set_read_only(false);
	main.fail(4000, 1);
	EXPECT_EQ(write(4000, 1, 2), DMR_STS_OK);
	EXPECT_EQ(mode(), "ok");
}

TEST_F(EngineTest, TheControlBlockKeepsItsData)
{
	create();
	for (uint64_t at = 0; at < 40960; at += 512)
		ASSERT_EQ(write(at, 512, 6), DMR_STS_OK);
	main.fail(5000, 64, { .status = DMR_STS_IOERR });
	for (uint64_t at = 5000; at < 5064; at++)
		ASSERT_EQ(write(at, 1, 7), DMR_STS_OK);
	for (uint64_t at = 0; at < 40960; at += 8) {
		bool rewritten = at >= 5000 && at < 5064;

		ASSERT_EQ(read(at, 8), pattern(at, 8, rewritten ? 7 : 6)) << at;
	}
}

// ---- the spare's end ----

// A main so large that its bad part is a small one, and a small spare.
class EngineSmallPool : public EngineTest {
protected:
	EngineSmallPool() : EngineTest({ .name = "8:0", .sectors = 400000 }, { .name = "8:16", .sectors = 4096 }) {}
};

TEST_F(EngineSmallPool, WithoutSpareBlocksItFailsAsTheBareDisk)
{
	create();
	uint64_t blocks = snapshot().spare_sectors_total;
	main.fail(10000, 4300);
	uint64_t at = 10000;
	while (write(at, 1, 1) == DMR_STS_OK)
		at++;
	EXPECT_EQ(at - 10000, blocks);
	EXPECT_EQ(mode(), "spare_exhausted");
	EXPECT_GE(events(DMR_EVENT_SPARE_EXHAUSTED), 1u);
	EXPECT_GE(events(DMR_EVENT_SPARE_LOW), 2u);
	EXPECT_EQ(write(at - 4, 8, 2), DMR_STS_MEDIUM) << "half of it has nowhere to go";
	EXPECT_EQ(read(10000, 100), pattern(10000, 100, 1)) << "nothing already remapped is harmed";
	EXPECT_EQ(write(10000, 100, 3), DMR_STS_OK);
	EXPECT_EQ(read(10000, 100), pattern(10000, 100, 3));
	// A pending block is written to main, as the bare disk would.
	ASSERT_EQ(read_status(at + 100, 4), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 4u);
	main.heal(at + 100, 4);
	EXPECT_EQ(write(at + 100, 4, 5), DMR_STS_OK);
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	EXPECT_EQ(on(main, at + 100, 4), pattern(at + 100, 4, 5));
}

TEST_F(EngineSmallPool, AnIoThatDoesNotFitIntoThePoolSpendsNothing)
{
	create();
	uint64_t blocks = snapshot().spare_sectors_total;
	main.fail(10000, blocks);
	main.fail(29000, 4);
	for (uint64_t at = 10000; at < 10000 + blocks - 2; at++)
		ASSERT_EQ(write(at, 1, 1), DMR_STS_OK);
	EXPECT_EQ(write(29000, 4, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().spare_sectors_used, blocks - 2);
	EXPECT_EQ(write(29000, 2, 1), DMR_STS_OK);
}

TEST_F(EngineTest, ASpareBlockThatRefusesItsWriteIsNeverUsedAgain)
{
	create();
	main.fail(1000, 8);
	uint64_t first = 16384 - snapshot().spare_sectors_total;
	spare.fail(first + 2, 1);
	EXPECT_EQ(write(1000, 8, 1), DMR_STS_OK);
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 1));
	EXPECT_EQ(snapshot().spare_sectors_bad, 1u);
	EXPECT_EQ(snapshot().spare_sectors_used, 8u);
	spare.heal_all();
	recreate();
	EXPECT_EQ(snapshot().spare_sectors_bad, 1u) << "remembered durably";
	EXPECT_EQ(snapshot().spare_sectors_used, 8u);
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 1));
}

TEST_F(EngineTest, ASpareBlockThatCannotBeReadIsHealedByTheNextWrite)
{
	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	uint64_t first = 16384 - snapshot().spare_sectors_total;
	spare.fail(first, 1, Fault::unreadable());
	EXPECT_EQ(read_status(1000, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().remapped_sectors, 1u) << "the remap stays";
	spare.fail(first, 1);
	EXPECT_EQ(write(1000, 1, 2), DMR_STS_OK);
	EXPECT_EQ(read(1000, 1), pattern(1000, 1, 2));
	EXPECT_EQ(snapshot().spare_sectors_bad, 1u);
	recreate();
	EXPECT_EQ(read(1000, 1), pattern(1000, 1, 2));
	EXPECT_EQ(snapshot().spare_sectors_used, 1u);
}

TEST_F(EngineTest, ASpareThatIsGoneLosesNoBlocks)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 4, 1), DMR_STS_OK);
	spare.set_gone(true);
	EXPECT_NE(write(1004, 4, 1), DMR_STS_OK);
	EXPECT_NE(write(1000, 4, 2), DMR_STS_OK);
	EXPECT_EQ(snapshot().spare_sectors_bad, 0u);
	EXPECT_EQ(snapshot().spare_sectors_used, 4u);
	spare.set_gone(false);
	EXPECT_EQ(write(1000, 8, 3), DMR_STS_OK);
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 3));
}

TEST_F(EngineTest, WithUnwritableMetadataNothingNewIsRemappedAndTheOldIsServed)
{
	create();
	main.fail(1000, 64);
	ASSERT_EQ(write(1000, 8, 1), DMR_STS_OK);
	uint64_t area = 16384 - snapshot().spare_sectors_total;
	spare.fail(0, area, Fault::unwritable());
	EXPECT_NE(write(1008, 8, 1), DMR_STS_OK);
	EXPECT_EQ(mode(), "metadata_failed");
	EXPECT_EQ(events(DMR_EVENT_MEMBER_FAILED), 1u);
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 1));
	EXPECT_EQ(write(1000, 8, 2), DMR_STS_OK) << "no record is needed for this";
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 2));
	spare.heal_all();
	main.heal_all();
	// Whether the record of 1008.. will be found is unknown: neither copy may be shown, neither may change.
	EXPECT_NE(read_status(1008, 8), DMR_STS_OK);
	EXPECT_NE(write(1008, 8, 3), DMR_STS_OK);
	EXPECT_EQ(write(1020, 1, 3), DMR_STS_OK) << "main takes it";
	recreate();
	EXPECT_EQ(mode(), "ok");
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 2));
}

// ---- flush ----

TEST_F(EngineTest, AFlushReachesEveryDiskThatHoldsDataAndNoOther)
{
	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	uint64_t flushes = spare.counts().flushes;
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_EQ(spare.counts().flushes, flushes) << "nothing was written to the spare since";
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	EXPECT_FALSE(spare.unflushed().empty());
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_TRUE(spare.unflushed().empty());
	EXPECT_TRUE(main.unflushed().empty());
}

TEST_F(EngineTest, AFailedFlushIsReportedAndNotForgotten)
{
	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	spare.fail_flushes(1);
	EXPECT_EQ(device.flush(), DMR_STS_IOERR);
	EXPECT_EQ(events(DMR_EVENT_FLUSH_FAILED), 1u);
	EXPECT_FALSE(spare.unflushed().empty());
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_TRUE(spare.unflushed().empty());
	main.fail_flushes(1, DMR_STS_MEDIUM);
	EXPECT_EQ(device.flush(), DMR_STS_MEDIUM);
	EXPECT_EQ(events(DMR_EVENT_FLUSH_FAILED), 2u);
}

TEST_F(EngineTest, AFlushThatFailsForTheEngineIsReportedToTheUser)
{
	create();
	main.fail(1000, 2);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK); // in the spare's cache
	spare.fail_flushes(1);
	EXPECT_NE(write(1001, 1, 3), DMR_STS_OK) << "its data could not be made durable";
	EXPECT_EQ(device.flush(), DMR_STS_IOERR) << "the error may have been that of the acknowledged write";
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

TEST_F(EngineTest, AFlushThatFailedForTheEngineIsReportedAlsoAfterAReload)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK) << "in the spare's cache";
	spare.fail_flushes(1);
	ASSERT_NE(write(1001, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

TEST_F(EngineTest, AFlushAfterAReloadReachesWhatWasWrittenBeforeIt)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	ASSERT_FALSE(spare.unflushed().empty()) << "or this shows nothing";
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_TRUE(spare.unflushed().empty());
}

TEST_F(EngineTest, FuaIsDurableOnWhicheverDiskHoldsTheBlock)
{
	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(998, 5, 2, DMR_IO_FUA), DMR_STS_OK);
	world.cut_power();
	for (SimDisk *disk : world.disks())
		disk->power_cut([](const Unflushed &) { return 0; });
	world.reboot();
	MappedDevice again("dm-test");
	ASSERT_EQ(again.create(table()), 0) << again.reason();
	std::vector<uint8_t> data(5 * 512);
	EXPECT_EQ(again.read(998, data.data(), 5), DMR_STS_OK);
	EXPECT_EQ(data, pattern(998, 5, 2));
	EXPECT_EQ(again.remove(), 0);
}

// ---- tables ----

TEST_F(EngineTest, AReadOnlyTableWritesNothingAnywhere)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	uint64_t writes = main.counts().writes + spare.counts().writes;
	TableOptions t = table();
	t.read_only = true;
	ASSERT_EQ(device.create(t), 0) << device.reason();
	EXPECT_EQ(mode(), "read_only");
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	EXPECT_EQ(read_status(1000, 4), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 2u) << "kept in memory";
	ASSERT_EQ(device.remove(), 0);
	EXPECT_EQ(main.counts().writes + spare.counts().writes, writes);
	create();
	EXPECT_EQ(snapshot().pending_sectors, 0u);
}

TEST_F(EngineTest, SuspendTwiceAndReloadKeepTheMap)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(device.suspend(), 0);
		ASSERT_EQ(device.resume(), 0);
	}
	ASSERT_EQ(write(1002, 1, 2), DMR_STS_OK);
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(write(1003, 1, 3), DMR_STS_OK) << "the old table serves until the resume";
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	EXPECT_EQ(read(1002, 1), pattern(1002, 1, 2));
	EXPECT_EQ(read(1003, 1), pattern(1003, 1, 3));
	EXPECT_EQ(snapshot().remaps, 4u) << "counters survive a reload";
}

TEST_F(EngineTest, ARefusedTableLeavesTheOldOneServing)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	SimDisk other(world, { .name = "8:32", .sectors = 16384 });
	other.poke(2, pattern(2, 1, 0x53).data(), 1);
	TableOptions t = table();
	t.members[0].dev = &other;
	EXPECT_EQ(device.load(t), -EINVAL);
	EXPECT_NE(device.reason().find("8:32"), std::string::npos) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	EXPECT_EQ(other.counts().writes, 0u);
}

TEST_F(EngineTest, AReloadWithAnotherSpareDoesNotForgetTheMap)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	SimDisk blank(world, { .name = "8:32", .sectors = 16384 });
	TableOptions t = table();
	t.members[0].dev = &blank;
	EXPECT_EQ(device.load(t), -EINVAL);
	EXPECT_NE(device.reason().find("would forget"), std::string::npos) << device.reason();
	EXPECT_EQ(blank.counts().writes, 0u);
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	// Removed and made anew with a blank spare it is a new device, as a new main would be.
	EXPECT_EQ(device.load(table()), 0) << device.reason();
}

TEST_F(EngineTest, TheSpareOfAnotherMainIsRefused)
{
	create();
	ASSERT_EQ(device.remove(), 0);
	SimDisk larger(world, { .name = "8:48", .sectors = 81920 });
	TableOptions t = table();
	t.main = &larger;
	uint64_t writes = spare.counts().writes;
	EXPECT_EQ(device.create(t), -EINVAL);
	EXPECT_NE(device.reason().find("40960"), std::string::npos) << device.reason();
	t.format = true;
	EXPECT_EQ(device.create(t), -EINVAL) << "format never touches a member whose superblock verifies";
	EXPECT_EQ(spare.counts().writes, writes);
}

// ---- time and concurrency ----

TEST_F(EngineTest, PastItsBudgetAWriteGoesToTheSpareUntested)
{
	create();
	main.fail(1000, 64);
	main.set_slow(3'000'000'000);
	EXPECT_EQ(write(1000, 64, 1), DMR_STS_OK);
	EXPECT_GT(snapshot().untested, 0u);
	EXPECT_EQ(read(1000, 64), pattern(1000, 64, 1));
}

TEST_F(EngineTest, RecoveriesRunTogetherAndShareCommits)
{
	constexpr int n = 16;
	std::vector<std::vector<uint8_t>> data;
	std::vector<UserIo> ios(n);
	int done = 0;

	create();
	main.fail(1000, 4096);
	for (int i = 0; i < n; i++)
		data.push_back(pattern(1000 + 100 * i, 8, uint8_t(i)));
	for (int i = 0; i < n; i++) {
		ios[i] = { .op = DMR_OP_WRITE, .sector = uint64_t(1000 + 100 * i), .sectors = 8, .data = data[i].data(),
			   .done = [&](UserIo &io) { done += io.status == DMR_STS_OK; } };
		device.submit(ios[i]);
	}
	world.run_until([&] { return done == n; });
	EXPECT_EQ(done, n);
	for (int i = 0; i < n; i++)
		EXPECT_EQ(read(1000 + 100 * i, 8), data[i]);
	EXPECT_LT(snapshot().commits, uint64_t(n)) << "whoever commits first commits for all that are ready";
}

TEST_F(EngineTest, OneWorkerIsEnough)
{
	std::vector<std::vector<uint8_t>> data;
	std::vector<UserIo> ios(12);
	size_t done = 0;

	world.worker_limit = 1;
	create();
	main.fail(1000, 4096, { .status = DMR_STS_IOERR });
	for (size_t i = 0; i < ios.size(); i++)
		data.push_back(pattern(1000 + 4 * i, 8, uint8_t(i))); // each overlaps the next
	for (size_t i = 0; i < ios.size(); i++) {
		ios[i] = { .op = DMR_OP_WRITE, .sector = 1000 + 4 * i, .sectors = 8, .data = data[i].data(),
			   .done = [&](UserIo &io) { done += io.status == DMR_STS_OK; } };
		device.submit(ios[i]);
	}
	EXPECT_EQ(world.run_until([&] { return done == ios.size(); }), Stop::Done);
	EXPECT_EQ(snapshot().remapped_sectors, 4 * (ios.size() + 1));
}

TEST_F(EngineTest, WithoutAnyMemoryRecoveryGoesOnOrFailsButNeverHangs)
{
	uint64_t remapped = 0;

	create();
	main.fail(1000, 2000);
	world.memory().fail_chance(65536);
	for (uint64_t at = 1000; at < 3000; at += 7)
		remapped += write(at, 1, 1) == DMR_STS_OK;
	EXPECT_GT(remapped, 0u) << "the reserves are there for this";
	EXPECT_EQ(snapshot().remapped_sectors, remapped);
	world.memory().fail_chance(0);
	EXPECT_EQ(write(1000, 200, 2), DMR_STS_OK);
	recreate();
	EXPECT_EQ(read(1000, 200), pattern(1000, 200, 2));
}

// ---- words ----

TEST_F(EngineTest, StatusHasItsFieldsInOrder)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	ASSERT_EQ(read_status(1002, 2), DMR_STS_MEDIUM);
	dmr_snapshot s = snapshot();
	std::string total = std::to_string(s.spare_sectors_total);
	EXPECT_EQ(device.status(), std::to_string(s.generation) + " 2/" + std::to_string(s.max_extents) + " 2 2 2/" + total +
					   " 0 2 1 1 " + std::to_string(s.health) + " 1 8:16:active:2/" + total + " ok");
}

TEST_F(EngineTest, MessagesAnswerAndRefuse)
{
	int err = 0;

	create();
	for (const char *word : { "help", "status", "stats", "health", "cache_stats" }) {
		EXPECT_NE(device.message({ word }, &err), "") << word;
		EXPECT_EQ(err, 0) << word;
	}
	EXPECT_NE(device.message({ "status" }).find("mode=ok health=100\n"), std::string::npos);
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	EXPECT_NE(device.message({ "stats" }).find("remaps blocks=1 "), std::string::npos);
	EXPECT_EQ(device.message({ "clear_stats" }, &err), "");
	EXPECT_EQ(err, 0);
	EXPECT_NE(device.message({ "stats" }).find("remaps blocks=0 "), std::string::npos);
	EXPECT_EQ(device.message({ "frobnicate" }, &err), "");
	EXPECT_EQ(err, -EINVAL);
	EXPECT_EQ(device.reason(), "message 'frobnicate': unknown; 'help' lists what is understood");
	EXPECT_EQ(device.message({ "stats", "now" }, &err), "");
	EXPECT_EQ(device.reason(), "message 'stats': takes no argument, got 'now'");
	ASSERT_EQ(device.suspend(), 0);
	device.message({ "clear_stats" }, &err);
	EXPECT_EQ(err, -EBUSY);
	ASSERT_EQ(device.resume(), 0);
}

// ---- 4Kn ----

class Engine4Kn : public EngineTest {
protected:
	Engine4Kn()
		: EngineTest({ .name = "8:0", .sectors = 40960, .logical_block_bytes = 4096, .physical_block_bytes = 4096 },
			     { .name = "8:16", .sectors = 16384 })
	{
	}
};

TEST_F(Engine4Kn, TheBlockIsFourKilobytes)
{
	create();
	main.fail(1000, 8);
	EXPECT_EQ(write(992, 24, 1), DMR_STS_OK);
	EXPECT_EQ(read(992, 24), pattern(992, 24, 1));
	EXPECT_EQ(snapshot().remapped_sectors, 8u);
	recreate();
	EXPECT_EQ(read(992, 24), pattern(992, 24, 1));
}

} // namespace
