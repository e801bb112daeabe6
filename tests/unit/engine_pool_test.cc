// SPDX-License-Identifier: GPL-2.0
// A device over several spares: which one is used, and what happens when one comes or is taken out.
#include "engine_pool_fixture.hh"

#include <algorithm>

namespace dm_remap::host {

TEST_F(EnginePool, TheFirstSpareIsFilledFirst)
{
	create(two());
	const uint64_t room = free_of("8:16");

	ASSERT_LT(room, 2000u);
	main.fail(0, 4500);
	for (uint64_t at = 0; at < room; at += 8)
		ASSERT_EQ(write(at, 8, 1), DMR_STS_OK);
	EXPECT_GE(used_of("8:16"), room - 7);
	EXPECT_EQ(write(4000, 16, 2), DMR_STS_OK);
	EXPECT_GT(used_of("8:32"), 0u);
	EXPECT_EQ(events(DMR_EVENT_SPARE_EXHAUSTED), 0u);
	recreate(two());
	EXPECT_EQ(read(4000, 16), pattern(4000, 16, 2));
	EXPECT_EQ(read(16, 8), pattern(16, 8, 1));
}

TEST_F(EnginePool, ASpareAddedLiveTakesWhatTheOthersCannot)
{
	create(one());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(device.add_spare(second, 0, 2048), 0) << device.reason();
	spare.fail(0, 2048, Fault::unwritable());
	EXPECT_EQ(write(100, 8, 2), DMR_STS_OK);
	EXPECT_EQ(state("8:16"), "dropped");
	EXPECT_EQ(used_of("8:32"), 8u);
	spare.heal_all();
	recreate(two());
	EXPECT_EQ(state("8:16"), "active") << "a stale member that returns is brought up to date";
	EXPECT_EQ(read(100, 8), pattern(100, 8, 2));
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
}

TEST_F(EnginePool, OnlyABlankSpareIsAdded)
{
	create(two());
	third.poke(100, pattern(100, 1, 1).data(), 1);
	EXPECT_EQ(device.add_spare(third, 0, 2048), -EINVAL);
	EXPECT_NE(device.reason().find("not blank"), std::string::npos) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	EXPECT_EQ(device.add_spare(third, 0, 2048), -EBUSY);
	EXPECT_EQ(device.remove_spare(second, 0), -EBUSY);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_EQ(state("8:48"), "");
}

// Wherever it fails: the others go on as before.
TEST_F(EnginePool, ASpareThatFailsWhileItIsAddedChangesNothing)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	for (uint64_t sector = 0; sector < 512; sector += 8) {
		SimDisk disk(world, { .name = "8:64", .sectors = 2048 });

		disk.fail(sector, 8, Fault::unwritable());
		if (device.add_spare(disk, 0, 2048) == 0) {
			ASSERT_EQ(device.remove_spare(disk, 0), 0) << device.reason();
		}
		ASSERT_EQ(mode(), "ok") << sector;
		ASSERT_EQ(state("8:64"), "") << sector;
		ASSERT_EQ(write(100 + sector, 1, 2), DMR_STS_OK) << sector;
	}
	recreate(two());
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
}

TEST_F(EnginePool, ASpareThatMemoryDoesNotSufficeForChangesNothing)
{
	create(two());
	main.fail(0, 4500);
	bool added = false;
	for (uint64_t k = 1; !added; k++) {
		ASSERT_LT(k, 100u) << device.reason();
		SimDisk disk(world, { .name = "8:64", .sectors = 2048 });

		world.memory().fail_nth(k);
		added = device.add_spare(disk, 0, 2048) == 0;
		world.memory().fail_nth(0);
		ASSERT_EQ(mode(), "ok") << "allocation " << k;
		ASSERT_EQ(state("8:64") != "", added) << "allocation " << k;
		ASSERT_EQ(write(k * 8, 1, 2), DMR_STS_OK) << "no remap after allocation " << k << " had failed";
		if (added) {
			ASSERT_EQ(device.remove_spare(disk, 0), 0) << device.reason();
		}
	}
	EXPECT_GT(world.memory().failures(), 1u);
}

// A mapped block that refused a write and found no other place still lives on its spare, and must not go with it.
TEST_F(EnginePool, ASpareOnWhichABadBlockStillServesStays)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	const uint64_t first = 2048 - free_of("8:32");
	spare.fail(first, 1, Fault::unwritable());
	// Nothing else takes it either.
	spare.fail(first + 8, 2048 - first - 8, Fault::unwritable());
	second.fail(first, 2048 - first, Fault::unwritable());
	ASSERT_NE(write(0, 8, 2), DMR_STS_OK);
	const int err = device.remove_spare(spare, 0);
	if (err == 1)
		run_job();
	EXPECT_NE(err, 0);
	EXPECT_NE(state("8:16"), "");
	spare.heal_all();
	second.heal_all();
	recreate(two());
	EXPECT_EQ(read_status(0, 8), DMR_STS_OK);
}

TEST_F(EnginePool, AnAddedSpareBelongsToTheSetFromThenOn)
{
	TableOptions all = two();

	create(two());
	ASSERT_EQ(device.add_spare(third, 0, 2048), 0) << device.reason();
	EXPECT_EQ(state("8:48"), "active");
	ASSERT_EQ(device.remove(), 0);
	EXPECT_NE(device.create(two()), 0) << "a table that does not name it is refused";
	all.members.push_back({ &third, 0, 2048 });
	create(all);
}

TEST_F(EnginePool, ABlankSpareInTheTableJoins)
{
	TableOptions all = two();

	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	all.members.push_back({ &third, 0, 2048 });
	ASSERT_EQ(device.load(all), 0) << device.reason();
	ASSERT_EQ(write(8, 8, 2), DMR_STS_OK) << "both engines are alive";
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(state("8:48"), "active");
	EXPECT_EQ(read(8, 8), pattern(8, 8, 2));
	recreate(all);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
}

TEST_F(EnginePool, AnUnusedSpareIsRemovedAtOnce)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	EXPECT_EQ(device.remove_spare(second, 0), 0) << device.reason();
	EXPECT_EQ(state("8:32"), "");
	TableOptions one = table();
	recreate(one);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
	EXPECT_EQ(device.remove_spare(spare, 0), -EBUSY) << "the only one stays";
	EXPECT_EQ(device.remove_spare(third, 0), -ENOENT);
}

TEST_F(EnginePool, WhatLivesOnARemovedSpareMovesToTheOthers)
{
	create(two());
	main.fail(0, 4500);
	for (uint64_t at = 0; at < 600; at += 6)
		ASSERT_EQ(write(at, 4, 3), DMR_STS_OK);
	ASSERT_EQ(used_of("8:16"), 400u);
	ASSERT_EQ(device.remove_spare(spare, 0), 1) << device.reason();
	EXPECT_EQ(state("8:16"), "removing");
	EXPECT_EQ(device.remove_spare(second, 0), -EBUSY) << "one at a time";
	run_job();
	EXPECT_EQ(state("8:16"), "");
	EXPECT_EQ(used_of("8:32"), 400u);
	EXPECT_EQ(snapshot().moved, 400u);
	spare.fail(0, 2048);
	for (uint64_t at = 0; at < 600; at += 6)
		ASSERT_EQ(read(at, 4), pattern(at, 4, 3));
	TableOptions one = table();
	one.members = { { &second, 0, 2048 } };
	recreate(one);
	for (uint64_t at = 0; at < 600; at += 6)
		ASSERT_EQ(read(at, 4), pattern(at, 4, 3));
}

TEST_F(EnginePool, ARemovalTellsHowFarItIsAndSinceWhen)
{
	create(two());
	main.fail(0, 4500);
	for (uint64_t at = 0; at < 600; at += 6)
		ASSERT_EQ(write(at, 4, 3), DMR_STS_OK);
	const uint64_t begun = world.now();

	ASSERT_EQ(device.remove_spare(spare, 0), 1);
	second.set_slow(1'000'000'000);
	ASSERT_EQ(world.run_until([&] { return used_of("8:16") <= 392; }), Stop::Done);
	const std::string answer = device.message({ "status" });
	unsigned long long moved, left, seconds;

	ASSERT_EQ(sscanf(answer.c_str() + std::min(answer.find("\nremoving "), answer.size()),
			 "\nremoving number=0 device=8:16 moved_sectors=%llu left_sectors=%llu seconds=%llu", &moved, &left, &seconds), 3)
		<< answer;
	EXPECT_EQ(left, used_of("8:16"));
	EXPECT_GE(moved, 4u);
	EXPECT_GE(seconds, 2u) << "a second for each write";
	EXPECT_EQ(seconds, (world.now() - begun) / 1'000'000'000);
	second.set_slow(0);
	run_job();
}

TEST_F(EnginePool, ARemovalWithoutRoomChangesNothing)
{
	create(two());
	main.fail(0, 4500);
	const uint64_t room = free_of("8:16");
	for (uint64_t at = 0; at < room; at += 4)
		ASSERT_EQ(write(at, 4, 3), DMR_STS_OK);
	for (uint64_t at = 4000; at < 4400; at += 4)
		ASSERT_EQ(write(at, 4, 4), DMR_STS_OK);
	EXPECT_EQ(device.remove_spare(spare, 0), -ENOSPC);
	EXPECT_NE(device.reason().find("room"), std::string::npos) << device.reason();
	EXPECT_EQ(state("8:16"), "active");
}

TEST_F(EnginePool, ACancelledRemovalLeavesTheSpareInUse)
{
	create(two());
	main.fail(0, 4500);
	for (uint64_t at = 0; at < 600; at += 6)
		ASSERT_EQ(write(at, 4, 3), DMR_STS_OK);
	ASSERT_EQ(device.remove_spare(spare, 0), 1);
	ASSERT_EQ(world.run_until([&] { return used_of("8:32") > 0; }), Stop::Done);
	ASSERT_EQ(device.cancel_remove(spare, 0), 0) << device.reason();
	EXPECT_EQ(events(DMR_EVENT_MEMBER_REMOVED), 1u) << "whoever waits for its end is told";
	EXPECT_EQ(device.cancel_remove(spare, 0), -ENOENT);
	EXPECT_EQ(state("8:16"), "active");
	EXPECT_EQ(used_of("8:16") + used_of("8:32"), 400u);
	ASSERT_EQ(write(1000, 4, 4), DMR_STS_OK);
	recreate(two());
	for (uint64_t at = 0; at < 600; at += 6)
		ASSERT_EQ(read(at, 4), pattern(at, 4, 3));
}

TEST_F(EnginePool, ASuspendPausesTheRemovalAndAResumeContinuesIt)
{
	create(two());
	main.fail(0, 4500);
	for (uint64_t at = 0; at < 600; at += 6)
		ASSERT_EQ(write(at, 4, 3), DMR_STS_OK);
	ASSERT_EQ(device.remove_spare(spare, 0), 1);
	ASSERT_EQ(world.run_until([&] { return used_of("8:32") > 0; }), Stop::Done);
	ASSERT_EQ(device.suspend(), 0);
	const uint64_t writes = second.counts().writes;
	world.run();
	EXPECT_EQ(second.counts().writes, writes) << "a suspended device issues no I/O";
	EXPECT_GT(used_of("8:16"), 0u) << "it was stopped in its midst, or this shows nothing";
	ASSERT_EQ(device.resume(), 0);
	run_job();
	EXPECT_EQ(used_of("8:32"), 400u);
}

TEST_F(EnginePool, ABlockOfARemovedSpareThatCannotBeReadKeepsIt)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 3), DMR_STS_OK);
	spare.fail(0, 2048, Fault::unreadable());
	ASSERT_EQ(device.remove_spare(spare, 0), 1);
	run_job();
	EXPECT_EQ(state("8:16"), "active");
	EXPECT_TRUE(world.logged("cannot be read"));
	spare.heal_all();
	EXPECT_EQ(read(0, 8), pattern(0, 8, 3));
}

TEST_F(EnginePool, WritesDuringAMoveAreNotLost)
{
	std::vector<std::vector<uint8_t>> data;
	std::vector<UserIo> ios(200);
	size_t done = 0;

	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 400, 1), DMR_STS_OK);
	ASSERT_EQ(device.remove_spare(spare, 0), 1);
	for (size_t i = 0; i < ios.size(); i++)
		data.push_back(pattern(2 * i, 2, 2));
	for (size_t i = 0; i < ios.size(); i++) {
		ios[i] = { .op = DMR_OP_WRITE, .sector = 2 * i, .sectors = 2, .data = data[i].data(),
			   .done = [&](UserIo &io) { done += io.status == DMR_STS_OK; } };
		device.submit(ios[i]);
		world.run_until([&] { return done + 8 > i; });
	}
	world.run_until([&] { return done == ios.size(); });
	run_job();
	EXPECT_EQ(read(0, 400), pattern(0, 400, 2));
}

} // namespace dm_remap::host
