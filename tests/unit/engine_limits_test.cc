// SPDX-License-Identifier: GPL-2.0
// A device at the end of what it has: room in the map, spare blocks, memory, time, spares that work.
#include "engine_pool_fixture.hh"

namespace dm_remap::host {

namespace {

class EngineLimits : public EnginePool {
protected:
	// Where this sector of this version lies on a spare, or ~0.
	uint64_t place_of(const SimDisk &disk, uint64_t sector, uint8_t version)
	{
		const auto wanted = pattern(sector, 1, version);

		for (uint64_t at = 0; at < disk.options().sectors; at++) {
			if (on(disk, at, 1) == wanted)
				return at;
		}
		return ~uint64_t{0};
	}
	// All of the only spare is in use.
	void fill_pool()
	{
		main.fail(0, 4500);
		for (uint64_t left = free_of("8:16"), at = 0; left > 0; at += 8) {
			const uint32_t n = static_cast<uint32_t>(left < 8 ? left : 8);

			ASSERT_EQ(write(at, n, 1), DMR_STS_OK) << at;
			left -= n;
		}
	}
};

TEST_F(EngineLimits, AFullMapFailsAsMainDoesAndSaysSo)
{
	create(one());
	uint64_t at = 0;

	main.fail(0, 4500);
	while (write(at, 1, 1) == DMR_STS_OK) {
		at += 2;
		ASSERT_LT(at, 400u);
	}
	EXPECT_EQ(write(at, 1, 1), DMR_STS_MEDIUM);
	EXPECT_GT(events(DMR_EVENT_MAP_FULL), 0u);
	EXPECT_EQ(mode(), "map_full");
	EXPECT_GE(snapshot().extents * 2, snapshot().max_extents) << "this is what it was made for";
	for (uint64_t i = 0; i < at; i += 2) {
		ASSERT_EQ(write(i, 1, 2), DMR_STS_OK) << "what was remapped is served as ever";
		ASSERT_EQ(read(i, 1), pattern(i, 1, 2));
	}
}

// The block's remap has no other place, and each write tries it again.
TEST_F(EngineLimits, ASpareBlockThatIsKnownToBeBadTakesNoRoomInTheMapAgain)
{
	create(one());
	fill_pool();
	const uint64_t place = place_of(spare, 0, 1);
	ASSERT_NE(place, ~uint64_t{0});
	spare.fail(place, 1, Fault::unwritable());
	EXPECT_NE(write(0, 1, 2), DMR_STS_OK);
	const uint64_t generation = snapshot().generation;
	for (int i = 0; i < 200; i++)
		EXPECT_NE(write(0, 1, 2), DMR_STS_OK);
	EXPECT_EQ(snapshot().generation, generation) << "there is nothing new to record";
	ASSERT_EQ(device.add_spare(second, 0, 2048), 0) << device.reason();
	EXPECT_EQ(mode(), "ok");
	EXPECT_EQ(write(0, 1, 3), DMR_STS_OK);
	EXPECT_EQ(read(0, 1), pattern(0, 1, 3));
	EXPECT_EQ(write(4000, 1, 3), DMR_STS_OK);
}

TEST_F(EngineLimits, BadBlocksThatBecomeOneRunTakeTheRoomOfOne)
{
	create(one());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 200, 1), DMR_STS_OK);
	const uint64_t first = place_of(spare, 0, 1);
	for (uint64_t i = 0; i < 200; i++) {
		spare.fail(first + i, 1, Fault::unwritable());
		ASSERT_EQ(write(i, 1, 2), DMR_STS_OK) << i;
	}
	EXPECT_EQ(read(0, 200), pattern(0, 200, 2));
	EXPECT_EQ(snapshot().spare_sectors_bad, 200u);
	EXPECT_EQ(mode(), "ok");
}

TEST_F(EngineLimits, ASpareThatFailedIsUsedAgainWhenTheOthersAreFull)
{
	create(two());
	const uint64_t both = free_of("8:16") + free_of("8:32");
	uint64_t at = 0;

	main.fail(0, 9000);
	spare.fail_flushes(1);
	while (write(at, 8, 1) == DMR_STS_OK)
		at += 8;
	EXPECT_GE(at + 8, both);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
	EXPECT_GT(used_of("8:16"), 0u);
}

// What goes to a spare untested, as there is no time to ask, says as much of main as what was tested.
TEST_F(EngineLimits, AMainThatTurnedReadOnlyAndIsSlowCostsNoMoreSparesThanAFastOne)
{
	create(two());
	main.fail(0, 65536, Fault::unwritable());
	main.set_slow(21'000'000'000ull);
	for (uint64_t i = 0; i < 10; i++)
		write(i * 128, 128, 1);
	EXPECT_EQ(mode(), "main_read_only");
	EXPECT_LE(snapshot().remapped_sectors, 8 * 128u);
	EXPECT_TRUE(world.logged("go to a spare untested"));
	main.heal_all();
	main.set_slow(0);
}

TEST_F(EngineLimits, WithoutASpareTheUserIsToldWhatMainSaid)
{
	create(one());
	main.fail(0, 1);
	spare.fail(2048 - free_of("8:16"), free_of("8:16"), { .read = false, .status = DMR_STS_IOERR });
	EXPECT_EQ(write(0, 1, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
}

// One record for both: a block that serves and stays, and one that was allocated in vain.
TEST_F(EngineLimits, ABlockThatRefusedBesideTheOneThatServesIsGivenBackIfItCannotBeRecorded)
{
	create(one());
	uint64_t at = 0;

	main.fail(0, 4500);
	while (write(at, 1, 1) == DMR_STS_OK)
		at += 2;
	at -= 2;
	const uint64_t place = place_of(spare, at, 1);
	const uint64_t used = snapshot().spare_sectors_used;
	spare.fail(place, 2, Fault::unwritable());
	EXPECT_NE(write(at, 1, 2), DMR_STS_OK);
	EXPECT_EQ(snapshot().spare_sectors_used, used);
}

// Parked writes that go out in one batch: of one the first records are committed, and the flush that the others need fails.
// What has found its place stays there, and nothing is allocated that does not serve.
TEST_F(EngineTest, AWriteOfPendingBlocksThatIsCommittedInPartKeepsThatPart)
{
	constexpr uint32_t writers = 4, blocks = 128;
	std::vector<std::vector<uint8_t>> data;
	UserIo reads[writers], writes[writers];
	uint8_t first[writers][512];
	uint32_t ended = 0, flushes = 0;

	create();
	for (uint64_t i = 0; i < writers * blocks; i += 2)
		main.fail(1000 + i, 1, Fault::until_written());
	for (uint32_t i = 0; i < writers; i++)
		EXPECT_EQ(read_status(1000 + blocks * i, blocks), DMR_STS_MEDIUM);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	world.on_performed = [&](SimDisk &disk, const DeviceIo &io) {
		if (&disk == &spare && io.op == DMR_OP_FLUSH && ++flushes == 2)
			spare.fail_flushes(1);
	};
	main.set_slow(3'000'000);
	for (uint32_t i = 0; i < writers; i++) {
		reads[i] = { .op = DMR_OP_READ, .sector = 1000 + blocks * i, .sectors = 1, .data = first[i],
			     .done = [&](UserIo &) { ended++; } };
		device.submit(reads[i]);
	}
	world.run_until([&] { return main.in_flight() == writers; });
	for (uint32_t i = 0; i < writers; i++) {
		data.push_back(pattern(1000 + blocks * i, blocks, 5));
		writes[i] = { .op = DMR_OP_WRITE, .sector = 1000 + blocks * i, .sectors = blocks, .data = data[i].data(),
			      .done = [&](UserIo &) { ended++; } };
		device.submit(writes[i]);
	}
	world.run_until([&] { return ended == 2 * writers; });
	world.on_performed = {};
	EXPECT_GE(flushes, 2u) << "or this shows nothing";
	EXPECT_EQ(snapshot().spare_sectors_used, snapshot().remapped_sectors);
	for (uint32_t i = 0; i < writers; i++) {
		if (writes[i].status == DMR_STS_OK) {
			EXPECT_EQ(read(writes[i].sector, blocks), data[i]);
		}
	}
}

// ---- flush ----

TEST_F(EngineLimits, ASpareOnWhichNothingLivesFailsNobodysFlush)
{
	create(two());
	second.fail_flushes(-1);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	main.fail(0, 1);
	ASSERT_EQ(write(0, 1, 1), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	second.heal_all();
	recreate(two());
	second.set_gone(true);
	main.fail(8, 1);
	EXPECT_EQ(write(8, 1, 1), DMR_STS_OK);
	EXPECT_EQ(state("8:32"), "dropped");
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	second.set_gone(false);
}

TEST_F(EngineLimits, ASpareWhoseBlocksMovedAwayFailsNobodysFlush)
{
	create(two());
	main.fail(0, 8);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	spare.set_gone(true);
	EXPECT_NE(device.flush(), DMR_STS_OK) << "the second version was in its cache";
	EXPECT_EQ(write(0, 8, 3), DMR_STS_OK);
	EXPECT_EQ(used_of("8:16"), 0u);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 3));
	spare.set_gone(false);
}

TEST_F(EngineLimits, ARecordThatASpareRefusesTakesNoUsersDataWithIt)
{
	create(two());
	main.fail(0, 16);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK) << "in the spare's cache";
	spare.fail(0, 2048 - total_of("8:16"), Fault::unwritable());
	ASSERT_EQ(write(8, 8, 1), DMR_STS_OK);
	ASSERT_EQ(state("8:16"), "dropped");
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	recreate(two());
	EXPECT_EQ(read(0, 8), pattern(0, 8, 2));
}

TEST_F(EngineLimits, NorDoesTheLastOne)
{
	create(one());
	main.fail(0, 16);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK) << "in the spare's cache";
	spare.fail(0, 2048 - total_of("8:16"), Fault::unwritable());
	ASSERT_NE(write(8, 8, 1), DMR_STS_OK);
	ASSERT_EQ(mode(), "metadata_failed");
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 2));
}

TEST_F(EngineLimits, AFlushOfTheMetadataThatFailsMayHaveCostUsersData)
{
	create(two());
	main.fail(0, 16);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK) << "in the spare's cache";
	spare.fail_flushes(1);
	ASSERT_EQ(device.add_spare(third, 0, 2048), 0) << device.reason() << "; by a checkpoint";
	ASSERT_EQ(state("8:16"), "dropped");
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

// A spare block that has refused a write is bad for good, and keeps the last data if the move elsewhere could not be recorded.
TEST_F(EngineLimits, SomethingLivesOnASpareThoughItsBlockIsBad)
{
	create(one());
	main.fail(0, 1);
	ASSERT_EQ(write(0, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	spare.fail(2048 - total_of("8:16"), 1, Fault::unwritable());
	spare.fail_flushes(1);
	EXPECT_NE(write(0, 1, 2), DMR_STS_OK) << "by the flush before its record";
	spare.heal_all();
	recreate(one());
	ASSERT_EQ(used_of("8:16"), 0u) << "or this shows nothing";
	ASSERT_EQ(write(0, 1, 3), DMR_STS_OK);
	spare.fail_flushes(1);
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

// Whoever waits for his flush while another one fails counts on what that has lost.
TEST_F(EngineLimits, AFlushThatWaitedWhileAnotherFailedIsToldToo)
{
	UserIo flushes[2];
	uint32_t ended = 0;

	create(two());
	main.fail(0, 8);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK) << "in the spare's cache";
	spare.fail_flushes(1);
	spare.set_slow(3'000'000);
	for (UserIo &flush : flushes) {
		flush = { .op = DMR_OP_FLUSH, .done = [&](UserIo &) { ended++; } };
		device.submit(flush);
		world.run_until([&] { return spare.in_flight() == 1; });
	}
	EXPECT_EQ(ended, 0u) << "or this shows nothing";
	world.run_until([&] { return ended == 2; });
	EXPECT_NE(flushes[0].status, DMR_STS_OK);
	EXPECT_NE(flushes[1].status, DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told";
}

// What is left of the lost data is moved to the other spare, and nothing lives on the first one any more.
TEST_F(EngineLimits, ALossIsToldThoughItsBlocksHaveMovedSince)
{
	create(two());
	main.fail(0, 8);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	main.fail(100, 1);
	spare.fail_flushes(1);
	ASSERT_EQ(write(100, 1, 2), DMR_STS_OK);
	ASSERT_EQ(spare.counts().errors, 1u) << "the flush before the record";
	ASSERT_EQ(device.remove_spare(spare, 0), 1);
	run_job();
	ASSERT_EQ(state("8:16"), "");
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
}

// Of a drive without FUA the failure may have been the flush, which has cost what others had written.
class WithoutFua : public EngineTest {
protected:
	WithoutFua()
		: EngineTest({ .name = "8:0", .sectors = 40960 }, { .name = "8:16", .sectors = 16384, .fua = false })
	{
	}
};

TEST_F(WithoutFua, AFailedWriteWithFuaMayHaveCostWhatWasWrittenBefore)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	ASSERT_EQ(write(1000, 4, 2), DMR_STS_OK);
	spare.fail_flushes(1);
	EXPECT_EQ(write(1004, 1, 2, DMR_IO_FUA), DMR_STS_OK) << "the second time";
	EXPECT_NE(device.flush(), DMR_STS_OK) << "the first four are lost, and nobody has been told";
	EXPECT_EQ(device.flush(), DMR_STS_OK);
}

TEST_F(WithoutFua, SoMayARecordThatItRefuses)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 4, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 4, 2), DMR_STS_OK) << "in the spare's cache";
	spare.fail(0, 4096, Fault::unwritable());
	EXPECT_NE(write(1004, 1, 2), DMR_STS_OK);
	EXPECT_EQ(mode(), "metadata_failed");
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

// ---- memory ----

// Its blocks lie in more chunks of the pool's bitmap than are kept aside.
class LargePool : public EngineTest {
protected:
	LargePool() : EngineTest({ .name = "8:0", .sectors = 8'000'000 }, { .name = "8:16", .sectors = 7 * 32768 + 20000 }) {}
};

TEST_F(LargePool, ABadSpareBlockThatIsRecordedIsRememberedWithoutMemory)
{
	const uint64_t wanted[] = { 100, 33'000, 66'000, 99'000, 132'000, 165'000, 198'000 };
	TableOptions t = table();
	uint64_t at = 0;

	t.max_extents = 1024;
	ASSERT_EQ(device.create(t), 0) << device.reason();
	main.fail(0, 260'000);
	const uint64_t total = snapshot().spare_sectors_free, first = spare.options().sectors - total;
	for (; at + 128 <= total - 20; at += 128)
		ASSERT_EQ(write(at, 128, 1), DMR_STS_OK) << at;
	for (uint64_t block : wanted) {
		ASSERT_EQ(on(spare, first + block, 1), pattern(block, 1, 1));
		spare.fail(first + block, 1, { .read = false, .times = 3 });
	}
	world.memory().fail_chance(65536);
	for (uint64_t block : wanted)
		write(block, 1, 2);
	world.memory().fail_chance(0);
	// Whatever of this succeeded, no block that a record calls bad is given out.
	for (uint64_t block = at + 200; write(block, 1, 7) == DMR_STS_OK; block++) {}
	ASSERT_EQ(device.remove(), 0);
	EXPECT_EQ(device.create(t), 0) << device.reason();
}

} // namespace

} // namespace dm_remap::host
