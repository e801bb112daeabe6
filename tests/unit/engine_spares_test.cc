// SPDX-License-Identifier: GPL-2.0
// A device over several spares: what happens when one is missing, fails or goes, and what is rescued.
#include "engine_pool_fixture.hh"

namespace dm_remap::host {

TEST_F(EnginePool, AMissingSpareTakesDegradedAndForce)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	TableOptions unsaid = degraded(second, false);
	unsaid.degraded = false;
	EXPECT_EQ(device.create(unsaid), -EINVAL);
	EXPECT_EQ(device.create(degraded(second, false)), -EINVAL) << "nobody has recorded that it was dropped";
	create(degraded(second, true));
	EXPECT_EQ(state("-"), "missing");
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM) << "main's stale copy is never shown";
	EXPECT_EQ(write(0, 4, 2), DMR_STS_OK);
	EXPECT_EQ(read(0, 4), pattern(0, 4, 2));
	EXPECT_EQ(read_status(4, 4), DMR_STS_MEDIUM);
	recreate(degraded(second, false));
	EXPECT_EQ(read(0, 4), pattern(0, 4, 2));
	recreate(two());
	EXPECT_EQ(state("8:16"), "active");
	EXPECT_EQ(read(0, 4), pattern(0, 4, 2)) << "not what the returned one holds of them";
	EXPECT_EQ(read(4, 4), pattern(4, 4, 1)) << "what nobody has written since is there again";
}

// Starts within one unit share the place of the superblock: the wrong one must not be taken for the right one.
TEST_F(EnginePool, ASpareNamedFromALittleLaterOnIsRefused)
{
	TableOptions t = one();

	t.members[0].start = 1;
	t.members[0].sectors = 2040;
	create(t);
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	for (uint64_t start : { 0, 2, 4, 8 }) {
		t.members[0].start = start;
		EXPECT_EQ(device.create(t), -EINVAL) << start;
	}
	t.members[0].start = 1;
	create(t);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
}

TEST_F(EnginePool, ABlankSpareThatDoesNotTakeItsMetadataLeavesItsPlaceToAnother)
{
	create(one());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	second.fail(0, 2048, Fault::unwritable());
	create(two());
	EXPECT_EQ(state("8:32"), "");
	EXPECT_TRUE(world.logged("does not take its metadata: it is not used"));
	EXPECT_EQ(device.add_spare(third, 0, 2048), 0) << device.reason();
	EXPECT_EQ(state("8:48"), "active");
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
}

// What an add_spare left that a power cut ended: the set that began it may name it as its own already.
TEST_F(EnginePool, ASpareThatIsAboutToJoinAnotherSetIsNotAdded)
{
	std::vector<std::vector<uint8_t>> cuts;
	SimDisk other_main{ world, { .name = "8:64", .sectors = main.options().sectors } };
	SimDisk other_spare{ world, { .name = "8:80", .sectors = 2048 } };
	MappedDevice other{ "dm-other" };
	TableOptions t = one();
	int refused = 0;

	create(one());
	world.on_performed = [&](SimDisk &disk, const DeviceIo &io) {
		if (&disk == &second && io.op == DMR_OP_WRITE)
			cuts.push_back(on(second, 0, 2048));
	};
	ASSERT_EQ(device.add_spare(second, 0, 2048), 0) << device.reason();
	world.on_performed = {};
	t.main = &other_main;
	t.members = { { &other_spare, 0, 2048 } };
	ASSERT_EQ(other.create(t), 0) << other.reason();
	for (const auto &content : cuts) {
		third.poke(0, content.data(), 2048);
		if (other.add_spare(third, 0, 2048) == 0) {
			ASSERT_EQ(other.remove_spare(third, 0), 0) << other.reason();
			continue;
		}
		refused += other.reason().find("about to become one of another set") != std::string::npos;
		EXPECT_EQ(on(third, 0, 2048), content);
	}
	EXPECT_GT(refused, 0);
	EXPECT_EQ(other.remove(), 0);
}

TEST_F(EnginePool, HalvesThatWentSeparateWaysAreRefused)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	recreate(degraded(second, true));
	ASSERT_EQ(write(100, 8, 2), DMR_STS_OK);
	recreate(degraded(spare, true));
	ASSERT_EQ(write(100, 8, 3), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	EXPECT_EQ(device.create(two()), -EINVAL);
	EXPECT_NE(device.reason().find("separate ways"), std::string::npos) << device.reason();
}

TEST_F(EnginePool, ASpareThatGoesAwayIsLeftBehindAndTheOthersTakeOver)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	spare.set_gone(true);
	EXPECT_EQ(write(8, 8, 2), DMR_STS_OK);
	EXPECT_EQ(state("8:16"), "dropped");
	EXPECT_EQ(events(DMR_EVENT_MEMBER_FAILED), 1u);
	EXPECT_EQ(mode(), "ok");
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM);
	EXPECT_EQ(write(0, 4, 3), DMR_STS_OK);
	EXPECT_EQ(read(0, 4), pattern(0, 4, 3));
	spare.set_gone(false);
	recreate(two());
	EXPECT_EQ(read(0, 4), pattern(0, 4, 3));
	EXPECT_EQ(read(4, 4), pattern(4, 4, 1));
	EXPECT_EQ(read(8, 8), pattern(8, 8, 2));
	EXPECT_EQ(used_of("8:16"), 4u);
}

TEST_F(EnginePool, DataThatASpareLosesBeforeItIsDurableGoesToAnother)
{
	create(two());
	main.fail(0, 4500);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	spare.fail_flushes(-1);
	EXPECT_EQ(write(8, 8, 2), DMR_STS_OK);
	EXPECT_EQ(used_of("8:32"), 8u);
	EXPECT_EQ(read(8, 8), pattern(8, 8, 2));
	spare.fail_flushes(0);
	recreate(two());
	EXPECT_EQ(read(8, 8), pattern(8, 8, 2));
}

TEST_F(EnginePool, WhatAStartThatFailsHasLostIsTold)
{
	create(one());
	main.fail(0, 16);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK) << "in the spare's cache";
	// The second spare joins by a checkpoint, whose flush takes the users' data with it.
	ASSERT_EQ(device.load(two()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	spare.fail_flushes(-1);
	ASSERT_NE(device.resume(), 0);
	spare.fail_flushes(0);
	ASSERT_EQ(device.load(two()), 0) << device.reason();
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
	EXPECT_EQ(read(0, 8), pattern(0, 8, 2));
}

// ---- rescue ----

TEST_F(EnginePool, APendingBlockThatComesAfterAllIsSaved)
{
	main.poke(100, pattern(100, 8, 9).data(), 8);
	main.fail(100, 4, { .write = false, .times = 6 });
	create(two());
	EXPECT_EQ(read_status(100, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 1u);
	while (read_status(100, 1) != DMR_STS_OK) {}
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	EXPECT_EQ(snapshot().rescued, 1u);
	EXPECT_EQ(used_of("8:16"), 1u);
	main.fail(100, 4);
	recreate(two());
	EXPECT_EQ(read(100, 1), pattern(100, 1, 9));
}

TEST_F(EnginePool, ABlockReadOnlyAfterRetriesIsRescued)
{
	main.poke(100, pattern(100, 8, 9).data(), 8);
	main.fail(103, 1, { .write = false, .times = 4 });
	create(two());
	EXPECT_EQ(read(100, 8), pattern(100, 8, 9));
	EXPECT_EQ(snapshot().rescued, 1u);
	EXPECT_EQ(snapshot().remapped_sectors, 1u) << "its neighbours stay on main";
	main.fail(103, 1);
	recreate(two());
	EXPECT_EQ(read(100, 8), pattern(100, 8, 9));
}

// The block layer may have sent it in one command with a bad neighbour, and that fails as a whole.
TEST_F(EnginePool, ABlockThatHasFailedOnlyInTheReadersOwnIoStaysOnMain)
{
	main.poke(100, pattern(100, 1, 9).data(), 1);
	main.fail(100, 1, { .write = false, .times = 1 });
	create(two());
	EXPECT_EQ(read(100, 1), pattern(100, 1, 9));
	EXPECT_EQ(snapshot().rescued, 0u);
	EXPECT_EQ(snapshot().remapped_sectors, 0u);
}

TEST_F(EnginePool, ARescueKeepsItsDataWhileItLooksForASpareBlock)
{
	main.poke(103, pattern(103, 1, 9).data(), 1);
	main.fail(103, 1, { .write = false, .times = 2 });
	create(two());
	const uint64_t first = 2048 - free_of("8:16");
	// Asked whether it answers at all, the spare is read in between.
	spare.fail(first, 2, { .read = false, .status = DMR_STS_IOERR });
	EXPECT_EQ(read(103, 1), pattern(103, 1, 9));
	EXPECT_EQ(snapshot().rescued, 1u);
	EXPECT_EQ(read(103, 1), pattern(103, 1, 9));
}

TEST_F(EnginePool, ARescueWithoutRoomCostsTheUserNothing)
{
	spare.fail(0, 0);
	create(one());
	const uint64_t room = free_of("8:16");
	main.fail(1000, 4096);
	for (uint64_t at = 0; at < room; at += 8)
		ASSERT_EQ(write(1000 + at, 8, 1), DMR_STS_OK);
	main.fail(100, 1, { .write = false, .times = 2 });
	EXPECT_EQ(read(100, 1), std::vector<uint8_t>(512));
	EXPECT_EQ(snapshot().rescued, 0u);
}

} // namespace dm_remap::host
