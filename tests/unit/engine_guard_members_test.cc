// SPDX-License-Identifier: GPL-2.0
// Guarding, and spares that come, fail and go while it is under way.
#include "engine_guard_fixture.hh"

namespace dm_remap::host {
namespace {

class EngineGuardMembers : public EngineGuard {
protected:
	bool ended() { return events(DMR_EVENT_JOB_ENDED) > 0; }
	int send(const std::vector<std::string> &words)
	{
		int err = 0;

		device.message(words, &err);
		return err;
	}
};

// Who starts with that spare alone is given what main holds.
TEST_F(EngineGuardMembers, ASpareThatDoesNotTakeTheRecordKeepsMainAsItIs)
{
	create(two());
	ASSERT_EQ(send({"guard", "0", "8"}), 0) << device.reason();
	second.set_read_only(true); // from the job's own record on
	ASSERT_EQ(world.run_until([&] { return ended(); }), Stop::Done);
	EXPECT_EQ(state("8:32"), "dropped");
	EXPECT_NE(told().find("state=failed"), std::string::npos) << told();
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
	EXPECT_EQ(on(main, 0, 8), pattern(0, 8, 1)) << "the dropped spare does not know of the guard";
	second.set_read_only(false);
	recreate(degraded(second, true));
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
}

// What a spare held that is given up is lost: a mark that was on its way meanwhile says nothing of it any more.
TEST_F(EngineGuardMembers, AMarkDoesNotBringBackWhatWasGivenUp)
{
	constexpr uint32_t sectors = 1024;
	create(two());
	main.fail(0, sectors);
	for (uint32_t i = 0; i < sectors; i += 64)
		ASSERT_EQ(write(i, 64, 2), DMR_STS_OK);
	main.heal_all();
	ASSERT_EQ(used_of("8:16"), sectors);
	ASSERT_EQ(send({"guard", "0", std::to_string(sectors)}), 0) << device.reason();
	ASSERT_EQ(world.run_until([&] { return told().find(" moved_sectors=0 ") == std::string::npos; }), Stop::Done);
	ASSERT_FALSE(ended());
	spare.set_read_only(true);
	int err = -EAGAIN;
	ASSERT_EQ(world.run_fiber("administrator", [&] { err = device.forget_spare(0, true); }), Stop::Done);
	ASSERT_TRUE(err == 0 || device.forget_spare(0, true) == 0) << device.reason();
	ASSERT_EQ(world.run_until([&] { return ended(); }), Stop::Done);
	EXPECT_EQ(snapshot().lost_sectors, sectors);
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM);
	ASSERT_EQ(device.remove(), 0);
	TableOptions t = one();
	t.members = {{&second, 0, 2048}};
	t.max_extents = 0;
	create(t);
	EXPECT_EQ(snapshot().lost_sectors, sectors);
}

// A weak spare block of a guarded one: the mark moves with it.
TEST_F(EngineGuardMembers, AScrubMovesWhatIsGuardedWithItsMark)
{
	create(one());
	guard({"0", "8"});
	uint64_t place = 0;
	while (on(spare, place, 1) != pattern(3, 1, 1))
		ASSERT_LT(++place, 2048u);
	spare.fail(place, 1, {.write = false, .times = 2});
	ASSERT_EQ(send({"scrub", "start"}), 0);
	ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_SCRUB_ENDED) > 0; }), Stop::Done);
	EXPECT_EQ(snapshot().moved, 1u);
	spare.fail(place, 1);
	recreate(one());
	EXPECT_EQ(guard_line(), "guard state=complete sectors=8 missing_sectors=0");
	EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
	unguard();
	EXPECT_EQ(on(main, 0, 8), pattern(0, 8, 1));
}

} // namespace
} // namespace dm_remap::host
