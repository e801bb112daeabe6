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

// Each failing command costs a dying disk seconds. One for the request itself, one for the bad block alone, and its retries.
TEST_F(EngineTest, NoBlockIsReadTwiceToLearnTheSame)
{
	create();
	main.fail(100, 1, Fault::unreadable());
	uint64_t before = main.counts().errors;
	EXPECT_EQ(read_status(100, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(main.counts().errors - before, 2u + DMR_READ_RETRIES_DEFAULT);

	main.fail(200, 1, Fault{ .write = false, .status = DMR_STS_IOERR });
	before = main.counts().errors;
	EXPECT_EQ(read_status(200, 8), DMR_STS_MEDIUM);
	EXPECT_EQ(main.counts().errors - before, 2u + DMR_READ_RETRIES_DEFAULT);
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
	// It fails for the user; the same block again succeeds.
	main.fail(1000, 1, { .status = DMR_STS_IOERR, .times = 1 });
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

// Blocks that cannot be read cannot be written back: that says nothing about writing.
TEST_F(EngineTest, AMainOfWhichMostCannotBeReadIsNotCalledReadOnly)
{
	create();
	main.fail(0, 1000, Fault::unreadable());
	main.fail(1001, 40960 - 1001, Fault::unreadable());
	main.fail(1000, 1, { .status = DMR_STS_IOERR });
	EXPECT_NE(write(1000, 1, 2), DMR_STS_OK) << "nothing shows that it is this block alone";
	EXPECT_EQ(mode(), "ok");
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
	main.heal_all();
	main.fail(1000, 1, { .status = DMR_STS_IOERR });
	EXPECT_EQ(write(1000, 1, 2), DMR_STS_OK);
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

TEST_F(EngineTest, ASpareIsNotGivenUpForTwoBadBlocks)
{
	create();
	const uint64_t first = 16384 - snapshot().spare_sectors_total;
	main.fail(1000, 1);
	// That the first block of the spare cannot be read either does not mean that it does not answer.
	spare.fail(first, 1, { .status = DMR_STS_IOERR });
	spare.fail(0, 1, { .write = false, .status = DMR_STS_IOERR });
	EXPECT_EQ(write(1000, 1, 2), DMR_STS_OK);
	EXPECT_EQ(read(1000, 1), pattern(1000, 1, 2));
	EXPECT_EQ(snapshot().spare_sectors_bad, 1u);
	spare.heal_all();
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

} // namespace
