// SPDX-License-Identifier: GPL-2.0
// The patrol: what messages ask for, how far it has come, and whom it lets go first.
#include "engine_patrol_fixture.hh"

namespace dm_remap::host {
namespace {

TEST_F(EnginePatrol, GoesOnAfterAPowerCutFromWhatWasRecorded)
{
	create(one());
	main.fail(20000, 1, Fault::unreadable());
	begin();
	at_least(30000);
	ASSERT_EQ(device.suspend(), 0);
	const uint64_t at = number("at");
	EXPECT_EQ(field("state"), "running");
	ASSERT_EQ(device.resume(), 0);
	ASSERT_EQ(world.run_until([&] { return number("at") > at; }), Stop::Done);
	world.lose_caches();
	const uint64_t before = main.activity();
	MappedDevice again{ "dm-test" };
	ASSERT_EQ(again.create(one()), 0) << again.reason();
	ASSERT_EQ(world.run_until([&] { return again.message({ "scrub", "status" }).find("state=none") != std::string::npos; }), Stop::Done);
	EXPECT_EQ(again.message({ "scrub", "status" }).find("last_complete=0"), std::string::npos);
	EXPECT_GE(main.activity() - before, 65536u - at) << "all that was not recorded";
	EXPECT_LT(main.activity() - before, 65536u) << "and not what was";
	ASSERT_EQ(again.remove(), 0);
}

TEST_F(EnginePatrol, IsNeverAheadOfWhatWasRead)
{
	uint64_t cuts = 0;

	for (uint64_t k = 1;; k++) {
		World w(k);
		SimDisk m(w, { .name = "8:0", .sectors = 65536 }), s(w, { .name = "8:16", .sectors = 2048 });
		TableOptions t;
		t.main = &m;
		t.members = { { &s, 0, 2048 } };
		t.max_extents = 128;
		{
			MappedDevice d{ "dm-test" };
			ASSERT_EQ(d.create(t), 0);
			m.fail(700 + k * 1024 % 60000, 1, Fault::unreadable());
			d.message({ "scrub", "start" });
			w.cut_after(k);
			// A suspend writes the position.
			const Stop stop = w.run_fiber("administrator", [&] {
				while (d.message({ "scrub", "status" }).find("state=none") == std::string::npos) {
					w.scheduler().sleep(4'000'000);
					d.suspend();
					d.resume();
				}
			});
			if (stop != Stop::PowerCut)
				break;
		}
		cuts++;
		w.lose_caches();
		MappedDevice d{ "dm-test" };
		ASSERT_EQ(d.create(t), 0) << d.reason();
		// One that was stopped before it was recorded begins anew.
		if (d.message({ "scrub", "status" }).find("state=none") != std::string::npos &&
		    d.message({ "scrub", "status" }).find("last_complete=0") != std::string::npos)
			d.message({ "scrub", "start" });
		ASSERT_EQ(w.run_until([&] { return d.message({ "scrub", "status" }).find("state=none") != std::string::npos; }), Stop::Done);
		dmr_snapshot snap;
		dmr_engine_snapshot(d.active()->engine(), &snap);
		ASSERT_EQ(snap.pending_sectors, 1u) << "cut " << k;
		ASSERT_EQ(d.remove(), 0);
	}
	EXPECT_GE(cuts, 15u);
}

TEST_F(EnginePatrol, IsPausedResumedAndStopped)
{
	create(one());
	begin();
	at_least(10000);
	ASSERT_EQ(say({ "scrub", "pause" }), 0);
	EXPECT_EQ(field("state"), "paused");
	world.run();
	const uint64_t at = number("at"), read = main.activity();
	EXPECT_LT(at, 65536u);
	ASSERT_EQ(say({ "scrub", "start" }), -EBUSY);
	EXPECT_NE(device.reason().find("under way, or paused"), std::string::npos);
	recreate(one());
	world.run();
	EXPECT_EQ(field("state"), "paused") << "a pause outlasts a restart";
	EXPECT_EQ(number("at"), at);
	EXPECT_EQ(main.activity(), read);
	device.active()->instance().events[DMR_EVENT_SCRUB_ENDED] = 0;
	ASSERT_EQ(say({ "scrub", "resume" }), 0);
	EXPECT_EQ(say({ "scrub", "resume" }), -ENOENT);
	wait_for_end();
	EXPECT_EQ(number("read_sectors"), 65536u - at);
	begin();
	at_least(10000);
	ASSERT_EQ(say({ "scrub", "stop" }), 0);
	EXPECT_EQ(events(DMR_EVENT_SCRUB_ENDED), 1u);
	EXPECT_EQ(field("state"), "none");
	EXPECT_EQ(number("at"), 0u);
	for (const char *word : { "stop", "pause", "resume" })
		EXPECT_EQ(say({ "scrub", word }), -ENOENT) << word;
	world.run();
	recreate(one());
	EXPECT_EQ(field("state"), "none");
}

TEST_F(EnginePatrol, AStopIsNotOvertakenByTheReadUnderWay)
{
	create(one());
	begin();
	at_least(10000);
	ASSERT_EQ(say({ "scrub", "stop" }), 0);
	begin();
	EXPECT_EQ(number("at"), 0u);
	const uint64_t before = main.activity();
	wait_for_end();
	EXPECT_GE(main.activity() - before, 65536u);
}

TEST_F(EnginePatrol, IsRefusedWhereNothingMayBeWritten)
{
	create(one());
	ASSERT_EQ(device.suspend(), 0);
	EXPECT_EQ(say({ "scrub", "start" }), -EBUSY);
	EXPECT_EQ(field("state"), "none");
	ASSERT_EQ(device.resume(), 0);
	begin();
	at_least(5000);
	ASSERT_EQ(device.suspend(), 0);
	TableOptions t = one();
	t.read_only = true;
	ASSERT_EQ(device.remove(), 0);
	create(t);
	world.run();
	const uint64_t at = number("at");
	EXPECT_GT(at, 0u) << "a read-only table tells how far it is";
	EXPECT_EQ(say({ "scrub", "stop" }), -EROFS);
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	world.run();
	EXPECT_EQ(number("at"), at) << "and does not go on";
}

TEST_F(EnginePatrol, WhatASuspendInterruptsIsReadAgain)
{
	create(one());
	main.fail(20000, 1, Fault::unreadable());
	begin();
	ASSERT_EQ(world.run_until([&] { return main.counts().errors > 0; }), Stop::Done);
	ASSERT_EQ(device.suspend(), 0);
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	EXPECT_LE(number("at"), 20000u);
	ASSERT_EQ(device.resume(), 0);
	wait_for_end();
	EXPECT_EQ(snapshot().pending_sectors, 1u);
}

TEST_F(EnginePatrol, KeepsToItsRate)
{
	create(one());
	ASSERT_EQ(say({ "scrub", "rate", "8192" }), 0);
	const uint64_t begun = world.now();
	whole_pass();
	EXPECT_GE(world.now() - begun, 7'500'000'000u) << "65536 sectors at 8192 a second, the first ones at once";
	EXPECT_LT(world.now() - begun, 9'000'000'000u);
	recreate(one());
	EXPECT_EQ(number("rate"), 8192u);
	ASSERT_EQ(say({ "scrub", "rate", "0" }), 0);
	const uint64_t again = world.now();
	whole_pass();
	EXPECT_LT(world.now() - again, 1'000'000'000u);
}

TEST_F(EnginePatrol, OthersGoFirst)
{
	create(one());
	main.set_slow(5'000'000);
	bool busy = true;
	world.spawn("user", [&] {
		std::vector<uint8_t> data(8 * 512);

		for (uint64_t i = 0; busy; i++)
			device.read(i * 8 % 60000, data.data(), 8);
	});
	const uint64_t begun = world.now();
	begin();
	ASSERT_EQ(world.run_until([&] { return world.now() - begun > 3'000'000'000; }), Stop::Done);
	EXPECT_GT(number("read_sectors"), 0u);
	EXPECT_LT(number("read_sectors"), 32768u);
	busy = false;
	const uint64_t quiet = world.now();
	wait_for_end();
	EXPECT_LT(world.now() - quiet, 700'000'000u) << "it does not rest where it is in nobody's way";
}

TEST_F(EnginePatrol, ADiskIsReadByOneAtATime)
{
	SimDisk first(world, { .name = "8:1", .identity = "partuuid:1", .disk = "wwid:5", .sectors = 65536 });
	SimDisk other(world, { .name = "8:2", .identity = "partuuid:2", .disk = "wwid:5", .sectors = 65536 });
	SimDisk third(world, { .name = "8:32", .sectors = 2048 }), fourth(world, { .name = "8:48", .sectors = 2048 });
	MappedDevice a{ "dm-a" }, b{ "dm-b" };
	TableOptions t = one();
	t.main = &first;
	t.members = { { &third, 0, 2048 } };
	ASSERT_EQ(a.create(t), 0) << a.reason();
	t.main = &other;
	t.members = { { &fourth, 0, 2048 } };
	ASSERT_EQ(b.create(t), 0) << b.reason();
	auto state = [](MappedDevice &d) {
		const std::string s = d.message({ "scrub", "status" });

		return s.substr(12, s.find(' ', 12) - 12);
	};
	a.message({ "scrub", "start" });
	world.run_until([&] { return first.counts().reads > 20; });
	const uint64_t before = other.counts().reads;
	b.message({ "scrub", "start" });
	world.run_until([&] { return state(a) == "none" || state(b) == "waiting"; });
	EXPECT_EQ(state(b), "waiting");
	EXPECT_EQ(other.counts().reads, before);
	world.run_until([&] { return state(a) == "none"; });
	EXPECT_EQ(other.counts().reads, before);
	world.run_until([&] { return state(b) == "none"; });
	EXPECT_GT(other.counts().reads, before);
	ASSERT_EQ(a.remove(), 0);
	ASSERT_EQ(b.remove(), 0);
}

TEST_F(EnginePatrol, OfAnotherMainItKnowsNothing)
{
	create(one());
	ASSERT_EQ(say({ "scrub", "rate", "70000" }), 0);
	whole_pass();
	EXPECT_GT(number("last_complete"), 0u);
	main.become("wwid:other");
	TableOptions t = one();
	t.new_main = true;
	recreate(t);
	EXPECT_EQ(number("last_complete"), 0u);
	EXPECT_EQ(number("rate"), 70000u);
}

TEST_F(EnginePatrol, WithoutMemoryItIsRefused)
{
	create(one());
	const uint64_t before = world.memory().allocations();
	begin();
	const uint64_t needed = world.memory().allocations() - before;
	wait_for_end();
	ASSERT_GE(needed, 4u);
	for (uint64_t k = 1; k <= 4; k++) {
		recreate(one());
		world.memory().fail_nth(k);
		EXPECT_EQ(say({ "scrub", "start" }), -ENOMEM) << k;
		EXPECT_EQ(field("state"), "none");
		whole_pass();
	}
}

TEST_F(EnginePatrol, ItsRateIsOfWhatItReads)
{
	create(two());
	main.fail(0, 1000, Fault::unreadable());
	for (uint64_t s = 0; s < 1000; s += 100)
		EXPECT_EQ(read_status(s, 100), DMR_STS_MEDIUM);
	ASSERT_EQ(snapshot().pending_sectors, 1000u);
	ASSERT_EQ(say({ "scrub", "rate", "1" }), 0);
	const uint64_t begun = world.now();
	begin();
	ASSERT_EQ(world.run_until([&] { return number("read_sectors") > 0; }), Stop::Done);
	EXPECT_LT(world.now() - begun, 2'000'000'000u);
}

TEST_F(EnginePatrol, ANewPassCountsFromNothing)
{
	create(one());
	begin();
	at_least(10000);
	main.set_slow(1'000'000'000);
	const uint64_t before = main.counts().reads;
	ASSERT_EQ(world.run_until([&] { return main.counts().reads > before + 1; }), Stop::Done);
	ASSERT_EQ(say({ "scrub", "stop" }), 0);
	begin();
	main.set_slow(0);
	wait_for_end();
	EXPECT_EQ(number("read_sectors"), 65536u);
}

TEST_F(EnginePatrol, WhatIsAskedForWhileASuspendBeginsIsRecorded)
{
	create(one());
	Slow read;

	submit(read, DMR_OP_READ, 100, main, 3'000'000'000); // the suspend waits for it
	world.spawn("suspend", [&] { device.suspend(); });
	world.spawn("administrator", [&] {
		world.scheduler().sleep(1'000'000'000);
		EXPECT_EQ(say({ "scrub", "rate", "77" }), 0) << device.reason();
		EXPECT_FALSE(read.ended);
	});
	ASSERT_EQ(world.run_until([&] { return device.suspended(); }), Stop::Done);
	world.run();
	ASSERT_TRUE(read.ended);
	ASSERT_EQ(device.remove(), 0);
	create(one());
	EXPECT_EQ(number("rate"), 77u);
}

TEST_F(EnginePatrol, NothingBeginsBeforeTheResumeIsCertain)
{
	create(one());
	begin();
	at_least(5000);
	ASSERT_EQ(device.remove(), 0);
	const uint64_t before = main.activity(), writes = spare.counts().writes;
	Target target("dm-test", one());
	std::string reason;
	char text[DMR_REASON_SIZE] = "";
	ASSERT_EQ(target.construct(nullptr, &reason), 0) << reason;
	ASSERT_EQ(dmr_engine_resume(target.engine(), "dm-test", text), 0) << text;
	world.run();
	target.destruct();
	EXPECT_EQ(main.activity(), before);
	EXPECT_EQ(spare.counts().writes, writes);
}

} // namespace
} // namespace dm_remap::host
