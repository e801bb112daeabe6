// SPDX-License-Identifier: GPL-2.0
// A main with a volatile cache and without FUA, as most SATA disks are for Linux: a write with FUA is a write and a flush behind
// it, and if that flush fails, what others have written before is gone with it.
#include "engine_fixture.hh"

namespace dm_remap::host {
namespace {

class EngineMainFlush : public EngineTest {
protected:
	// Every I/O takes the same time, so that they end as they have begun.
	EngineMainFlush() : EngineTest({ .name = "8:0", .sectors = 40960, .fua = false, .latency_spread_ns = 0 }) {}

	// Sectors 2000 to 2007, which live on the spare and could live on main again.
	void create_with_remaps()
	{
		create();
		main.fail(2000, 8, Fault::unwritable());
		ASSERT_EQ(write(2000, 8, 1), DMR_STS_OK);
		main.heal_all();
	}
};

TEST_F(EngineMainFlush, AFlushThatFailsBehindAWriteFailsIt)
{
	create();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.fail_flushes(1);
	EXPECT_NE(write(2000, 8, 1, DMR_IO_FUA), DMR_STS_OK) << "as on the bare disk";
	EXPECT_EQ(snapshot().remapped_sectors, 0u) << "no block is bad";
	EXPECT_NE(device.flush(), DMR_STS_OK) << "sectors 100 to 107 may be gone";
	EXPECT_TRUE(world.logged("main failed a flush"));
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "it was told";
	EXPECT_EQ(write(2000, 8, 1, DMR_IO_FUA), DMR_STS_OK);
}

TEST_F(EngineMainFlush, AWriteWithFuaIsFlushedBeforeItEnds)
{
	create();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(2000, 8, 1, DMR_IO_FUA), DMR_STS_OK);
	EXPECT_TRUE(main.unflushed().empty());
	EXPECT_EQ(main.counts().flushes, 1u);
}

// Its own flush, or another's that comes after the write and before that: either takes the data with it.
TEST_F(EngineMainFlush, AnothersFlushThatFailsMeanwhileFailsIt)
{
	std::vector<uint8_t> data = pattern(2000, 8, 1);
	UserIo write, flush;
	int ended = 0;

	create();
	write.op = DMR_OP_WRITE;
	write.sector = 2000;
	write.sectors = 8;
	write.flags = DMR_IO_FUA;
	write.data = data.data();
	flush.op = DMR_OP_FLUSH;
	write.done = flush.done = [&](UserIo &) { ended++; };
	world.on_performed = [&](SimDisk &disk, const DeviceIo &io) {
		if (&disk != &main || io.op != DMR_OP_WRITE)
			return;
		main.fail_flushes(1);
		device.submit(flush);
	};
	device.submit(write);
	EXPECT_EQ(world.run_until([&] { return ended == 2; }), Stop::Done);
	world.on_performed = nullptr;
	EXPECT_NE(write.status, DMR_STS_OK);
	EXPECT_NE(flush.status, DMR_STS_OK);
}

TEST_F(EngineMainFlush, WhatRecoveryHasWrittenWithFuaIsDurable)
{
	create();
	main.fail(2000, 1, Fault::unwritable());
	ASSERT_EQ(write(1996, 8, 1, DMR_IO_FUA), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 1u);
	EXPECT_TRUE(main.unflushed().empty());
}

TEST_F(EngineMainFlush, WhatWasNotToldATableAfterItTells)
{
	create();
	main.fail_flushes(1);
	EXPECT_NE(write(2000, 8, 1, DMR_IO_FUA), DMR_STS_OK);
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
}

TEST_F(EngineMainFlush, ABadBlockIsNoLostFlush)
{
	create();
	main.fail(2003, 1, Fault::unwritable());
	EXPECT_EQ(write(2000, 8, 1, DMR_IO_FUA), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 1u);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	main.fail(3000, 1, { .read = false, .times = 1 });
	EXPECT_EQ(write(3000, 1, 1), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "there was no FUA";
}

TEST_F(EngineMainFlush, WhatUnremapHasLostTheNextFlushTells)
{
	create_with_remaps();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.fail_flushes(2);	// of the piece, and of the first block of it
	EXPECT_EQ(job({ "unremap", "2000", "8" }),
		  "job kind=unremap state=done from=2000 end=2008 at=2008 moved_sectors=7 unreadable_sectors=0 refused_sectors=1");
	EXPECT_EQ(read(2000, 8), pattern(2000, 8, 1));
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
}

// The user's comes while it is under way, and would succeed.
TEST_F(EngineMainFlush, WhatUnremapLosesAFlushBesideItTells)
{
	UserIo flush;
	bool begun = false, ended = false;
	int err = 0;

	create_with_remaps();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.fail_flushes(1);
	world.on_io = [&](const IoPoint &point) { begun |= &point.disk == &main && point.io.op == DMR_OP_FLUSH; };
	flush.op = DMR_OP_FLUSH;
	flush.done = [&](UserIo &) { ended = true; };
	device.message({ "unremap", "2000", "8" }, &err);
	ASSERT_EQ(err, 0) << device.reason();
	ASSERT_EQ(world.run_until([&] { return begun; }), Stop::Done);
	world.on_io = nullptr;
	device.submit(flush);
	EXPECT_EQ(world.run_until([&] { return ended && events(DMR_EVENT_JOB_ENDED) > 0; }), Stop::Done);
	EXPECT_NE(flush.status, DMR_STS_OK) << "sectors 100 to 107 may be gone";
}

// The control block of a main that seems to refuse every write.
TEST_F(EngineMainFlush, WhatTheTestOfMainHasLostTheNextFlushTells)
{
	create();
	main.fail(2000, 1, { .read = false, .status = DMR_STS_IOERR });
	main.fail_flushes(1);
	EXPECT_EQ(write(2000, 1, 1), DMR_STS_OK);
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
}

} // namespace
} // namespace dm_remap::host
