// SPDX-License-Identifier: GPL-2.0
// A main whose physical block is larger than its logical one and fails as a whole, and what its commands cost.
#include "engine_fixture.hh"

namespace dm_remap::host {
namespace {

class EnginePhysical : public EngineTest {
protected:
	explicit EnginePhysical(int32_t alignment = 0, bool fails_physically = true)
		: EngineTest({ .name = "8:0",
			       .sectors = 40960,
			       .physical_block_bytes = 4096,
			       .alignment_bytes = alignment,
			       .fails_physically = fails_physically })
	{
	}

	struct Cost {
		uint64_t commands, failing;
	};
	Cost reads(uint64_t sector, uint32_t sectors)
	{
		const SimDisk::Counts before = main.counts();

		EXPECT_EQ(read_status(sector, sectors), DMR_STS_MEDIUM);
		return { main.counts().reads - before.reads, main.counts().errors - before.errors };
	}
	Cost writes(uint64_t sector, uint32_t sectors)
	{
		const SimDisk::Counts before = main.counts();

		EXPECT_EQ(write(sector, sectors, 1), DMR_STS_OK);
		EXPECT_EQ(read(sector, sectors), pattern(sector, sectors, 1));
		return { main.counts().writes - before.writes, main.counts().errors - before.errors };
	}
};

// The figures of docs/performance.md, each with the request's own command; read_retries is 3.
TEST_F(EnginePhysical, OneBadPhysicalBlockCostsFewCommands)
{
	create();
	for (uint64_t sector : { 1000, 4000, 8000, 9000 })
		main.fail(sector, 8);

	Cost cost = reads(960, 256);
	EXPECT_LE(cost.commands, 20u) << "read of 128 KiB";
	EXPECT_LE(cost.failing, 6u);
	EXPECT_EQ(snapshot().pending_sectors, 8u);

	cost = reads(9000, 8);
	EXPECT_LE(cost.commands, 5u) << "read of 4 KiB on it";
	EXPECT_EQ(snapshot().pending_sectors, 16u);

	cost = writes(3960, 256);
	EXPECT_LE(cost.commands, 16u) << "write of 128 KiB";
	EXPECT_LE(cost.failing, 3u);
	EXPECT_EQ(snapshot().remapped_sectors, 8u);

	cost = writes(8000, 8);
	EXPECT_LE(cost.commands, 5u) << "write of 4 KiB on it";
	EXPECT_LE(cost.failing, 2u);
	EXPECT_EQ(snapshot().remapped_sectors, 16u);

	cost = reads(1000, 8);
	EXPECT_EQ(cost.commands, 1u) << "read of 4 KiB of a pending block";
}

TEST_F(EnginePhysical, AWriteOfAllOfItOftenWorksWhereASectorCannot)
{
	create();
	main.fail(1000, 8, Fault::until_written());
	EXPECT_EQ(write(1000, 8, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 0u) << "the drive has replaced it";
	main.fail(2000, 8, Fault::until_written());
	EXPECT_EQ(write(2003, 2, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 2u) << "it would have to be read for that";
	EXPECT_EQ(read(2003, 2), pattern(2003, 2, 1));
}

TEST_F(EnginePhysical, WhatIsNotAskedForIsNotAccused)
{
	create();
	main.fail(1000, 8);
	EXPECT_EQ(write(1002, 3, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 3u);
	EXPECT_EQ(read_status(1005, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 1u);
	EXPECT_EQ(write(1000, 8, 2), DMR_STS_OK);
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 2));
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	EXPECT_EQ(snapshot().remapped_sectors, 8u);
}

TEST_F(EnginePhysical, AWeakOneIsRescuedAsAWhole)
{
	const auto data = pattern(1000, 8, 5);

	create();
	main.poke(1000, data.data(), 8);
	main.fail(1003, 1, { .write = false, .times = 3 });
	EXPECT_EQ(read(1000, 8), data);
	EXPECT_EQ(snapshot().remapped_sectors, 8u);
	EXPECT_EQ(snapshot().rescued, 8u);
	main.fail(1000, 8);
	EXPECT_EQ(read(1000, 8), data);
	recreate();
	EXPECT_EQ(read(1000, 8), data);
}

TEST_F(EnginePhysical, RefusalsInARowAreCountedByPhysicalBlocks)
{
	create();
	main.fail(0, 40960, Fault::unwritable());
	EXPECT_EQ(write(0, 8, 1), DMR_STS_OK) << "eight sectors, but one refusal: no reason yet to doubt main";
	for (uint64_t i = 1; i < 20; i++)
		write(i * 8, 8, 1);
	EXPECT_EQ(mode(), "main_read_only");
	EXPECT_LE(snapshot().remapped_sectors, 8 * 8u);
	main.heal_all();
}

// 20 s are over with the first stride that failed: the second request must not meet the same.
TEST_F(EnginePhysical, EachReadThatRunsOutOfTimeGetsFurtherThanTheOneBefore)
{
	create();
	main.fail(1024, 16);
	main.set_slow(21'000'000'000ull);
	EXPECT_EQ(read_status(1000, 256), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 8u);
	EXPECT_EQ(read_status(1000, 256), DMR_STS_MEDIUM);
	main.set_slow(0);
	EXPECT_EQ(read_status(1032, 8), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 16u);
}

class EngineMisaligned : public EnginePhysical {
protected:
	EngineMisaligned() : EnginePhysical(3 * 512) {}
};

TEST_F(EngineMisaligned, PhysicalBlocksBeginWhereTheDiskHasThem)
{
	create();
	main.fail(1003, 8);
	EXPECT_EQ(reads(1003, 8).commands, 5u);
	EXPECT_EQ(snapshot().pending_sectors, 8u);
	main.fail(2000, 1);
	EXPECT_EQ(write(1992, 16, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 8u) << "1995 to 2002";
	EXPECT_EQ(read(1992, 16), pattern(1992, 16, 1));
	main.fail(1, 1);
	EXPECT_EQ(write(0, 8, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().remapped_sectors, 8 + 3u) << "of the one in which the partition begins each sector by itself";
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
}

// One that says 4096 and fails by sectors, as emulated drives do.
class EngineLiar : public EnginePhysical {
protected:
	EngineLiar() : EnginePhysical(0, false) {}
};

TEST_F(EngineLiar, OfAPendingPhysicalBlockWhatCanBeReadComes)
{
	const auto data = pattern(1000, 8, 5);

	create();
	main.poke(1000, data.data(), 8);
	main.fail(1003, 1, Fault::unreadable());
	EXPECT_EQ(read_status(1000, 8), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 8u);
	for (uint64_t sector : { 1000, 1002, 1004, 1007 })
		EXPECT_EQ(read(sector, 1), pattern(sector, 1, 5)) << sector;
	EXPECT_EQ(read_status(1003, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 4u) << "what was read is rescued";
	EXPECT_EQ(write(1003, 1, 6), DMR_STS_OK);
	EXPECT_EQ(read(1003, 1), pattern(1003, 1, 6));
}

} // namespace
} // namespace dm_remap::host
