// SPDX-License-Identifier: GPL-2.0
// The patrol: what it finds on main and on spares, and what it does about that.
#include "engine_patrol_fixture.hh"

namespace dm_remap::host {
namespace {

TEST_F(EnginePatrol, ReadsAllOfMainOnce)
{
	create(one());
	EXPECT_EQ(scrub(), "scrub state=none at=0 end=65536 rate=0 begun=0 last_complete=0 read_sectors=0 rescued_sectors=0 "
			   "pending_sectors=0 spare_moved_sectors=0 spare_unreadable_sectors=0\n");
	const uint64_t before = main.activity();
	begin();
	EXPECT_EQ(field("state"), "running");
	wait_for_end();
	EXPECT_EQ(events(DMR_EVENT_SCRUB_BEGUN), 1u);
	EXPECT_EQ(main.activity() - before, 65536u);
	EXPECT_EQ(main.counts().errors, 0u);
	EXPECT_EQ(number("read_sectors"), 65536u);
	EXPECT_GE(number("last_complete"), world.wall_epoch);
	EXPECT_TRUE(world.logged("the scrub is complete: 0 sectors rescued, 0 became pending"));
	const std::string ended = field("last_complete");
	recreate(one());
	EXPECT_EQ(field("last_complete"), ended);
	EXPECT_EQ(field("state"), "none");
}

TEST_F(EnginePatrol, WhatComesLateIsRescuedAndWhatDoesNotComeIsPending)
{
	create(two());
	write(3000, 3, 5);
	main.fail(3000, 1, { .write = false, .times = 3 });	// the whole, its stride, by itself; then it comes
	main.fail(9000, 2, Fault::unreadable());
	whole_pass();
	EXPECT_EQ(number("rescued_sectors"), 1u);
	EXPECT_EQ(number("pending_sectors"), 2u);
	EXPECT_EQ(snapshot().remapped_sectors, 1u);
	EXPECT_EQ(snapshot().pending_sectors, 2u);
	EXPECT_EQ(snapshot().rescued, 1u);
	EXPECT_EQ(events(DMR_EVENT_PENDING), 1u);
	main.fail(3000, 1);
	EXPECT_EQ(read(3000, 3), pattern(3000, 3, 5));
	// What it knows to be bad it does not ask again.
	const uint64_t errors = main.counts().errors;
	whole_pass();
	EXPECT_EQ(main.counts().errors, errors);
	EXPECT_EQ(snapshot().pending_sectors, 2u);
}

class EnginePatrolPhysical : public EngineTest {
protected:
	EnginePatrolPhysical()
		: EngineTest({ .name = "8:0", .sectors = 65536, .physical_block_bytes = 4096, .fails_physically = true },
			     { .name = "8:16", .sectors = 2048 })
	{
	}
};

TEST_F(EnginePatrolPhysical, ABadBlockCostsFewFailingCommands)
{
	create();
	main.fail(4000, 8, Fault::unreadable());
	device.message({ "scrub", "start" });
	ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_SCRUB_ENDED) > 0; }), Stop::Done);
	EXPECT_EQ(snapshot().pending_sectors, 8u);
	EXPECT_EQ(main.counts().errors, 6u) << "a chunk, a stride, the block, its retries";
}

TEST_F(EnginePatrol, WeakSpareBlocksAreLeft)
{
	create(one());
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 6), DMR_STS_OK);
	main.fail(5000, 1);
	ASSERT_EQ(write(5000, 1, 6), DMR_STS_OK); // behind the others
	const uint64_t first = place_on(spare, 1000, 6);
	ASSERT_NE(first, 0u);
	spare.fail(first + 3, 1, { .write = false, .times = 2 });	// with the others, by itself; then it comes
	spare.fail(first + 8, 1, Fault::until_written());			// what lives there is sector 5000
	whole_pass();
	EXPECT_EQ(number("spare_moved_sectors"), 1u);
	EXPECT_EQ(number("spare_unreadable_sectors"), 1u);
	EXPECT_EQ(snapshot().moved, 1u);
	EXPECT_EQ(snapshot().remapped_sectors, 9u);
	EXPECT_EQ(snapshot().spare_sectors_bad, 1u) << "the block that was weak is not used again";
	EXPECT_EQ(snapshot().remaps, 9u) << "a move is no remap";
	EXPECT_TRUE(world.logged("1 blocks of 512 bytes of main at sector 5000 cannot be read on the spare"));
	spare.fail(first + 3, 1);
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 6));
	EXPECT_EQ(read_status(5000, 1), DMR_STS_MEDIUM);
	ASSERT_EQ(write(5000, 1, 7), DMR_STS_OK) << "and it heals as ever";
	recreate(one());
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 6));
	EXPECT_EQ(read(5000, 1), pattern(5000, 1, 7));
}

TEST_F(EnginePatrol, WithoutASparePlaceAWeakBlockStaysWhereItIs)
{
	create(one());
	const uint64_t all = snapshot().spare_sectors_total;
	main.fail(1000, all);
	ASSERT_EQ(write(1000, 100, 6), DMR_STS_OK);
	for (uint64_t s = 100; s < all; s += 100)
		ASSERT_EQ(write(1000 + s, static_cast<uint32_t>(std::min<uint64_t>(100, all - s)), 6), DMR_STS_OK);
	ASSERT_EQ(snapshot().spare_sectors_free, 0u);
	spare.fail(2000, 1, { .write = false, .times = 2 });
	whole_pass();
	EXPECT_EQ(number("spare_moved_sectors"), 0u);
	EXPECT_TRUE(world.logged("live on weak spare blocks, and there are no others: add a spare"));
	EXPECT_EQ(snapshot().remapped_sectors, all);
	for (uint64_t s = 0; s + 100 <= all; s += 100)
		ASSERT_EQ(read(1000 + s, 100), pattern(1000 + s, 100, 6));
}

// Whoever closes the device of a member waits for those who hold ranges of what lived there.
TEST_F(EnginePatrol, WhatItReadsOfASpareIsWaitedFor)
{
	create(two());
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 6), DMR_STS_OK);
	SimDisk &home = place_on(spare, 1000, 6) ? spare : second;
	begin();
	ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_SCRUB_BEGUN) > 0; }), Stop::Done);
	ASSERT_EQ(home.in_flight(), 0u);
	home.set_slow(5'000'000'000);
	ASSERT_EQ(world.run_until([&] { return home.in_flight() == 1; }), Stop::Done);
	home.set_slow(0);
	ASSERT_EQ(device.remove_spare(home, 0), 1) << device.reason();
	ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_MEMBER_REMOVED) > 0; }), Stop::Done);
	EXPECT_EQ(home.in_flight(), 0u) << "its device may be closed now";
	EXPECT_EQ(read(1000, 1), pattern(1000, 1, 6));
}

TEST_F(EnginePatrol, AWriteUnderWayToAWeakSpareBlockIsNotLost)
{
	create(one());
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 6), DMR_STS_OK);
	spare.fail(place_on(spare, 1000, 6), 1, { .write = false, .times = 2 });
	Slow write{ .io = {}, .data = pattern(1000, 1, 7) };

	submit(write, DMR_OP_WRITE, 1000, spare, 3'000'000'000);
	whole_pass();
	ASSERT_EQ(world.run_until([&] { return write.ended; }), Stop::Done);
	EXPECT_EQ(write.io.status, DMR_STS_OK);
	EXPECT_EQ(number("spare_moved_sectors"), 1u);
	EXPECT_EQ(read(1000, 1), pattern(1000, 1, 7));
}

// Wherever the power goes: what the pass is said to have read is known by its end.
// A pass that was stopped while it read must not move the next one on.
TEST_F(EnginePatrol, AMainThatDoesNotAnswerIsNoDiskOfBadBlocks)
{
	create(one());
	begin();
	at_least(10000);
	main.set_gone(true);
	wait_for_end();
	EXPECT_EQ(field("state"), "paused");
	EXPECT_TRUE(world.logged("the scrub pauses at sector"));
	EXPECT_TRUE(world.logged("main does not answer"));
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	main.set_gone(false);
	device.active()->instance().events[DMR_EVENT_SCRUB_ENDED] = 0;
	ASSERT_EQ(say({ "scrub", "resume" }), 0);
	wait_for_end();
	EXPECT_EQ(field("state"), "none");
}

TEST_F(EnginePatrol, WhatCouldNotBeRecordedIsReadAgain)
{
	create(one());
	main.fail(10255, 1, Fault::unreadable()); // in the first piece of what is read at a time
	begin();
	ASSERT_EQ(world.run_until([&] { return main.counts().errors > 0; }), Stop::Done);
	main.set_gone(true);
	wait_for_end();
	EXPECT_EQ(field("state"), "paused");
	EXPECT_LE(number("at"), 10255u);
	main.set_gone(false);
	device.active()->instance().events[DMR_EVENT_SCRUB_ENDED] = 0;
	ASSERT_EQ(say({ "scrub", "resume" }), 0);
	wait_for_end();
	EXPECT_EQ(snapshot().pending_sectors, 1u);
}

// The time of one recovery is over before all has been asked.
TEST_F(EnginePatrol, ASlowDriveDoesNotMakeItLoseBlocks)
{
	DiskOptions slow{ .name = "8:0", .sectors = 65536, .failing_ns = 3'000'000'000 };
	SimDisk disk(world, slow);
	TableOptions t = one();

	t.main = &disk;
	create(t);
	disk.fail(3000, 6, Fault::unreadable());
	disk.fail(3100, 1, Fault::unreadable());
	whole_pass();
	EXPECT_EQ(snapshot().pending_sectors, 7u);
	ASSERT_EQ(device.remove(), 0);
}

// Alone it reads the disk in a fraction of a second; beside others it has a 64th of the time.
// What is not read costs no time.
// What a pass that is stopped has still read counts for no other.
// Between the end of what is under way and the suspend messages are taken still.
// Another target of the table may fail its preresume: then this one gets its destructor without a suspend, maybe after another
// table has been resumed on the same spares.
// Who needs a block beside the bad ones waits for one recovery's time, not until all of them have been asked.
TEST_F(EnginePatrol, ASlowSpareDoesNotStopItsUsers)
{
	SimDisk slow(world, { .name = "8:64", .sectors = 2048, .failing_ns = 3'000'000'000 });
	TableOptions t = one();

	t.members = { { &slow, 0, 2048 } };
	create(t);
	main.fail(1000, 128);
	ASSERT_EQ(write(1000, 128, 6), DMR_STS_OK);
	slow.fail(place_on(slow, 1000, 6), 100, Fault::unreadable());
	begin();
	ASSERT_EQ(world.run_until([&] { return slow.counts().errors > 0; }), Stop::Done);
	const uint64_t begun = world.now();
	EXPECT_EQ(read(1127, 1), pattern(1127, 1, 6));
	EXPECT_LT(world.now() - begun, 40'000'000'000u);
	wait_for_end();
	EXPECT_EQ(number("spare_unreadable_sectors"), 100u);
	EXPECT_EQ(number("read_sectors"), 65536u);
	ASSERT_EQ(device.remove(), 0);
}

// A command to a dying main takes longer than it waits for what is under way.
TEST_F(EnginePatrol, WhatFailsOnASpareIsToldAlsoWhereOthersAreSlow)
{
	create(one());
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 6), DMR_STS_OK);
	const uint64_t first = place_on(spare, 1000, 6);
	spare.fail(first, 1, Fault::unreadable());
	spare.fail(first + 3, 1, { .write = false, .times = 2 });
	Slow read;

	submit(read, DMR_OP_READ, 60000, main, 30'000'000'000);
	whole_pass();
	EXPECT_TRUE(read.ended);
	EXPECT_EQ(number("spare_unreadable_sectors"), 1u);
	EXPECT_EQ(number("spare_moved_sectors"), 1u);
	EXPECT_EQ(number("read_sectors"), 65536u);
}

} // namespace
} // namespace dm_remap::host
