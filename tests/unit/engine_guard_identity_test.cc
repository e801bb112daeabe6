// SPDX-License-Identifier: GPL-2.0
// When a guard is refused before anything changes, and what the guard on a disk says of whose main it is.
#include "engine_guard_fixture.hh"

#include <dm_remap/metadata.h>

namespace dm_remap::host {
namespace {

class EngineGuardIdentity : public EngineGuard {
protected:
	// Nothing on any disk changes by it.
	void expect_refused(const std::vector<std::string> &words, int err, const std::string &part)
	{
		const uint64_t writes = main.counts().writes + spare.counts().writes + second.counts().writes;

		EXPECT_EQ(refused(words), err) << device.reason();
		EXPECT_NE(device.reason().find(part), std::string::npos) << device.reason();
		EXPECT_EQ(main.counts().writes + spare.counts().writes + second.counts().writes, writes);
	}
	void expect_no_device(const TableOptions &t, const std::string &part)
	{
		EXPECT_EQ(device.create(t), -EINVAL);
		EXPECT_NE(device.reason().find(part), std::string::npos) << device.reason();
	}
	TableOptions over(SimDisk &other)
	{
		TableOptions t = one();

		t.main = &other;
		return t;
	}
};

TEST_F(EngineGuardIdentity, RefusedBeforeAnythingChanges)
{
	create(two());
	expect_refused({"guard"}, -EINVAL, "names no sector");
	expect_refused({"guard", "0", "8", "65535", "2"}, -EINVAL, "sector 65536 is beyond the device, which has 65536");
	expect_refused({"guard", "0", "8192"}, -ENOSPC, "8192 blocks are to move to the spares, which have room for");
	ASSERT_EQ(device.suspend(), 0);
	expect_refused({"guard", "0", "8"}, -EBUSY, "the device is suspended");
	expect_refused({"unguard"}, -EBUSY, "the device is suspended");
	ASSERT_EQ(device.resume(), 0) << device.reason();
	main.set_slow(1'000'000'000);
	ASSERT_EQ(refused({"remap", "0", "1000"}), 0);
	EXPECT_EQ(refused({"guard", "0", "8"}), -EBUSY);
	EXPECT_NE(device.reason().find("the job of remap is under way"), std::string::npos) << device.reason();
	ASSERT_EQ(refused({"stop_job"}), 0);
	main.set_slow(0);
	TableOptions t = two();
	t.read_only = true;
	recreate(t);
	expect_refused({"guard", "0", "8"}, -EROFS, "the table is read-only");
	expect_refused({"unguard"}, -EROFS, "the table is read-only");
	recreate(degraded(second, true));
	expect_refused({"guard", "0", "8"}, -EBUSY, "a spare of the set is missing or was dropped");
	EXPECT_EQ(dmr_engine_setup(device.active()->engine())->features & DMR_FEATURE_GUARD, 0u);
}

TEST_F(EngineGuardIdentity, TheMapHasRoomForIt)
{
	std::vector<std::string> words = {"guard"};

	create(one());
	for (uint64_t at = 0; words.size() < 65; at += 10)
		words.insert(words.end(), {std::to_string(at), "1"});
	main.fail(2000, 4000, Fault::unwritable());
	for (uint64_t at = 2000; snapshot().max_extents - snapshot().extents > 60; at += 2)
		ASSERT_EQ(write(at, 1, 1), DMR_STS_OK);
	expect_refused(words, -ENOSPC, "the map has room for 60 more entries, which may be too few");
	words.insert(words.end(), {"900", "1"});
	expect_refused(words, -EINVAL, "sector '900': too many; name 32 ranges at most");
}

TEST_F(EngineGuardIdentity, TheUuidStaysAndOlderModulesRefuseTheSet)
{
	create(one());
	guard({"0", "1"});
	const dmr_setup setup = *dmr_engine_setup(device.active()->engine());
	EXPECT_EQ(setup.features, uint64_t{DMR_FEATURE_GUARD});
	const std::string line = line_of_status("guard");
	unguard();
	guard({"8", "1"});
	EXPECT_EQ(line_of_status("guard"), line) << "with the UUID";
	recreate(one());
	EXPECT_EQ(line_of_status("guard"), line);
}

TEST_F(EngineGuardIdentity, AMainThatShowsTheGuardOfAnotherIsRefused)
{
	SimDisk other(world, { .name = "8:64", .sectors = 65536 });
	MappedDevice device_of_other("other");
	TableOptions t = table();

	// Both are disks of which nothing tells who they are.
	t.main = &other;
	t.members = { { &third, 0, third.options().sectors } };
	ASSERT_EQ(device_of_other.create(t), 0);
	int err = 0;
	device_of_other.message({"guard", "0", "8"}, &err);
	ASSERT_EQ(err, 0);
	ASSERT_EQ(world.run_until([&] { return device_of_other.active()->instance().events[DMR_EVENT_JOB_ENDED] > 0; }), Stop::Done);
	ASSERT_EQ(device_of_other.remove(), 0);

	create(one());
	guard({"0", "8", "100", "1"});
	ASSERT_EQ(device.remove(), 0);
	expect_no_device(over(other), "main 8:64 is guarded, sector 0 says, but not by this set");
	TableOptions new_main = over(other);
	new_main.new_main = true;
	expect_no_device(new_main, "main 8:64 is guarded, sector 0 says, but not by this set");
	create(one());
	EXPECT_EQ(guard_line(), "guard state=complete sectors=9 missing_sectors=0");
}

TEST_F(EngineGuardIdentity, AMainThatBeginsElsewhereIsRefused)
{
	create(one());
	guard({"0", "32"});
	ASSERT_EQ(device.remove(), 0);
	SimDisk shifted(world, { .name = "8:65", .sectors = 65536 });
	shifted.poke(8, on(main, 0, 2048).data(), 2048);
	expect_no_device(over(shifted), "it does not begin where the main of this set does");
}

TEST_F(EngineGuardIdentity, ACopyHasTheGuardAndStaysACopy)
{
	create(one());
	guard({"0", "32"});
	ASSERT_EQ(write(2, 1, 2), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	SimDisk copy(world, { .name = "8:66", .sectors = 65536 });
	copy.poke(0, on(main, 0, 2048).data(), 2048);
	create(over(copy));
	EXPECT_EQ(guard_line(), "guard state=complete sectors=32 missing_sectors=0");
	EXPECT_EQ(read(2, 1), pattern(2, 1, 2));
	unguard();
	EXPECT_EQ(on(copy, 2, 1), pattern(2, 1, 2));
	EXPECT_EQ(on(copy, 3, 1000), pattern(3, 1000, 1));
}

TEST_F(EngineGuardIdentity, WhoWroteOverMainIsToldOfAndDidNoHarm)
{
	create(one());
	guard({"0", "32"});
	ASSERT_EQ(device.remove(), 0);
	main.poke(0, pattern(0, 16, 9).data(), 16);
	create(one());
	EXPECT_EQ(guard_line(), "guard state=incomplete sectors=32 missing_sectors=16");
	EXPECT_TRUE(world.logged("16 guarded blocks of 512 bytes do not hold their guard on main"));
	EXPECT_EQ(read(0, 1024), pattern(0, 1024, 1));
	guard({"0", "32"});
	EXPECT_EQ(guard_line(), "guard state=complete sectors=32 missing_sectors=0");
	EXPECT_EQ(read(0, 1024), pattern(0, 1024, 1));
}

TEST_F(EngineGuardIdentity, AMainThatCannotBeReadIsNotRefused)
{
	create(one());
	guard({"0", "32"});
	ASSERT_EQ(device.remove(), 0);
	main.fail(0, 32, Fault::unreadable());
	create(one());
	EXPECT_EQ(guard_line(), "guard state=unknown sectors=32 missing_sectors=0");
	EXPECT_EQ(read(0, 32), pattern(0, 32, 1));
}

// What main holds would be taken for data, and kept as such.
TEST_F(EngineGuardIdentity, TheGuardOfAnotherSetIsNotData)
{
	create(one());
	guard({"0", "8"});
	ASSERT_EQ(device.remove(), 0);
	TableOptions t = one();
	t.members = { { &second, 0, second.options().sectors } };
	create(t);
	const std::vector<uint8_t> before = on(main, 0, 8);
	EXPECT_EQ(job({"guard", "0", "8"}).find("job kind=guard state=failed"), 0u) << told();
	EXPECT_TRUE(world.logged("guard ends at sector 0: main holds guard blocks there that this set does not know"));
	EXPECT_EQ(on(main, 0, 8), before);
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
}

TEST_F(EngineGuardIdentity, BesideALiveTableItIsLookedAtWhenThatHasGone)
{
	create(one());
	guard({"0", "32"});
	ASSERT_EQ(device.load(one()), 0) << device.reason();
	main.poke(0, pattern(0, 1, 9).data(), 1);
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(guard_line(), "guard state=incomplete sectors=32 missing_sectors=1");
	EXPECT_EQ(read(0, 32), pattern(0, 32, 1));
}

TEST_F(EngineGuardIdentity, AStoppedJobIsToldOfAsUnknown)
{
	create(two());
	main.set_slow(1'000'000'000);
	ASSERT_EQ(refused({"guard", "0", "1000"}), 0);
	ASSERT_EQ(world.run_until([&] { return guard_line() != ""; }), Stop::Done);
	EXPECT_EQ(guard_line().find("guard state=unknown"), 0u) << guard_line();
	ASSERT_EQ(refused({"stop_job"}), 0);
	EXPECT_EQ(told().find("job kind=guard state=stopped"), 0u) << told();
	main.set_slow(0);
	EXPECT_EQ(read(0, 1024), pattern(0, 1024, 1));
	guard({"0", "1000"});
	EXPECT_EQ(guard_line(), "guard state=complete sectors=1000 missing_sectors=0");
	unguard();
	EXPECT_EQ(on(main, 0, 1024), pattern(0, 1024, 1));
}

} // namespace
} // namespace dm_remap::host
