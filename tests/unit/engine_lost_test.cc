// SPDX-License-Identifier: GPL-2.0
// What lived on a spare that was forgotten: lost until it is written, wherever there is room for that, and never main's old data.
#include "engine_forget_fixture.hh"

namespace dm_remap::host {

TEST_F(EngineForget, WithoutAFreeBlockMainTakesALostOneAgainDurably)
{
	main.fail(0, 4500);
	create(two());
	ASSERT_EQ(write(4400, 8, 2), DMR_STS_OK);
	ASSERT_EQ(used_of("8:16"), 8u);
	recreate(degraded(second, true));
	for (uint64_t left = free_of("8:32"), at = 0; left > 0; at += 8) {
		const uint32_t n = static_cast<uint32_t>(left < 8 ? left : 8);

		ASSERT_EQ(write(at, n, 2), DMR_STS_OK);
		left -= n;
	}
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_EQ(write(4400, 4, 3), DMR_STS_MEDIUM) << "as main does";
	EXPECT_EQ(read_status(4400, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().lost_sectors, 8u);
	main.heal(4400, 8);
	EXPECT_EQ(read_status(4400, 1), DMR_STS_MEDIUM);
	ASSERT_EQ(write(4400, 4, 4), DMR_STS_OK);
	EXPECT_EQ(read(4400, 4), pattern(4400, 4, 4));
	EXPECT_EQ(snapshot().lost_sectors, 4u);
	EXPECT_TRUE(main.unflushed().empty()) << "or what main held before could be shown after a power cut";

	// Where that cannot be recorded the write fails: nobody would find it after the next start.
	second.fail(0, 2048, Fault::unwritable());
	EXPECT_NE(write(4404, 4, 5), DMR_STS_OK);
	EXPECT_NE(write(4406, 1, 5), DMR_STS_OK);
	EXPECT_EQ(read_status(4405, 1), DMR_STS_MEDIUM);
	second.heal_all();
	recreate(only(second));
	EXPECT_EQ(read(4400, 4), pattern(4400, 4, 4));
}

TEST_F(EngineForget, WithoutRoomInTheMapALostRunIsWrittenWholeOrStaysLost)
{
	main.fail(0, 4096);
	create(two());
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	for (uint64_t at = 16; write(at, 1, 2) == DMR_STS_OK; at += 2)
		ASSERT_LT(at, 4000u);
	ASSERT_EQ(mode(), "map_full");
	main.heal_all();
	recreate(degraded(second, true));
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_EQ(snapshot().extents, snapshot().max_extents);
	EXPECT_EQ(write(2, 4, 3), DMR_STS_MEDIUM) << "no user is told that a disk is full";
	EXPECT_EQ(read_status(3, 1), DMR_STS_MEDIUM);
	recreate(only(second));
	EXPECT_EQ(read_status(3, 1), DMR_STS_MEDIUM);
	// One entry in the place of another needs no room.
	EXPECT_EQ(write(0, 8, 4), DMR_STS_OK);
	EXPECT_EQ(write(16, 1, 4), DMR_STS_OK);
	EXPECT_EQ(snapshot().extents, snapshot().max_extents);
	recreate(only(second));
	EXPECT_EQ(read(0, 8), pattern(0, 8, 4));
	EXPECT_EQ(read(16, 1), pattern(16, 1, 4));
}

TEST_F(EngineForget, ADiscardHealsNothingZeroesDo)
{
	std::vector<uint8_t> zeroes(512);
	UserIo io;

	main.fail(0, 8);
	create(two());
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	recreate(degraded(second, true));
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	main.heal_all();
	io.op = DMR_OP_DISCARD;
	io.sectors = 8;
	device.perform(io);
	EXPECT_EQ(read_status(0, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().lost_sectors, 8u);
	io = UserIo();
	io.op = DMR_OP_WRITE_ZEROES;
	io.sectors = 1;
	EXPECT_EQ(device.perform(io), DMR_STS_OK);
	EXPECT_EQ(read(0, 1), zeroes);
	EXPECT_EQ(snapshot().lost_sectors, 7u);
}

} // namespace dm_remap::host
