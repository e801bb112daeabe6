// SPDX-License-Identifier: GPL-2.0
// Guard blocks on main: what the device serves meanwhile, and that main gets all back.
#include "engine_guard_fixture.hh"

namespace dm_remap::host {
namespace {

TEST_F(EngineGuard, MainSaysWhatItIsAndTheDeviceServesWhatWasThere)
{
	create(one());
	EXPECT_EQ(guard_line(), "");
	EXPECT_EQ(job({"guard", "0", "8", "100", "3"}),
		  "job kind=guard state=done from=0 end=103 at=103 moved_sectors=11 unreadable_sectors=0 refused_sectors=0");
	EXPECT_EQ(guards_on(main, 0, 8) + guards_on(main, 100, 3), 11u);
	EXPECT_EQ(on(main, 8, 92), pattern(8, 92, 1));
	EXPECT_EQ(on(main, 103, 900), pattern(103, 900, 1));
	EXPECT_TRUE(main.unflushed().empty());
	EXPECT_EQ(read(0, 200), pattern(0, 200, 1));
	EXPECT_EQ(guard_line(), "guard state=complete sectors=11 missing_sectors=0");
	EXPECT_NE(device.message({"list"}).find("extent main=0 sectors=8 kind=mapped spare=0 spare_sector="), std::string::npos);
	EXPECT_NE(device.message({"list"}).find(" guarded=1\n"), std::string::npos);
	const std::vector<uint8_t> first = on(main, 0, 1);
	EXPECT_NE(std::string(first.begin(), first.end()).find("This disk is a part of the dm-remap device 'dm-test': use that"),
		  std::string::npos);
	ASSERT_EQ(write(4, 100, 2), DMR_STS_OK);
	recreate(one());
	EXPECT_EQ(read(4, 100), pattern(4, 100, 2));
	EXPECT_EQ(read(0, 4), pattern(0, 4, 1));
	EXPECT_EQ(guards_on(main, 0, 8) + guards_on(main, 100, 3), 11u);
	EXPECT_EQ(guard_line(), "guard state=complete sectors=11 missing_sectors=0");
	EXPECT_TRUE(world.logged("main is the one that was guarded: 11 blocks"));
	EXPECT_EQ(job({"guard", "0", "8"}),
		  "job kind=guard state=done from=0 end=8 at=8 moved_sectors=8 unreadable_sectors=0 refused_sectors=0");
	EXPECT_EQ(snapshot().spare_sectors_used, 11u) << "nothing is moved twice";
}

TEST_F(EngineGuard, UnguardGivesBackBitForBit)
{
	create(one());
	guard({"0", "300", "700", "1"});
	ASSERT_EQ(write(10, 20, 2), DMR_STS_OK);
	EXPECT_EQ(job({"unguard"}),
		  "job kind=unguard state=done from=0 end=65536 at=65536 moved_sectors=301 unreadable_sectors=0 refused_sectors=0");
	EXPECT_EQ(on(main, 0, 10), pattern(0, 10, 1));
	EXPECT_EQ(on(main, 10, 20), pattern(10, 20, 2));
	EXPECT_EQ(on(main, 30, 994), pattern(30, 994, 1));
	EXPECT_TRUE(main.unflushed().empty());
	EXPECT_EQ(guard_line(), "");
	EXPECT_EQ(snapshot().spare_sectors_used, 0u);
	ASSERT_EQ(write(5, 1, 3), DMR_STS_OK);
	recreate(one());
	EXPECT_EQ(read(5, 1), pattern(5, 1, 3));
}

TEST_F(EngineGuard, WhatLivesOnASpareIsMarkedWhereItIs)
{
	create(one());
	main.fail(20, 10);
	ASSERT_EQ(write(20, 10, 2), DMR_STS_OK);
	main.heal_all();
	guard({"16", "8"});
	EXPECT_EQ(snapshot().spare_sectors_used, 14u) << "four blocks were moved, four only marked";
	EXPECT_EQ(guards_on(main, 16, 8), 8u);
	EXPECT_EQ(guard_line(), "guard state=complete sectors=8 missing_sectors=0");
	ASSERT_EQ(write(22, 1, 3), DMR_STS_OK);
	recreate(one());
	EXPECT_EQ(snapshot().spare_sectors_used, 14u);
	EXPECT_EQ(read(16, 4), pattern(16, 4, 1));
	EXPECT_EQ(read(20, 2), pattern(20, 2, 2));
	EXPECT_EQ(read(22, 1), pattern(22, 1, 3));
	EXPECT_EQ(read(23, 7), pattern(23, 7, 2));
	// What is remapped and not guarded stays so.
	unguard();
	EXPECT_EQ(snapshot().spare_sectors_used, 6u);
	EXPECT_EQ(on(main, 22, 1), pattern(22, 1, 3));
	recreate(one());
	EXPECT_EQ(read(16, 4), pattern(16, 4, 1));
	EXPECT_EQ(read(23, 7), pattern(23, 7, 2));
}

// A spare block that is known to be bad goes on serving where there is no other.
TEST_F(EngineGuard, ABlockOnABadSpareBlockIsMarkedToo)
{
	create(one());
	main.fail(20, 4);
	ASSERT_EQ(write(20, 4, 2), DMR_STS_OK);
	// Whatever is free.
	main.fail(10000, 4000, Fault::unwritable());
	for (uint64_t at = 10000; write(at, 1, 1) == DMR_STS_OK;)
		at++;
	main.heal(20, 4);
	const std::string list = device.message({"list"});
	const uint64_t place = std::stoull(list.substr(list.find("spare_sector=") + 13));
	spare.fail(place + 1, 1, Fault::unwritable());
	EXPECT_NE(write(21, 1, 3), DMR_STS_OK);
	EXPECT_EQ(snapshot().spare_sectors_bad, 1u);
	guard({"20", "4"});
	EXPECT_EQ(guards_on(main, 20, 4), 4u);
	recreate(one());
	EXPECT_EQ(read(20, 4), pattern(20, 4, 2));
	unguard();
	EXPECT_EQ(on(main, 20, 4), pattern(20, 4, 2));
}

TEST_F(EngineGuard, WhatASpareBlockRefusesMovesOnAndStaysGuarded)
{
	create(two());
	guard({"0", "8"});
	spare.fail(0, 2048, Fault::unwritable());
	ASSERT_EQ(write(2, 3, 2), DMR_STS_OK);
	spare.heal_all();
	EXPECT_EQ(guard_line(), "guard state=complete sectors=8 missing_sectors=0");
	recreate(two());
	EXPECT_EQ(guard_line(), "guard state=complete sectors=8 missing_sectors=0");
	EXPECT_EQ(read(2, 3), pattern(2, 3, 2));
	EXPECT_EQ(read(5, 3), pattern(5, 3, 1));
	unguard();
	EXPECT_EQ(on(main, 2, 3), pattern(2, 3, 2));
}

TEST_F(EngineGuard, ItMovesWithItsSpareAndStaysGuarded)
{
	create(two());
	guard({"0", "300"});
	ASSERT_EQ(device.remove_spare(spare, 0), 1) << device.reason();
	run_job();
	ASSERT_EQ(state("8:16"), "");
	EXPECT_EQ(guard_line(), "guard state=complete sectors=300 missing_sectors=0");
	EXPECT_EQ(read(0, 300), pattern(0, 300, 1));
	TableOptions t = one();
	t.members = { { &second, 0, second.options().sectors } };
	t.max_extents = 0;
	recreate(t);
	EXPECT_EQ(guard_line(), "guard state=complete sectors=300 missing_sectors=0");
	EXPECT_EQ(read(0, 300), pattern(0, 300, 1));
	unguard();
	EXPECT_EQ(on(main, 0, 1024), pattern(0, 1024, 1));
}

TEST_F(EngineGuard, ACheckpointKeepsTheMark)
{
	create(one());
	guard({"0", "4"});
	// The half of the log is full after so many commits.
	while (snapshot().checkpoints < 3) {
		job({"remap", "500"});
		job({"unremap", "500"});
	}
	EXPECT_EQ(guard_line(), "guard state=complete sectors=4 missing_sectors=0");
	recreate(one());
	EXPECT_EQ(guard_line(), "guard state=complete sectors=4 missing_sectors=0");
	EXPECT_EQ(read(0, 4), pattern(0, 4, 1));
}

// Main's answer would be its guard.
TEST_F(EngineGuard, WhatLivedOnAForgottenSpareIsLostAndNeverAGuard)
{
	create(two());
	guard({"0", "8"});
	recreate(degraded(second, true));
	EXPECT_EQ(read_status(0, 1), DMR_STS_MEDIUM);
	ASSERT_EQ(write(7, 1, 2), DMR_STS_OK);
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_EQ(snapshot().lost_sectors, 7u);
	EXPECT_EQ(read_status(0, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(guard_line(), "guard state=complete sectors=1 missing_sectors=0") << "of what is lost main is only known to be no copy";
	EXPECT_EQ(refused({"guard", "0", "8"}), -EINVAL);
	EXPECT_NE(device.reason().find("sector 0 cannot be guarded, as nobody has its data (it is lost)"), std::string::npos) << device.reason();
	ASSERT_EQ(write(1, 2, 2), DMR_STS_OK);
	EXPECT_EQ(read(1, 2), pattern(1, 2, 2));
	TableOptions t = degraded(second, false);
	t.degraded = false;
	recreate(t);
	EXPECT_EQ(read_status(0, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(read(1, 2), pattern(1, 2, 2));
	EXPECT_EQ(read(7, 1), pattern(7, 1, 2));
	guard({"1", "2"});
	unguard();
	EXPECT_EQ(on(main, 1, 2), pattern(1, 2, 2));
}

TEST_F(EngineGuard, WithoutAFreeBlockMainTakesWhatWasLost)
{
	create(two());
	guard({"0", "2"});
	main.fail(1000, 8000, Fault::unwritable());
	recreate(degraded(second, true));
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	for (uint64_t at = 1000; write(at, 1, 1) == DMR_STS_OK;)
		at++;
	ASSERT_EQ(write(0, 1, 2), DMR_STS_OK);
	EXPECT_EQ(on(main, 0, 1), pattern(0, 1, 2));
	EXPECT_EQ(guards_on(main, 1, 1), 1u);
	EXPECT_EQ(read(0, 1), pattern(0, 1, 2));
	EXPECT_EQ(read_status(1, 1), DMR_STS_MEDIUM);
}

TEST_F(EngineGuard, WhatCannotBeReadIsNotGuarded)
{
	create(one());
	main.fail(3, 1, Fault::unreadable());
	EXPECT_EQ(job({"guard", "0", "8"}),
		  "job kind=guard state=done from=0 end=8 at=8 moved_sectors=7 unreadable_sectors=1 refused_sectors=0");
	EXPECT_EQ(snapshot().pending_sectors, 1u);
	EXPECT_EQ(guard_line(), "guard state=complete sectors=7 missing_sectors=0");
	EXPECT_EQ(on(main, 3, 1), pattern(3, 1, 1)) << "the only copy";
	EXPECT_EQ(refused({"guard", "0", "8"}), -EINVAL);
	EXPECT_NE(device.reason().find("sector 3 cannot be guarded, as nobody has its data (it is pending)"), std::string::npos) << device.reason();
	main.heal_all();
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
	guard({"0", "8"});
	EXPECT_EQ(guards_on(main, 0, 8), 8u);
}

TEST_F(EngineGuard, WhereMainTakesNoGuardItIsSaid)
{
	create(one());
	main.fail(5, 1, Fault::unwritable());
	EXPECT_EQ(job({"guard", "0", "8"}),
		  "job kind=guard state=done from=0 end=8 at=8 moved_sectors=7 unreadable_sectors=0 refused_sectors=1");
	EXPECT_EQ(guard_line(), "guard state=incomplete sectors=8 missing_sectors=1");
	EXPECT_TRUE(world.logged("main does not take a guard at sector 5, 1 sectors long"));
	main.heal_all();
	recreate(one());
	EXPECT_EQ(guard_line(), "guard state=incomplete sectors=8 missing_sectors=1");
	EXPECT_TRUE(world.logged("1 guarded blocks of 512 bytes do not hold their guard on main"));
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
	guard({"5", "1"});
	EXPECT_EQ(guard_line(), "guard state=complete sectors=8 missing_sectors=0");
}

TEST_F(EngineGuard, WhatMainDoesNotTakeBackStaysGuarded)
{
	create(one());
	guard({"0", "16"});
	main.fail(4, 1, Fault::unwritable());
	main.fail(9, 1, Fault::unreadable());
	EXPECT_EQ(job({"unguard"}),
		  "job kind=unguard state=done from=0 end=65536 at=65536 moved_sectors=14 unreadable_sectors=0 refused_sectors=2");
	EXPECT_TRUE(world.logged("1 sectors from sector 4 on stay guarded: main does not take their data"));
	EXPECT_TRUE(world.logged("2 blocks are guarded still"));
	EXPECT_EQ(guard_line().find("guard state=incomplete sectors=2"), 0u) << guard_line();
	EXPECT_EQ(read(0, 16), pattern(0, 16, 1));
	main.heal_all();
	recreate(one());
	EXPECT_EQ(read(0, 16), pattern(0, 16, 1));
	unguard();
	EXPECT_EQ(on(main, 0, 16), pattern(0, 16, 1));
}

TEST_F(EngineGuard, UnremapLeavesItWhereItIs)
{
	create(one());
	guard({"0", "4"});
	EXPECT_EQ(refused({"unremap", "0", "100"}), -EBUSY);
	EXPECT_EQ(device.reason(), "4 sectors of these are guarded, the first is 0: 'unguard' gives those back");
	job({"remap", "50", "2"});
	EXPECT_EQ(job({"unremap", "0", "100"}).find("job kind=unremap state=done from=0 end=100 at=100 moved_sectors=2"), 0u) << told();
	EXPECT_EQ(guards_on(main, 0, 4), 4u);
	EXPECT_EQ(guard_line(), "guard state=complete sectors=4 missing_sectors=0");
	EXPECT_EQ(read(0, 100), pattern(0, 100, 1));
	job({"remap", "0", "8"});
	EXPECT_EQ(guard_line(), "guard state=complete sectors=4 missing_sectors=0");
}

TEST_F(EngineGuard, AMarkThatCannotBeWrittenLeavesTheBlockWhereItWas)
{
	create(one());
	main.fail(20, 4);
	ASSERT_EQ(write(20, 4, 2), DMR_STS_OK);
	main.heal_all();
	guard({"30", "1"});	// the set's features are there
	const std::vector<uint8_t> before = on(main, 20, 4);
	spare.set_read_only(true);
	EXPECT_EQ(job({"guard", "20", "4"}).find("job kind=guard state=failed"), 0u) << told();
	EXPECT_EQ(mode(), "metadata_failed");
	EXPECT_EQ(read(20, 4), pattern(20, 4, 2)) << "marked or not, it lives there";
	EXPECT_EQ(on(main, 20, 4), before) << "no guard before its record";
	spare.set_read_only(false);
	recreate(one());
	EXPECT_EQ(read(20, 4), pattern(20, 4, 2));
}

TEST_F(EngineGuard, DiscardAndZeroesDoNotReachMain)
{
	UserIo io;

	create(one());
	guard({"0", "8"});
	io.op = DMR_OP_WRITE_ZEROES;
	io.sectors = 4;
	ASSERT_EQ(device.perform(io), DMR_STS_OK);
	io = UserIo();
	io.op = DMR_OP_DISCARD;
	io.sectors = 8;
	device.perform(io);
	EXPECT_EQ(guards_on(main, 0, 8), 8u);
	EXPECT_EQ(read(0, 4), std::vector<uint8_t>(4 * 512));
}

class EngineGuardLarge : public EngineTest {
protected:
	EngineGuardLarge()
		: EngineTest({ .name = "8:0", .sectors = 40960, .logical_block_bytes = 4096, .physical_block_bytes = 4096 })
	{
	}
};

TEST_F(EngineGuardLarge, BlocksOf4096Bytes)
{
	main.poke(0, pattern(0, 64, 1).data(), 64);
	create();
	EXPECT_EQ(job({"guard", "3", "1", "16", "16"}),
		  "job kind=guard state=done from=0 end=32 at=32 moved_sectors=24 unreadable_sectors=0 refused_sectors=0");
	const GuardStamp stamp = GuardStamp::of(*dmr_engine_setup(device.active()->engine()), "");
	const std::vector<uint8_t> data = on(main, 0, 32);
	for (uint64_t s = 0; s < 32; s++)
		EXPECT_EQ(look_at_guard(stamp, &data[s * 512], s), s < 8 || s >= 16 ? GuardSight::ours : GuardSight::none) << s;
	EXPECT_EQ(read(0, 64), pattern(0, 64, 1));
	recreate();
	EXPECT_EQ(read(0, 64), pattern(0, 64, 1));
	job({"unguard"});
	EXPECT_EQ(on(main, 0, 64), pattern(0, 64, 1));
}

} // namespace
} // namespace dm_remap::host
