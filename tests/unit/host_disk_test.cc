// SPDX-License-Identifier: GPL-2.0
#include "host/host.hh"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

using namespace dm_remap::host;

namespace {

class HostDisk : public testing::Test {
protected:
	// Writes whole sectors full of `byte`.
	dmr_status write(uint64_t sector, uint8_t byte, uint32_t sectors = 1, uint32_t flags = 0)
	{
		std::memset(buffer, byte, sectors * 512);
		return dmr_device_write(&disk, sector, buffer, sectors, flags);
	}
	// The byte that fills the sector, or -1 for a sector of different bytes.
	int content(uint64_t sector)
	{
		uint8_t s[512];

		disk.peek(sector, s, 1);
		for (uint8_t byte : s)
			if (byte != s[0])
				return -1;
		return s[0];
	}
	void lose_all() { disk.power_cut([](const Unflushed &) { return 0; }); }

	World world;
	SimDisk disk{world, {}};
	uint8_t *buffer = static_cast<uint8_t *>(dmr_io_buffer_alloc(65536));
};

TEST_F(HostDisk, ReadReturnsWhatWasWritten)
{
	ASSERT_EQ(write(10, 0x11, 20), DMR_STS_OK);
	std::memset(buffer, 0, 512);
	EXPECT_EQ(dmr_device_read(&disk, 29, buffer, 1), DMR_STS_OK);
	EXPECT_EQ(buffer[0], 0x11);
	EXPECT_EQ(dmr_device_read(&disk, 30, buffer, 1), DMR_STS_OK);
	EXPECT_EQ(buffer[0], 0);
}

TEST_F(HostDisk, UnflushedWriteMayBeLostAndFlushedMayNot)
{
	write(1, 0x11);
	dmr_device_flush(&disk);
	write(1, 0x22);
	write(2, 0x33);
	EXPECT_EQ(disk.unflushed().size(), 2u);
	lose_all();
	EXPECT_EQ(content(1), 0x11);
	EXPECT_EQ(content(2), 0);
	EXPECT_TRUE(disk.unflushed().empty());
}

TEST_F(HostDisk, FuaIsDurableAndReplacesTheCache)
{
	write(1, 0x11);
	write(1, 0x22, 1, DMR_IO_FUA);
	EXPECT_TRUE(disk.unflushed().empty());
	lose_all();
	EXPECT_EQ(content(1), 0x22);
}

TEST_F(HostDisk, EveryVersionSinceTheFlushMaySurvive)
{
	std::set<int> seen;

	write(1, 0x11);
	write(1, 0x22);
	write(1, 0x33);
	const DiskContent before = disk.snapshot();
	for (uint32_t k = 0; k <= 3; k++) {
		disk.restore(before);
		disk.power_cut([=](const Unflushed &u) {
			EXPECT_EQ(u.versions, 3u);
			return k;
		});
		seen.insert(content(1));
	}
	EXPECT_EQ(seen, (std::set<int>{0, 0x11, 0x22, 0x33}));
}

TEST_F(HostDisk, WithoutACacheACompletedWriteIsDurable)
{
	SimDisk plain(world, {.volatile_cache = false});

	std::memset(buffer, 0x44, 512);
	dmr_device_write(&plain, 5, buffer, 1, 0);
	EXPECT_TRUE(plain.unflushed().empty());
}

TEST_F(HostDisk, AFlushCoversOnlyWhatHadCompletedWhenItWasSubmitted)
{
	DeviceIo flush, write_io;
	std::memset(buffer, 0x55, 512);
	const auto start = [&](DeviceIo &io) {
		io.done = [](DeviceIo *) {};
		disk.start(&io);
	};
	write(1, 0x11);
	flush.op = DMR_OP_FLUSH;
	start(flush);
	write_io.op = DMR_OP_WRITE;
	write_io.sector = 2;
	write_io.sectors = 1;
	write_io.data = buffer;
	start(write_io);
	EXPECT_EQ(world.run(), Stop::Idle);
	lose_all();
	EXPECT_EQ(content(1), 0x11);
	EXPECT_EQ(content(2), 0);
}

TEST_F(HostDisk, AWriteInFlightAtTheCutIsTornAnyhow)
{
	std::set<std::pair<int, int>> seen;

	write(1, 0x11, 2);
	dmr_device_flush(&disk);
	world.cut_after(1); // the submission of the next write
	EXPECT_EQ(write(1, 0x22, 2), DMR_STS_IOERR);
	ASSERT_FALSE(world.powered());
	ASSERT_EQ(disk.unflushed().size(), 2u);
	EXPECT_TRUE(disk.unflushed()[0].in_flight);
	const DiskContent before = disk.snapshot();
	for (uint32_t subset = 0; subset < 4; subset++) {
		disk.restore(before);
		disk.power_cut([=](const Unflushed &u) { return (subset >> (u.sector - 1)) & 1; });
		seen.insert({content(1), content(2)});
	}
	EXPECT_EQ(seen.size(), 4u);
	world.reboot();
	EXPECT_TRUE(world.powered());
}

TEST_F(HostDisk, BlocksOf4KiBAreNotTorn)
{
	SimDisk big(world, {.logical_block_bytes = 4096, .physical_block_bytes = 4096});

	std::memset(buffer, 0x44, 8192);
	ASSERT_EQ(dmr_device_write(&big, 8, buffer, 16, 0), DMR_STS_OK);
	ASSERT_EQ(big.unflushed().size(), 2u);
	EXPECT_EQ(big.unflushed()[1].sector, 16u);
	EXPECT_NE(dmr_device_write(&big, 9, buffer, 8, 0), DMR_STS_OK);
	EXPECT_EQ(world.take_violations().size(), 1u);
}

TEST_F(HostDisk, FaultsAreExactAndEnd)
{
	disk.fail(100, 2);
	EXPECT_EQ(dmr_device_read(&disk, 99, buffer, 1), DMR_STS_OK);
	EXPECT_EQ(dmr_device_read(&disk, 99, buffer, 2), DMR_STS_MEDIUM);
	EXPECT_EQ(dmr_device_read(&disk, 102, buffer, 1), DMR_STS_OK);
	EXPECT_EQ(write(101, 0x11), DMR_STS_MEDIUM);
	EXPECT_EQ(content(101), 0);

	disk.fail(100, 2, Fault::until_written());
	EXPECT_EQ(dmr_device_read(&disk, 101, buffer, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(write(101, 0x22), DMR_STS_OK);
	EXPECT_EQ(dmr_device_read(&disk, 101, buffer, 1), DMR_STS_OK);
	EXPECT_EQ(dmr_device_read(&disk, 100, buffer, 1), DMR_STS_MEDIUM);

	disk.heal_all();
	disk.fail(7, 1, {.status = DMR_STS_TARGET, .times = 2});
	EXPECT_EQ(dmr_device_read(&disk, 7, buffer, 1), DMR_STS_TARGET);
	EXPECT_EQ(write(7, 1), DMR_STS_TARGET);
	EXPECT_EQ(write(7, 1), DMR_STS_OK);
}

TEST_F(HostDisk, APhysicalBlockFailsAsAWholeAndIsReadForAPart)
{
	SimDisk emulated(world, {.physical_block_bytes = 4096, .alignment_bytes = 3 * 512, .fails_physically = true});
	auto read = [&](uint64_t sector, uint32_t sectors) { return dmr_device_read(&emulated, sector, buffer, sectors); };
	auto write = [&](uint64_t sector, uint32_t sectors) { return dmr_device_write(&emulated, sector, buffer, sectors, 0); };

	emulated.fail(20, 1, Fault::until_written()); // in [19, 27)
	EXPECT_EQ(read(18, 1), DMR_STS_OK);
	EXPECT_EQ(read(27, 1), DMR_STS_OK);
	EXPECT_EQ(read(26, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(write(26, 1), DMR_STS_MEDIUM) << "the others cannot be read";
	EXPECT_EQ(write(17, 4), DMR_STS_MEDIUM);
	EXPECT_EQ(write(19, 8), DMR_STS_OK);
	EXPECT_EQ(read(19, 8), DMR_STS_OK);
	emulated.fail(1, 1, Fault::unreadable()); // the first three are a part of one
	EXPECT_EQ(write(0, 3), DMR_STS_MEDIUM);
	emulated.fail(40, 1, Fault::unwritable()); // in [35, 43)
	std::memset(buffer, 0x44, 8192);
	EXPECT_EQ(write(35, 8), DMR_STS_MEDIUM);
	EXPECT_EQ(read(35, 8), DMR_STS_OK);
	for (uint32_t i = 0; i < 8 * 512; i++)
		ASSERT_EQ(static_cast<uint8_t *>(buffer)[i], 0) << "nothing of it was changed";
}

TEST_F(HostDisk, TheWholeDeviceFails)
{
	disk.set_read_only(true);
	EXPECT_EQ(write(7, 1), DMR_STS_TARGET);
	EXPECT_EQ(dmr_device_read(&disk, 7, buffer, 1), DMR_STS_OK);
	disk.set_gone(true);
	EXPECT_EQ(dmr_device_read(&disk, 7, buffer, 1), DMR_STS_IOERR);
	EXPECT_EQ(dmr_device_flush(&disk), DMR_STS_IOERR);
	disk.heal_all();
	write(7, 1);
	disk.fail_flushes(1);
	EXPECT_EQ(dmr_device_flush(&disk), DMR_STS_IOERR);
	EXPECT_EQ(disk.unflushed().size(), 1u);
	write(8, 2);
	EXPECT_EQ(dmr_device_flush(&disk), DMR_STS_OK);
	EXPECT_EQ(disk.unflushed().size(), 1u) << "what the failed flush gave up stays in the cache for ever";
	write(7, 3);
	EXPECT_EQ(dmr_device_flush(&disk), DMR_STS_OK);
	EXPECT_EQ(disk.unflushed().size(), 0u) << "unless it is written again";
}

TEST_F(HostDisk, RotChangesWhatIsReadNowAndAfterACut)
{
	write(3, 0x10);
	disk.rot(3, 511, 0x01);
	uint8_t s[512];
	disk.peek(3, s, 1);
	EXPECT_EQ(s[511], 0x11);
	lose_all();
	disk.peek(3, s, 1);
	EXPECT_EQ(s[511], 0x01);
}

TEST_F(HostDisk, ASnapshotIsIndependent)
{
	write(1, 0x11);
	const DiskContent before = disk.snapshot();
	write(1, 0x22);
	EXPECT_EQ(content(1), 0x22);
	disk.restore(before);
	EXPECT_EQ(content(1), 0x11);
	EXPECT_EQ(disk.unflushed().size(), 1u);
}

TEST_F(HostDisk, IoFromOtherMemoryIsAViolation)
{
	uint8_t own[512];

	dmr_device_read(&disk, 0, own, 1);
	EXPECT_EQ(world.take_violations().size(), 1u);
}

} // namespace
