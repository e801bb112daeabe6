// SPDX-License-Identifier: GPL-2.0
// A main with a volatile cache and without FUA, as most SATA disks are for Linux: a write with FUA is a write and a flush, and if
// that flush fails, what others have written before is gone with it.
#include "engine_fixture.hh"

namespace dm_remap::host {
namespace {

class EngineMainFlush : public EngineTest {
protected:
	EngineMainFlush() : EngineTest({ .name = "8:0", .sectors = 40960, .fua = false }) {}
};

TEST_F(EngineMainFlush, WhatAWriteWithFuaHasLostTheNextFlushTells)
{
	create();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.fail_flushes(1);
	EXPECT_EQ(write(2000, 8, 1, DMR_IO_FUA), DMR_STS_OK) << "it is durable by now";
	EXPECT_EQ(snapshot().remapped_sectors, 0u);
	EXPECT_NE(device.flush(), DMR_STS_OK) << "sectors 100 to 107 may be gone";
	EXPECT_TRUE(world.logged("main failed a flush"));
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "it was told";
}

// Once in the user's own write, and once more in its recovery.
TEST_F(EngineMainFlush, AFlushThatFailsAgainIsNoBadBlock)
{
	create();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.fail_flushes(2);
	EXPECT_NE(write(2000, 1, 1, DMR_IO_FUA), DMR_STS_OK) << "as on the bare disk";
	EXPECT_EQ(snapshot().remapped_sectors, 0u);
	EXPECT_NE(device.flush(), DMR_STS_OK) << "sectors 100 to 107 may be gone";
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_EQ(write(2000, 1, 1, DMR_IO_FUA), DMR_STS_OK);
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
	EXPECT_EQ(write(2000, 8, 1, DMR_IO_FUA), DMR_STS_OK);
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
	create();
	main.fail(2000, 8, Fault::unwritable());
	ASSERT_EQ(write(2000, 8, 1), DMR_STS_OK);
	main.heal_all();
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	main.fail_flushes(2);	// of the piece, and of the first block of it
	EXPECT_EQ(job({ "unremap", "2000", "8" }),
		  "job kind=unremap state=done from=2000 end=2008 at=2008 moved_sectors=7 unreadable_sectors=0 refused_sectors=1");
	EXPECT_EQ(read(2000, 8), pattern(2000, 8, 1));
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
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
