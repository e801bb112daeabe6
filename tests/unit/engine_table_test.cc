// SPDX-License-Identifier: GPL-2.0
// The engine as a device-mapper target sees it: flushes, tables that come and go, time and memory, words.
#include "engine_fixture.hh"

using namespace dm_remap::host;

namespace {

// ---- flush ----

TEST_F(EngineTest, AFlushReachesEveryDiskThatHoldsDataAndNoOther)
{
	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	uint64_t flushes = spare.counts().flushes;
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_EQ(spare.counts().flushes, flushes) << "nothing was written to the spare since";
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	EXPECT_FALSE(spare.unflushed().empty());
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_TRUE(spare.unflushed().empty());
	EXPECT_TRUE(main.unflushed().empty());
}

TEST_F(EngineTest, AFailedFlushIsReportedAndNotForgotten)
{
	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	spare.fail_flushes(1);
	EXPECT_EQ(device.flush(), DMR_STS_IOERR);
	EXPECT_EQ(events(DMR_EVENT_FLUSH_FAILED), 1u);
	const uint64_t flushes = spare.counts().flushes;
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_EQ(spare.counts().flushes, flushes + 1) << "it is still to be flushed";
	main.fail_flushes(1, DMR_STS_MEDIUM);
	EXPECT_EQ(device.flush(), DMR_STS_MEDIUM);
	EXPECT_EQ(events(DMR_EVENT_FLUSH_FAILED), 2u);
}

// One counts on what was written before it was submitted, whether or not another is told that it is lost.
TEST_F(EngineTest, AFlushThatIsSubmittedBeforeAFailureIsToldIsToldToo)
{
	UserIo first { .op = DMR_OP_FLUSH, .done = {} }, second { .op = DMR_OP_FLUSH, .done = {} };
	int told = 0;

	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	spare.fail_flushes(1);
	first.done = second.done = [&](UserIo &) { told++; };
	device.submit(first);
	world.run_until([&] { return spare.in_flight() > 0; });
	device.submit(second);
	world.run_until([&] { return told == 2; });
	EXPECT_EQ(first.status, DMR_STS_IOERR);
	EXPECT_EQ(second.status, DMR_STS_IOERR);
	EXPECT_EQ(events(DMR_EVENT_FLUSH_FAILED), 1u);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

TEST_F(EngineTest, FlushesThatWaitAreServedByOne)
{
	constexpr int n = 10;
	std::vector<UserIo> flushes(n);
	int ended = 0;

	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	const uint64_t before = spare.counts().flushes + main.counts().flushes;
	for (UserIo &io : flushes) {
		io.op = DMR_OP_FLUSH;
		io.done = [&](UserIo &) { ended++; };
		device.submit(io);
	}
	world.run_until([&] { return ended == n; });
	EXPECT_EQ(ended, n);
	EXPECT_LE(spare.counts().flushes + main.counts().flushes, before + 4) << "two times two";
	EXPECT_TRUE(spare.unflushed().empty());
}

TEST_F(EngineTest, AFlushThatFailsForTheEngineIsReportedToTheUser)
{
	create();
	main.fail(1000, 2);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.flush(), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK); // in the spare's cache
	spare.fail_flushes(1);
	EXPECT_NE(write(1001, 1, 3), DMR_STS_OK) << "its data could not be made durable";
	EXPECT_EQ(device.flush(), DMR_STS_IOERR) << "the error may have been that of the acknowledged write";
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

TEST_F(EngineTest, AFlushThatFailedForTheEngineIsReportedAlsoAfterAReload)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK) << "in the spare's cache";
	spare.fail_flushes(1);
	ASSERT_NE(write(1001, 1, 1), DMR_STS_OK);
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_NE(device.flush(), DMR_STS_OK);
	EXPECT_EQ(device.flush(), DMR_STS_OK) << "told once";
}

TEST_F(EngineTest, AFlushAfterAReloadReachesWhatWasWrittenBeforeIt)
{
	create();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 1, 2), DMR_STS_OK);
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	ASSERT_FALSE(spare.unflushed().empty()) << "or this shows nothing";
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_TRUE(spare.unflushed().empty());
}

TEST_F(EngineTest, FuaIsDurableOnWhicheverDiskHoldsTheBlock)
{
	create();
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	ASSERT_EQ(write(998, 5, 2, DMR_IO_FUA), DMR_STS_OK);
	world.lose_caches();
	MappedDevice again("dm-test");
	ASSERT_EQ(again.create(table()), 0) << again.reason();
	std::vector<uint8_t> data(5 * 512);
	EXPECT_EQ(again.read(998, data.data(), 5), DMR_STS_OK);
	EXPECT_EQ(data, pattern(998, 5, 2));
	EXPECT_EQ(again.remove(), 0);
}

// ---- tables ----

TEST_F(EngineTest, AReadOnlyTableWritesNothingAnywhere)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	uint64_t writes = main.counts().writes + spare.counts().writes;
	TableOptions t = table();
	t.read_only = true;
	ASSERT_EQ(device.create(t), 0) << device.reason();
	EXPECT_EQ(mode(), "read_only");
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	EXPECT_EQ(read_status(1000, 4), DMR_STS_MEDIUM);
	EXPECT_EQ(snapshot().pending_sectors, 2u) << "kept in memory";
	ASSERT_EQ(device.remove(), 0);
	EXPECT_EQ(main.counts().writes + spare.counts().writes, writes);
	create();
	EXPECT_EQ(snapshot().pending_sectors, 0u);
}

TEST_F(EngineTest, SuspendTwiceAndReloadKeepTheMap)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(device.suspend(), 0);
		ASSERT_EQ(device.resume(), 0);
	}
	ASSERT_EQ(write(1002, 1, 2), DMR_STS_OK);
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(write(1003, 1, 3), DMR_STS_OK) << "the old table serves until the resume";
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	EXPECT_EQ(read(1002, 1), pattern(1002, 1, 2));
	EXPECT_EQ(read(1003, 1), pattern(1003, 1, 3));
	EXPECT_EQ(snapshot().remaps, 4u) << "counters survive a reload";
}

TEST_F(EngineTest, ARefusedTableLeavesTheOldOneServing)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	SimDisk other(world, { .name = "8:32", .sectors = 16384 });
	other.poke(2, pattern(2, 1, 0x53).data(), 1);
	TableOptions t = table();
	t.members[0].dev = &other;
	EXPECT_EQ(device.load(t), -EINVAL);
	EXPECT_NE(device.reason().find("8:32"), std::string::npos) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	EXPECT_EQ(other.counts().writes, 0u);
}

TEST_F(EngineTest, AReloadWithAnotherSpareDoesNotForgetTheMap)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	SimDisk blank(world, { .name = "8:32", .sectors = 16384 });
	TableOptions t = table();
	t.members[0].dev = &blank;
	EXPECT_EQ(device.load(t), -EINVAL);
	EXPECT_NE(device.reason().find("to forget the map, remove the device first"), std::string::npos) << device.reason();
	EXPECT_EQ(blank.counts().writes, 0u);
	EXPECT_EQ(read(1000, 2), pattern(1000, 2, 1));
	// Removed and made anew with a blank spare it is a new device, as a new main would be.
	EXPECT_EQ(device.load(table()), 0) << device.reason();
}

// ---- time and concurrency ----

TEST_F(EngineTest, PastItsBudgetAWriteGoesToTheSpareUntested)
{
	create();
	main.fail(1000, 64);
	main.set_slow(3'000'000'000);
	EXPECT_EQ(write(1000, 64, 1), DMR_STS_OK);
	EXPECT_GT(snapshot().untested, 0u);
	EXPECT_EQ(read(1000, 64), pattern(1000, 64, 1));
}

TEST_F(EngineTest, PastItsBudgetAReadGivesWhatItHasRead)
{
	const auto data = pattern(1000, 1, 1);

	create();
	main.poke(1000, data.data(), 1);
	main.fail(1000, 1, { .write = false, .times = 2 });
	main.set_slow(11'000'000'000);
	EXPECT_EQ(read(1000, 1), data);
}

TEST_F(EngineTest, RecoveriesRunTogetherAndShareCommits)
{
	constexpr int n = 16;
	std::vector<std::vector<uint8_t>> data;
	std::vector<UserIo> ios(n);
	int done = 0;

	create();
	main.fail(1000, 4096);
	for (int i = 0; i < n; i++)
		data.push_back(pattern(1000 + 100 * i, 8, uint8_t(i)));
	for (int i = 0; i < n; i++) {
		ios[i] = { .op = DMR_OP_WRITE, .sector = uint64_t(1000 + 100 * i), .sectors = 8, .data = data[i].data(),
			   .done = [&](UserIo &io) { done += io.status == DMR_STS_OK; } };
		device.submit(ios[i]);
	}
	world.run_until([&] { return done == n; });
	EXPECT_EQ(done, n);
	for (int i = 0; i < n; i++)
		EXPECT_EQ(read(1000 + 100 * i, 8), data[i]);
	EXPECT_LT(snapshot().commits, uint64_t(n)) << "whoever commits first commits for all that are ready";
}

// Of what shares its commit only what was written before a flush failed has to be written again.
TEST_F(EngineTest, ALossOfLongAgoIsNoMatterOfLaterCommits)
{
	constexpr int n = 16;
	const auto data = pattern(1000, 8, 3);
	std::vector<std::vector<uint8_t>> found(n, std::vector<uint8_t>(8 * 512));
	std::vector<UserIo> ios(2 * n);
	int ended = 0, refused = 0;

	create();
	main.fail(1000, 4096);
	ASSERT_EQ(write(1000, 8, 1), DMR_STS_OK);
	ASSERT_EQ(write(1000, 8, 2), DMR_STS_OK);
	spare.fail_flushes(1);
	ASSERT_NE(device.flush(), DMR_STS_OK);
	// Reads make records without data. While one commit goes slowly the tickets of the next gather.
	spare.set_slow(20'000'000);
	for (int i = 0; i < n; i++) {
		ios[2 * i] = { .op = DMR_OP_READ, .sector = uint64_t(1100 + 100 * i), .sectors = 8, .data = found[i].data(),
			       .done = [&](UserIo &) { ended++; } };
		ios[2 * i + 1] = { .op = DMR_OP_WRITE, .sector = uint64_t(1150 + 100 * i), .sectors = 8,
				   .data = const_cast<uint8_t *>(data.data()),
				   .done = [&](UserIo &io) { ended++, refused += io.status != DMR_STS_OK; } };
	}
	for (UserIo &io : ios)
		device.submit(io);
	world.run_until([&] { return ended == 2 * n; });
	EXPECT_EQ(ended, 2 * n);
	EXPECT_EQ(refused, 0);
}

TEST_F(EngineTest, OneWorkerIsEnough)
{
	std::vector<std::vector<uint8_t>> data;
	std::vector<UserIo> ios(12);
	size_t done = 0;

	world.worker_limit = 1;
	create();
	main.fail(1000, 4096, { .status = DMR_STS_IOERR });
	for (size_t i = 0; i < ios.size(); i++)
		data.push_back(pattern(1000 + 4 * i, 8, uint8_t(i))); // each overlaps the next
	for (size_t i = 0; i < ios.size(); i++) {
		ios[i] = { .op = DMR_OP_WRITE, .sector = 1000 + 4 * i, .sectors = 8, .data = data[i].data(),
			   .done = [&](UserIo &io) { done += io.status == DMR_STS_OK; } };
		device.submit(ios[i]);
	}
	EXPECT_EQ(world.run_until([&] { return done == ios.size(); }), Stop::Done);
	EXPECT_EQ(snapshot().remapped_sectors, 4 * (ios.size() + 1));
}

TEST_F(EngineTest, WithoutAnyMemoryRecoveryGoesOnOrFailsButNeverHangs)
{
	uint64_t remapped = 0;

	create();
	main.fail(1000, 2000);
	world.memory().fail_chance(65536);
	for (uint64_t at = 1000; at < 3000; at += 7)
		remapped += write(at, 1, 1) == DMR_STS_OK;
	EXPECT_GT(remapped, 0u) << "the reserves are there for this";
	EXPECT_EQ(snapshot().remapped_sectors, remapped);
	world.memory().fail_chance(0);
	EXPECT_EQ(write(1000, 200, 2), DMR_STS_OK);
	recreate();
	EXPECT_EQ(read(1000, 200), pattern(1000, 200, 2));
}

// ---- words ----

TEST_F(EngineTest, StatusHasItsFieldsInOrder)
{
	create();
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	ASSERT_EQ(read_status(1002, 2), DMR_STS_MEDIUM);
	dmr_snapshot s = snapshot();
	std::string total = std::to_string(s.spare_sectors_total);
	EXPECT_EQ(device.status(), std::to_string(s.generation) + " 2/" + std::to_string(s.max_extents) + " 2 2 2/" + total +
					   " 0 2 1 1 " + std::to_string(s.health) + " 1 8:16:active:2/" + total + " ok");
}

TEST_F(EngineTest, MessagesAnswerAndRefuse)
{
	int err = 0;

	create();
	for (const char *word : { "help", "status", "stats", "health", "cache_stats", "list" }) {
		EXPECT_NE(device.message({ word }, &err), "") << word;
		EXPECT_EQ(err, 0) << word;
	}
	EXPECT_NE(device.message({ "status" }).find("mode=ok health=100\n"), std::string::npos);
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	EXPECT_NE(device.message({ "stats" }).find("remaps blocks=1 "), std::string::npos);
	EXPECT_EQ(device.message({ "clear_stats" }, &err), "");
	EXPECT_EQ(err, 0);
	EXPECT_NE(device.message({ "stats" }).find("remaps blocks=0 "), std::string::npos);
	EXPECT_EQ(device.message({ "frobnicate" }, &err), "");
	EXPECT_EQ(err, -EINVAL);
	EXPECT_EQ(device.reason(), "message 'frobnicate': unknown; 'help' lists what is understood");
	EXPECT_EQ(device.message({ "stats", "now" }, &err), "");
	EXPECT_EQ(device.reason(), "message 'stats': takes no argument, got 'now'");
	ASSERT_EQ(device.suspend(), 0);
	device.message({ "clear_stats" }, &err);
	EXPECT_EQ(err, -EBUSY);
	ASSERT_EQ(device.resume(), 0);
}

// ---- 4Kn ----

class Engine4Kn : public EngineTest {
protected:
	Engine4Kn()
		: EngineTest({ .name = "8:0", .sectors = 40960, .logical_block_bytes = 4096, .physical_block_bytes = 4096 },
			     { .name = "8:16", .sectors = 16384 })
	{
	}
};

TEST_F(Engine4Kn, TheBlockIsFourKilobytes)
{
	create();
	main.fail(1000, 8);
	EXPECT_EQ(write(992, 24, 1), DMR_STS_OK);
	EXPECT_EQ(read(992, 24), pattern(992, 24, 1));
	EXPECT_EQ(snapshot().remapped_sectors, 8u);
	recreate();
	EXPECT_EQ(read(992, 24), pattern(992, 24, 1));
}

} // namespace
