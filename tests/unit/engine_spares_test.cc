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
