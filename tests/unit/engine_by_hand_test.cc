// SPDX-License-Identifier: GPL-2.0
// What the administrator moves by hand: to spares before it fails, and back to main.
#include "engine_pool_fixture.hh"

namespace dm_remap::host {
namespace {

class EngineByHand : public EnginePool {
protected:
	int refused(const std::vector<std::string> &words)
	{
		int err = 0;

		device.message(words, &err);
		return err;
	}
};

TEST_F(EngineByHand, ABlockIsMovedBeforeItFails)
{
	const auto data = pattern(1000, 8, 5);

	create(one());
	main.poke(1000, data.data(), 8);
	EXPECT_EQ(told(), "");
	EXPECT_EQ(job({"remap", "1000", "8"}),
		  "job kind=remap state=done from=1000 end=1008 at=1008 moved_sectors=8 unreadable_sectors=0 refused_sectors=0");
	EXPECT_EQ(snapshot().remapped_sectors, 8u);
	EXPECT_EQ(events(DMR_EVENT_FIRST_REMAP), 1u);
	EXPECT_TRUE(world.logged("remap is done: 8 blocks moved"));
	EXPECT_FALSE(world.logged("in the request at sector")) << "one line, not one for each piece: the log is limited";
	main.fail(1000, 8);
	EXPECT_EQ(read(1000, 8), data);
	recreate(one());
	EXPECT_EQ(read(1000, 8), data);
	EXPECT_EQ(job({"remap", "1000", "8"}),
		  "job kind=remap state=done from=1000 end=1008 at=1008 moved_sectors=0 unreadable_sectors=0 refused_sectors=0");
}

TEST_F(EngineByHand, WhatCannotBeReadBecomesPendingAndTheRestIsMoved)
{
	const auto data = pattern(1000, 300, 5);

	create(two());
	main.poke(1000, data.data(), 300);
	main.fail(1040, 1, Fault::unreadable());
	main.fail(1200, 3, { .write = false, .times = 3 }); // the last retry of each comes
	EXPECT_EQ(job({"remap", "1000", "300"}),
		  "job kind=remap state=done from=1000 end=1300 at=1300 moved_sectors=299 unreadable_sectors=1 refused_sectors=0");
	EXPECT_EQ(snapshot().pending_sectors, 1u);
	EXPECT_EQ(events(DMR_EVENT_PENDING), 1u);
	EXPECT_EQ(read(1000, 40), pattern(1000, 40, 5));
	EXPECT_EQ(read(1041, 259), pattern(1041, 259, 5));
	EXPECT_EQ(read_status(1040, 1), DMR_STS_MEDIUM);
}

TEST_F(EngineByHand, PendingBlocksAreAskedOnce)
{
	const auto data = pattern(1000, 8, 5);

	create(one());
	main.poke(1000, data.data(), 8);
	main.fail(1000, 8, Fault::unreadable());
	main.fail(3000, 1, Fault::unreadable());
	EXPECT_EQ(read_status(1000, 8), DMR_STS_MEDIUM);
	EXPECT_EQ(read_status(3000, 1), DMR_STS_MEDIUM);
	main.heal(1000, 4);
	const uint64_t errors = main.counts().errors;
	EXPECT_EQ(job({"retry_pending"}),
		  "job kind=retry_pending state=done from=0 end=65536 at=65536 moved_sectors=4 unreadable_sectors=5 refused_sectors=0");
	EXPECT_EQ(main.counts().errors - errors, 6u) << "the run, four blocks of it, and the other one";
	EXPECT_EQ(snapshot().pending_sectors, 5u);
	EXPECT_EQ(snapshot().rescued, 4u);
	EXPECT_EQ(read(1000, 4), pattern(1000, 4, 5));
}

TEST_F(EngineByHand, DataGoesBackToMain)
{
	create(one());
	main.fail(1000, 100);
	ASSERT_EQ(write(1000, 100, 1), DMR_STS_OK);
	main.heal_all();
	ASSERT_EQ(write(1010, 5, 2), DMR_STS_OK);
	EXPECT_EQ(job({"unremap", "1000", "100"}),
		  "job kind=unremap state=done from=1000 end=1100 at=1100 moved_sectors=100 unreadable_sectors=0 refused_sectors=0");
	EXPECT_EQ(snapshot().remapped_sectors, 0u);
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
	EXPECT_EQ(on(main, 1010, 5), pattern(1010, 5, 2));
	EXPECT_EQ(on(main, 1015, 85), pattern(1015, 85, 1));
	ASSERT_EQ(write(1050, 1, 3), DMR_STS_OK);
	recreate(one());
	EXPECT_EQ(read(1050, 1), pattern(1050, 1, 3));
	EXPECT_EQ(read(1000, 10), pattern(1000, 10, 1));
}

TEST_F(EngineByHand, WhatMainDoesNotTakeStaysOnTheSpare)
{
	create(one());
	main.fail(1000, 16);
	ASSERT_EQ(write(1000, 16, 1), DMR_STS_OK);
	main.heal(1000, 16);
	main.fail(1003, 1, Fault::unwritable());
	main.fail(1005, 1, Fault::unreadable());
	EXPECT_EQ(job({"unremap", "1000", "16"}),
		  "job kind=unremap state=done from=1000 end=1016 at=1016 moved_sectors=14 unreadable_sectors=0 refused_sectors=2");
	EXPECT_EQ(snapshot().remapped_sectors, 2u);
	EXPECT_EQ(read(1000, 16), pattern(1000, 16, 1));
	recreate(one());
	EXPECT_EQ(read(1000, 16), pattern(1000, 16, 1));
}

// A drive that says that it has written, and has not.
TEST_F(EngineByHand, WhatMainGivesBackIsCompared)
{
	create(one());
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 1), DMR_STS_OK);
	main.heal(1000, 8);
	world.on_performed = [&](SimDisk &disk, const DeviceIo &io) {
		if (&disk == &main && io.op == DMR_OP_WRITE && io.sector <= 1002 && io.sector + io.sectors > 1002)
			main.rot(1002, 17, 1);
	};
	EXPECT_EQ(job({"unremap", "1000", "8"}),
		  "job kind=unremap state=done from=1000 end=1008 at=1008 moved_sectors=7 unreadable_sectors=0 refused_sectors=1");
	world.on_performed = nullptr;
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 1));
}

TEST_F(EngineByHand, ARecordThatCannotBeWrittenLeavesNothingToBeGuessed)
{
	create(one());
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 1), DMR_STS_OK);
	main.heal(1000, 8);
	spare.set_read_only(true);
	EXPECT_EQ(job({"unremap", "1000", "8"}).find("job kind=unremap state=failed"), 0u);
	EXPECT_EQ(mode(), "metadata_failed");
	EXPECT_NE(read_status(1000, 8), DMR_STS_OK) << "the record may be there after all: neither copy is shown";
	spare.set_read_only(false);
	recreate(one());
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 1));
}

TEST_F(EngineByHand, WithoutASpareBlockTheJobEndsAndSaysSo)
{
	create(one());
	main.fail(20000, 4000, Fault::unwritable());
	for (uint64_t at = 20000; write(at, 8, 1) == DMR_STS_OK;)
		at += 8;
	EXPECT_EQ(job({"remap", "1000", "8"}).find("job kind=remap state=failed"), 0u);
	EXPECT_TRUE(world.logged("remap ends at sector 1000: there is no spare block that takes it: add a spare"));
	EXPECT_EQ(snapshot().pending_sectors, 0u);
}

TEST_F(EngineByHand, AMainThatIsGoneMakesNothingPending)
{
	create(one());
	main.set_gone(true);
	EXPECT_EQ(job({"remap", "1000", "64"}).find("job kind=remap state=failed"), 0u);
	EXPECT_TRUE(world.logged("main does not answer"));
	main.set_gone(false);
	EXPECT_EQ(snapshot().pending_sectors, 0u);
}

TEST_F(EngineByHand, OneJobAtATimeWhichCanBeStopped)
{
	create(two());
	main.set_slow(1'000'000'000);
	ASSERT_EQ(refused({"remap", "0", "60000"}), 0);
	EXPECT_EQ(refused({"retry_pending"}), -EBUSY);
	EXPECT_NE(device.reason().find("the job of remap is under way"), std::string::npos) << device.reason();
	EXPECT_EQ(events(DMR_EVENT_JOB_ENDED), 0u);
	ASSERT_EQ(refused({"stop_job"}), 0) << device.reason();
	EXPECT_EQ(events(DMR_EVENT_JOB_ENDED), 1u) << "whoever waits for its end is told";
	EXPECT_EQ(told().find("job kind=remap state=stopped from=0 end=60000"), 0u) << told();
	EXPECT_EQ(refused({"stop_job"}), -ENOENT);
	EXPECT_EQ(events(DMR_EVENT_JOB_ENDED), 1u);
	main.set_slow(0);
	EXPECT_EQ(job({"retry_pending"}).find("job kind=retry_pending state=done"), 0u);
}

TEST_F(EngineByHand, ASuspendPausesItAndAReloadEndsIt)
{
	create(two());
	main.set_slow(100'000'000);
	ASSERT_EQ(refused({"remap", "0", "1024"}), 0);
	ASSERT_EQ(device.suspend(), 0);
	EXPECT_EQ(told().find("job kind=remap state=running"), 0u);
	EXPECT_EQ(refused({"remap", "0"}), -EBUSY);
	main.set_slow(0);
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(world.run_until([&] { return events(DMR_EVENT_JOB_ENDED) > 0; }), Stop::Done);
	EXPECT_EQ(snapshot().remapped_sectors, 1024u);
	ASSERT_EQ(device.load(two()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(told(), "");
}

// A dying drive takes longer for one command than a drain lasts.
TEST_F(EngineByHand, ASlowCommandElsewhereDoesNotEndIt)
{
	std::vector<uint8_t> data(512);
	bool ended = false;
	UserIo slow;

	create(one());
	slow.op = DMR_OP_READ;
	slow.sector = 5000;
	slow.sectors = 1;
	slow.data = data.data();
	slow.done = [&](UserIo &) { ended = true; };
	main.set_slow(30'000'000'000);
	device.submit(slow);
	main.set_slow(0);
	EXPECT_EQ(job({"remap", "1000", "8"}),
		  "job kind=remap state=done from=1000 end=1008 at=1008 moved_sectors=8 unreadable_sectors=0 refused_sectors=0");
	world.run_until([&] { return ended; });
}

TEST_F(EngineByHand, WhoWaitsForItsBlocksNeedNotWaitForItsEnd)
{
	create(two());
	main.fail(1000, 64, Fault::unreadable());
	main.set_slow(5'000'000'000);
	ASSERT_EQ(refused({"remap", "1000", "64"}), 0);
	for (int i = 0; i < 6; i++) {
		const uint64_t begun = world.now();

		EXPECT_EQ(read_status(1000, 64), DMR_STS_MEDIUM);
		EXPECT_LE(world.now() - begun, 55'000'000'000u) << "one block of the job, 25 seconds, and as much for itself";
	}
	EXPECT_EQ(told().find("job kind=remap state=running"), 0u) << told();
	ASSERT_EQ(refused({"stop_job"}), 0);
	main.set_slow(0);
}

TEST_F(EngineByHand, BeyondTheDeviceIsRefused)
{
	create(one());
	EXPECT_EQ(refused({"remap", "65536"}), -EINVAL);
	EXPECT_EQ(device.reason(), "sector 65536 is beyond the device, which has 65536");
	EXPECT_EQ(refused({"unremap", "65535", "2"}), -EINVAL);
}

class EngineByHandPhysical : public EngineTest {
protected:
	EngineByHandPhysical()
		: EngineTest({ .name = "8:0",
			       .sectors = 40960,
			       .physical_block_bytes = 65536,
			       .alignment_bytes = 3 * 512,
			       .fails_physically = true })
	{
	}
};

TEST_F(EngineByHandPhysical, ALogNamesASectorAndThePhysicalBlockMoves)
{
	const auto data = pattern(1000, 300, 5);

	create();
	main.poke(1000, data.data(), 300);
	job({"remap", "1030"});
	EXPECT_EQ(snapshot().remapped_sectors, 128u) << "1027 to 1154";
	// Larger than the half of the buffer; it goes back in parts.
	main.fail(1100, 1, { .read = false, .times = 1 });
	job({"unremap", "1027", "128"});
	EXPECT_EQ(read(1000, 300), data);
	recreate();
	EXPECT_EQ(read(1000, 300), data);
}

} // namespace
} // namespace dm_remap::host
