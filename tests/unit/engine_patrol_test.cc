// SPDX-License-Identifier: GPL-2.0
// The patrol: what it finds, how far it has come, and whom it lets go first.
#include "engine_pool_fixture.hh"

namespace dm_remap::host {
namespace {

class EnginePatrol : public EnginePool {
protected:
	int say(const std::vector<std::string> &words)
	{
		int err = 0;

		device.message(words, &err);
		return err;
	}
	std::string scrub() { return device.message({ "scrub", "status" }); }
	// One of its fields.
	std::string field(const std::string &key)
	{
		const std::string s = scrub();
		const size_t at = s.find(" " + key + "=");

		EXPECT_NE(at, std::string::npos) << key << ": " << s;
		return s.substr(at + key.size() + 2, s.find_first_of(" \n", at + 1) - at - key.size() - 2);
	}
	uint64_t number(const std::string &key) { return std::stoull(field(key)); }
	void begin()
	{
		device.active()->instance().events[DMR_EVENT_SCRUB_ENDED] = 0;
		ASSERT_EQ(say({ "scrub", "start" }), 0) << device.reason();
	}
	void wait_for_end() { ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_SCRUB_ENDED) > 0; }), Stop::Done); }
	// The first sector of this disk that holds that version of a sector, or 0.
	uint64_t place_on(const SimDisk &disk, uint64_t sector, uint8_t version)
	{
		for (uint64_t s = 0; s < disk.sectors(); s++) {
			if (on(disk, s, 1) == pattern(sector, 1, version))
				return s;
		}
		return 0;
	}
	void whole_pass()
	{
		begin();
		wait_for_end();
		EXPECT_EQ(field("state"), "none");
	}
	void at_least(uint64_t sectors)
	{
		ASSERT_EQ(world.run_until([&] { return number("at") >= sectors; }), Stop::Done);
	}
};

TEST_F(EnginePatrol, ReadsAllOfMainOnce)
{
	create(one());
	EXPECT_EQ(scrub(), "scrub state=none at=0 end=65536 rate=0 begun=0 last_complete=0 read_sectors=0 rescued_sectors=0 "
			   "pending_sectors=0 spare_moved_sectors=0 spare_unreadable_sectors=0\n");
	const uint64_t before = main.activity();
	begin();
	EXPECT_EQ(field("state"), "running");
	wait_for_end();
	EXPECT_EQ(events(DMR_EVENT_SCRUB_BEGUN), 1u);
	EXPECT_EQ(main.activity() - before, 65536u);
	EXPECT_EQ(main.counts().errors, 0u);
	EXPECT_EQ(number("read_sectors"), 65536u);
	EXPECT_GE(number("last_complete"), world.wall_epoch);
	EXPECT_TRUE(world.logged("the scrub is complete: 0 sectors rescued, 0 became pending"));
	const std::string ended = field("last_complete");
	recreate(one());
	EXPECT_EQ(field("last_complete"), ended);
	EXPECT_EQ(field("state"), "none");
}

TEST_F(EnginePatrol, WhatComesLateIsRescuedAndWhatDoesNotComeIsPending)
{
	create(two());
	write(3000, 3, 5);
	main.fail(3000, 1, { .write = false, .times = 3 });	// the whole, its stride, by itself; then it comes
	main.fail(9000, 2, Fault::unreadable());
	whole_pass();
	EXPECT_EQ(number("rescued_sectors"), 1u);
	EXPECT_EQ(number("pending_sectors"), 2u);
	EXPECT_EQ(snapshot().remapped_sectors, 1u);
	EXPECT_EQ(snapshot().pending_sectors, 2u);
	EXPECT_EQ(snapshot().rescued, 1u);
	EXPECT_EQ(events(DMR_EVENT_PENDING), 1u);
	main.fail(3000, 1);
	EXPECT_EQ(read(3000, 3), pattern(3000, 3, 5));
	// What it knows to be bad it does not ask again.
	const uint64_t errors = main.counts().errors;
	whole_pass();
	EXPECT_EQ(main.counts().errors, errors);
	EXPECT_EQ(snapshot().pending_sectors, 2u);
}

class EnginePatrolPhysical : public EngineTest {
protected:
	EnginePatrolPhysical()
		: EngineTest({ .name = "8:0", .sectors = 65536, .physical_block_bytes = 4096, .fails_physically = true },
			     { .name = "8:16", .sectors = 2048 })
	{
	}
};

TEST_F(EnginePatrolPhysical, ABadBlockCostsFewFailingCommands)
{
	create();
	main.fail(4000, 8, Fault::unreadable());
	device.message({ "scrub", "start" });
	ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_SCRUB_ENDED) > 0; }), Stop::Done);
	EXPECT_EQ(snapshot().pending_sectors, 8u);
	EXPECT_EQ(main.counts().errors, 6u) << "a chunk, a stride, the block, its retries";
}

TEST_F(EnginePatrol, WeakSpareBlocksAreLeft)
{
	create(one());
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 6), DMR_STS_OK);
	main.fail(5000, 1);
	ASSERT_EQ(write(5000, 1, 6), DMR_STS_OK); // behind the others
	const uint64_t first = place_on(spare, 1000, 6);
	ASSERT_NE(first, 0u);
	spare.fail(first + 3, 1, { .write = false, .times = 2 });	// with the others, by itself; then it comes
	spare.fail(first + 8, 1, Fault::until_written());			// what lives there is sector 5000
	whole_pass();
	EXPECT_EQ(number("spare_moved_sectors"), 1u);
	EXPECT_EQ(number("spare_unreadable_sectors"), 1u);
	EXPECT_EQ(snapshot().moved, 1u);
	EXPECT_EQ(snapshot().remapped_sectors, 9u);
	EXPECT_EQ(snapshot().spare_sectors_bad, 1u) << "the block that was weak is not used again";
	EXPECT_EQ(snapshot().remaps, 9u) << "a move is no remap";
	EXPECT_TRUE(world.logged("1 blocks of 512 bytes of main at sector 5000 cannot be read on the spare"));
	spare.fail(first + 3, 1);
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 6));
	EXPECT_EQ(read_status(5000, 1), DMR_STS_MEDIUM);
	ASSERT_EQ(write(5000, 1, 7), DMR_STS_OK) << "and it heals as ever";
	recreate(one());
	EXPECT_EQ(read(1000, 8), pattern(1000, 8, 6));
	EXPECT_EQ(read(5000, 1), pattern(5000, 1, 7));
}

TEST_F(EnginePatrol, WithoutASparePlaceAWeakBlockStaysWhereItIs)
{
	create(one());
	const uint64_t all = snapshot().spare_sectors_total;
	main.fail(1000, all);
	ASSERT_EQ(write(1000, 100, 6), DMR_STS_OK);
	for (uint64_t s = 100; s < all; s += 100)
		ASSERT_EQ(write(1000 + s, static_cast<uint32_t>(std::min<uint64_t>(100, all - s)), 6), DMR_STS_OK);
	ASSERT_EQ(snapshot().spare_sectors_free, 0u);
	spare.fail(2000, 1, { .write = false, .times = 2 });
	whole_pass();
	EXPECT_EQ(number("spare_moved_sectors"), 0u);
	EXPECT_TRUE(world.logged("live on weak spare blocks, and there are no others: add a spare"));
	EXPECT_EQ(snapshot().remapped_sectors, all);
	for (uint64_t s = 0; s + 100 <= all; s += 100)
		ASSERT_EQ(read(1000 + s, 100), pattern(1000 + s, 100, 6));
}

// Whoever closes the device of a member waits for those who hold ranges of what lived there.
TEST_F(EnginePatrol, WhatItReadsOfASpareIsWaitedFor)
{
	create(two());
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 6), DMR_STS_OK);
	SimDisk &home = place_on(spare, 1000, 6) ? spare : second;
	begin();
	ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_SCRUB_BEGUN) > 0; }), Stop::Done);
	ASSERT_EQ(home.in_flight(), 0u);
	home.set_slow(5'000'000'000);
	ASSERT_EQ(world.run_until([&] { return home.in_flight() == 1; }), Stop::Done);
	home.set_slow(0);
	ASSERT_EQ(device.remove_spare(home, 0), 1) << device.reason();
	ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_MEMBER_REMOVED) > 0; }), Stop::Done);
	EXPECT_EQ(home.in_flight(), 0u) << "its device may be closed now";
	EXPECT_EQ(read(1000, 1), pattern(1000, 1, 6));
}

TEST_F(EnginePatrol, AWriteUnderWayToAWeakSpareBlockIsNotLost)
{
	create(one());
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 6), DMR_STS_OK);
	spare.fail(place_on(spare, 1000, 6), 1, { .write = false, .times = 2 });
	auto data = pattern(1000, 1, 7);
	bool ended = false;
	UserIo io;

	io.op = DMR_OP_WRITE;
	io.sector = 1000;
	io.sectors = 1;
	io.data = data.data();
	io.done = [&](UserIo &) { ended = true; };
	spare.set_slow(3'000'000'000);
	device.submit(io);
	spare.set_slow(0);
	whole_pass();
	ASSERT_EQ(world.run_until([&] { return ended; }), Stop::Done);
	EXPECT_EQ(io.status, DMR_STS_OK);
	EXPECT_EQ(number("spare_moved_sectors"), 1u);
	EXPECT_EQ(read(1000, 1), pattern(1000, 1, 7));
}

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

// Wherever the power goes: what the pass is said to have read is known by its end.
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

// A pass that was stopped while it read must not move the next one on.
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

TEST_F(EnginePatrol, AMainThatDoesNotAnswerIsNoDiskOfBadBlocks)
{
	create(one());
	begin();
	at_least(10000);
	main.set_gone(true);
	wait_for_end();
	EXPECT_EQ(field("state"), "paused");
	EXPECT_TRUE(world.logged("the scrub pauses at sector"));
	EXPECT_TRUE(world.logged("main does not answer"));
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	main.set_gone(false);
	device.active()->instance().events[DMR_EVENT_SCRUB_ENDED] = 0;
	ASSERT_EQ(say({ "scrub", "resume" }), 0);
	wait_for_end();
	EXPECT_EQ(field("state"), "none");
}

TEST_F(EnginePatrol, WhatCouldNotBeRecordedIsReadAgain)
{
	create(one());
	main.fail(10255, 1, Fault::unreadable()); // in the first piece of what is read at a time
	begin();
	ASSERT_EQ(world.run_until([&] { return main.counts().errors > 0; }), Stop::Done);
	main.set_gone(true);
	wait_for_end();
	EXPECT_EQ(field("state"), "paused");
	EXPECT_LE(number("at"), 10255u);
	main.set_gone(false);
	device.active()->instance().events[DMR_EVENT_SCRUB_ENDED] = 0;
	ASSERT_EQ(say({ "scrub", "resume" }), 0);
	wait_for_end();
	EXPECT_EQ(snapshot().pending_sectors, 1u);
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

// The time of one recovery is over before all has been asked.
TEST_F(EnginePatrol, ASlowDriveDoesNotMakeItLoseBlocks)
{
	DiskOptions slow{ .name = "8:0", .sectors = 65536, .failing_ns = 3'000'000'000 };
	SimDisk disk(world, slow);
	TableOptions t = one();

	t.main = &disk;
	create(t);
	disk.fail(3000, 6, Fault::unreadable());
	disk.fail(3100, 1, Fault::unreadable());
	whole_pass();
	EXPECT_EQ(snapshot().pending_sectors, 7u);
	ASSERT_EQ(device.remove(), 0);
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

// Alone it reads the disk in a fraction of a second; beside others it has a 64th of the time.
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

// What is not read costs no time.
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

// What a pass that is stopped has still read counts for no other.
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

// Between the end of what is under way and the suspend messages are taken still.
TEST_F(EnginePatrol, WhatIsAskedForWhileASuspendBeginsIsRecorded)
{
	create(one());
	bool ended = false;
	std::vector<uint8_t> data(512);
	UserIo io;

	io.op = DMR_OP_READ;
	io.sector = 100;
	io.sectors = 1;
	io.data = data.data();
	io.done = [&](UserIo &) { ended = true; };
	main.set_slow(3'000'000'000); // the suspend waits for it
	device.submit(io);
	main.set_slow(0);
	world.spawn("suspend", [&] { device.suspend(); });
	world.spawn("administrator", [&] {
		world.scheduler().sleep(1'000'000'000);
		EXPECT_EQ(say({ "scrub", "rate", "77" }), 0) << device.reason();
		EXPECT_FALSE(ended);
	});
	ASSERT_EQ(world.run_until([&] { return device.suspended(); }), Stop::Done);
	world.run();
	ASSERT_TRUE(ended);
	ASSERT_EQ(device.remove(), 0);
	create(one());
	EXPECT_EQ(number("rate"), 77u);
}

// Another target of the table may fail its preresume: then this one gets its destructor without a suspend, maybe after another
// table has been resumed on the same spares.
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

// Who needs a block beside the bad ones waits for one recovery's time, not until all of them have been asked.
TEST_F(EnginePatrol, ASlowSpareDoesNotStopItsUsers)
{
	SimDisk slow(world, { .name = "8:64", .sectors = 2048, .failing_ns = 3'000'000'000 });
	TableOptions t = one();

	t.members = { { &slow, 0, 2048 } };
	create(t);
	main.fail(1000, 128);
	ASSERT_EQ(write(1000, 128, 6), DMR_STS_OK);
	slow.fail(place_on(slow, 1000, 6), 100, Fault::unreadable());
	begin();
	ASSERT_EQ(world.run_until([&] { return slow.counts().errors > 0; }), Stop::Done);
	const uint64_t begun = world.now();
	EXPECT_EQ(read(1127, 1), pattern(1127, 1, 6));
	EXPECT_LT(world.now() - begun, 40'000'000'000u);
	wait_for_end();
	EXPECT_EQ(number("spare_unreadable_sectors"), 100u);
	EXPECT_EQ(number("read_sectors"), 65536u);
	ASSERT_EQ(device.remove(), 0);
}

// A command to a dying main takes longer than it waits for what is under way.
TEST_F(EnginePatrol, WhatFailsOnASpareIsToldAlsoWhereOthersAreSlow)
{
	create(one());
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 6), DMR_STS_OK);
	const uint64_t first = place_on(spare, 1000, 6);
	spare.fail(first, 1, Fault::unreadable());
	spare.fail(first + 3, 1, { .write = false, .times = 2 });
	bool ended = false;
	std::vector<uint8_t> data(512);
	UserIo io;

	io.op = DMR_OP_READ;
	io.sector = 60000;
	io.sectors = 1;
	io.data = data.data();
	io.done = [&](UserIo &) { ended = true; };
	main.set_slow(30'000'000'000);
	device.submit(io);
	main.set_slow(0);
	whole_pass();
	EXPECT_TRUE(ended);
	EXPECT_EQ(number("spare_unreadable_sectors"), 1u);
	EXPECT_EQ(number("spare_moved_sectors"), 1u);
	EXPECT_EQ(number("read_sectors"), 65536u);
}

} // namespace
} // namespace dm_remap::host
