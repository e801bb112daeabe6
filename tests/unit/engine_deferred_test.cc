// SPDX-License-Identifier: GPL-2.0
// Writes that wait for their commit without a worker, many of them, while everything else goes on and fails: no data is lost that was
// acknowledged, each ends once, and no spare block is spent in vain.
#include "engine_fixture.hh"

#include <cstdlib>
#include <memory>
#include <set>

namespace dm_remap::host {
namespace {

constexpr uint32_t most_length = 20, stride = 32;

struct Slot {
	uint64_t sector = 0;
	uint32_t sectors = 0;
	uint8_t version = 0;
	uint32_t left = 0;
	std::vector<uint8_t> data;
	std::vector<std::set<uint8_t>> may; // per sector of the longest: versions that it may hold
	UserIo io;
	bool busy = false;
	uint32_t ends = 0, begins = 0;
};

struct Plan {
	uint32_t slots = 128, writes = 6;
	bool flushes = false, memory = false, bad_blocks = false, members = false, suspends = false, scrubs = false, metadata = false;
	uint64_t max_extents = 0;
	uint32_t workers = 0;
};

class History {
public:
	History(uint64_t seed, const Plan &plan) : plan_(plan), world(seed), random_(seed * 7919 + 1) {}

	void run()
	{
		SimDisk main(world, { .name = "8:0", .sectors = 40960 });
		SimDisk a(world, { .name = "8:16", .sectors = 16384, .latency_ns = 1'000'000 });
		SimDisk b(world, { .name = "8:32", .sectors = 16384, .latency_ns = 3'000'000 });
		SimDisk c(world, { .name = "8:48", .sectors = 16384 });
		spares_ = { &a, &b, &c };
		MappedDevice device("dm-test");
		TableOptions t;

		t.main = &main;
		t.members = { { &a, 0, 16384 }, { &b, 0, 16384 } };
		t.max_extents = plan_.max_extents;
		world.worker_limit = plan_.workers;
		world.max_logs = 100'000;
		ASSERT_EQ(device.create(t), 0) << device.reason();
		device_ = &device;
		slots_.resize(plan_.slots);
		for (uint32_t i = 0; i < plan_.slots; i++) {
			Slot &s = slots_[i];

			s.sector = uint64_t{i} * stride * 2;
			s.left = plan_.writes;
			s.may.resize(most_length, { 0 });
			main.fail(s.sector, stride, Fault::unwritable());
		}
		running_ = plan_.slots;
		for (Slot &s : slots_)
			next(s);
		if (plan_.flushes || plan_.bad_blocks || plan_.memory || plan_.metadata)
			world.spawn("faults", [this] { faults(); });
		if (plan_.members || plan_.suspends || plan_.scrubs)
			world.spawn("admin", [this] { admin(); });
		const Stop stop = world.run_until([&] { return (running_ == 0 && !admin_busy_) || world.now() > 3'000'000'000'000ull; });

		ASSERT_EQ(stop, Stop::Done);
		ASSERT_EQ(running_, 0u) << "some have not ended";
		over_ = true;
		world.memory().fail_chance(0);
		for (Slot &s : slots_)
			EXPECT_EQ(s.ends, s.begins);
		world.run_until([&] { return !admin_busy_ && !faults_busy_; });
		for (SimDisk *spare : spares_)
			spare->fail_flushes(0);
		// What a mover holds at this moment is not leaked.
		for (SimDisk *spare : spares_)
			device.cancel_remove(*spare, 0);
		if (device.suspended()) {
			ASSERT_EQ(device.resume(), 0);
		}
		const bool failed = device.status().find("metadata_failed") != std::string::npos;

		if (!failed && !plan_.metadata) {
			const dmr_snapshot s = snapshot();
			if (!plan_.bad_blocks)
				EXPECT_EQ(s.spare_sectors_used, s.remapped_sectors) << "a spare block is spent in vain";
			else
				EXPECT_LE(s.spare_sectors_used, s.remapped_sectors + s.spare_sectors_bad);
		}
		verify("live", failed);
		dmr_status told = device.flush();

		told = told == DMR_STS_OK ? told : device.flush();
		verify("flushed", failed);
		if (told == DMR_STS_OK && !told_loss_) {
			TableOptions again = t;

			again.members.clear();
			for (SimDisk *spare : spares_) {
				if (device.status().find(" " + spare->options().name + ":") != std::string::npos)
					again.members.push_back({ spare, 0, 16384 });
			}
			std::string text = device.status();

			ASSERT_EQ(device.remove(), 0);
			world.check_no_leaks();
			again.max_extents = 0;
			const int err = device.create(again);

			ASSERT_EQ(err, 0) << device.reason() << "\n" << text;
			verify("loaded again", failed);
		}
		ASSERT_EQ(device.remove(), 0);
		world.check_no_leaks();
		EXPECT_TRUE(world.take_violations().empty());
	}
	uint64_t deferred_ok = 0, failed_writes = 0;

private:
	dmr_snapshot snapshot()
	{
		dmr_snapshot s;

		dmr_engine_snapshot(device_->active()->engine(), &s);
		return s;
	}
	uint64_t below(uint64_t n) { return random_.below(n); }

	void next(Slot &s)
	{
		if (s.left == 0) {
			running_--;
			return;
		}
		s.left--;
		s.begins++;
		s.version++;
		s.sectors = 1 + static_cast<uint32_t>(below(most_length));
		s.data.assign(size_t{s.sectors} * 512, s.version);
		for (uint32_t i = 0; i < s.sectors; i++) {
			uint64_t sector = s.sector + i;

			std::memcpy(&s.data[i * 512], &sector, sizeof(sector));
			s.may[i].insert(s.version);
		}
		s.busy = true;
		s.io = { .op = DMR_OP_WRITE, .sector = s.sector, .sectors = s.sectors, .flags = below(4) ? 0u : uint32_t{DMR_IO_FUA},
			 .data = s.data.data(), .done = [this, &s](UserIo &io) {
				 s.ends++;
				 EXPECT_TRUE(s.busy) << "ended twice";
				 s.busy = false;
				 if (io.status == DMR_STS_OK) {
					 for (uint32_t i = 0; i < s.sectors; i++)
						 s.may[i] = { s.version };
				 } else {
					 failed_writes++;
				 }
				 next(s);
			 } };
		device_->submit(s.io);
	}

	void faults()
	{
		faults_busy_ = true;
		while (!over_ && running_ > 0) {
			world.scheduler().sleep(1'000'000 + below(20'000'000));
			if (over_)
				break;
			switch (below(6)) {
			case 0:
			case 1:
				if (plan_.flushes)
					spares_[below(2)]->fail_flushes(1 + static_cast<int32_t>(below(2)));
				break;
			case 2:
				if (plan_.memory)
					world.memory().fail_chance(below(2) ? 65536 : 20000);
				break;
			case 3:
				world.memory().fail_chance(0);
				break;
			case 4:
				if (plan_.bad_blocks)
					spares_[below(2)]->fail(3000 + below(3000), 1 + below(4), Fault::unwritable());
				break;
			default:
				if (plan_.metadata && below(8) == 0) {
					spares_[below(2)]->fail(0, 2000, Fault::unwritable());
				}
			}
		}
		world.memory().fail_chance(0);
		faults_busy_ = false;
	}

	void admin()
	{
		admin_busy_ = true;
		while (!over_ && running_ > 0) {
			world.scheduler().sleep(1'000'000 + below(60'000'000));
			const uint64_t what = below(6);

			if (plan_.suspends && what == 0) {
				EXPECT_EQ(device_->suspend(), 0);
				world.scheduler().sleep(below(3) * 1'000'000);
				EXPECT_EQ(device_->resume(), 0) << device_->reason();
			}
			if (plan_.members && what == 1)
				device_->add_spare(*spares_[below(3)], 0, 16384);
			if (plan_.members && what == 2)
				device_->remove_spare(*spares_[below(3)], 0);
			if (plan_.members && what == 3)
				device_->cancel_remove(*spares_[below(3)], 0);
			if (plan_.scrubs && what == 4)
				device_->message({ "scrub", below(2) ? "start" : "stop" });
			if (plan_.scrubs && what == 5)
				device_->message({ "scrub", below(2) ? "pause" : "resume" });
		}
		admin_busy_ = false;
	}

	void verify(const char *when, bool failed)
	{
		for (Slot &s : slots_) {
			for (uint32_t i = 0; i < most_length; i++) {
				uint8_t got[512];
				const dmr_status status = device_->read(s.sector + i, got, 1);
				uint64_t sector = 0;

				if (status != DMR_STS_OK) {
					EXPECT_TRUE(s.may[i].size() > 1 && (failed || true))
						<< when << ": sector " << s.sector + i << " does not come, version " << int(*s.may[i].begin());
					continue;
				}
				EXPECT_TRUE(s.may[i].count(got[511])) << when << ": sector " << s.sector + i << " holds " << int(got[511]) << ", must be "
									 << int(*s.may[i].begin()) << " of " << s.may[i].size();
				std::memcpy(&sector, got, 8);
				if (got[511]) {
					EXPECT_EQ(sector, s.sector + i) << when;
				}
			}
		}
	}

	const Plan plan_;

public:
	World world;

private:
	Random random_;
	std::vector<SimDisk *> spares_;
	MappedDevice *device_ = nullptr;
	std::vector<Slot> slots_;
	uint32_t running_ = 0;
	bool over_ = false, admin_busy_ = false, faults_busy_ = false, told_loss_ = false;
};

class DeferredHistory : public testing::Test {
protected:
	static void many(Plan plan, uint64_t seeds = 2)
	{
		if (const char *more = std::getenv("DMR_SEEDS"))
			seeds = std::strtoull(more, nullptr, 10);
		const char *from = std::getenv("DMR_FROM");
		uint64_t failed = 0;
		const uint64_t first = from ? std::strtoull(from, nullptr, 10) : 1;

		for (uint64_t seed = first; seed < first + seeds; seed++) {
			SCOPED_TRACE("seed " + std::to_string(seed));
			auto history = std::make_unique<History>(seed, plan);

			history->run();
			failed += history->failed_writes;
			if (HasFailure()) {
				for (const std::string &text : history->world.take_violations())
					std::printf("violation: %s\n", text.c_str());
				break;
			}
		}
		std::printf("[          ] %llu writes failed\n", static_cast<unsigned long long>(failed));
	}
};

TEST_F(DeferredHistory, Plain) { many({}); }
TEST_F(DeferredHistory, OneWorker) { many({ .flushes = true, .workers = 1 }); }
TEST_F(DeferredHistory, ThreeWorkers) { many({ .flushes = true, .memory = true, .members = true, .scrubs = true, .workers = 3 }); }
TEST_F(DeferredHistory, Flushes) { many({ .flushes = true }); }
TEST_F(DeferredHistory, Memory) { many({ .flushes = true, .memory = true }); }
TEST_F(DeferredHistory, BadBlocks) { many({ .flushes = true, .memory = true, .bad_blocks = true }); }
TEST_F(DeferredHistory, Members) { many({ .flushes = true, .members = true }); }
TEST_F(DeferredHistory, Suspends) { many({ .flushes = true, .memory = true, .suspends = true }); }
TEST_F(DeferredHistory, Scrubs) { many({ .flushes = true, .scrubs = true }); }
TEST_F(DeferredHistory, Metadata) { many({ .flushes = true, .memory = true, .metadata = true }); }
TEST_F(DeferredHistory, FullMap) { many({ .flushes = true, .memory = true, .max_extents = 128 }); }
TEST_F(DeferredHistory, FullMapBadSpareBlocks) { many({ .flushes = true, .memory = true, .bad_blocks = true, .max_extents = 128 }); }
TEST_F(DeferredHistory, All)
{
	many({ .flushes = true, .memory = true, .bad_blocks = true, .members = true, .suspends = true, .scrubs = true });
}

// ---- single faults ----

class DeferredCost : public EngineTest {
protected:
	// Virtual time of one write whose first commit loses its flush, and there is another spare.
	uint64_t cost(bool one_run, bool waits = false)
	{
		TableOptions both = table();

		both.members.push_back({ &second, 0, second.options().sectors });
		EXPECT_EQ(device.create(both), 0) << device.reason();
		for (uint64_t i = 0; i < 128; i += one_run ? 1 : 2)
			main.fail(1024 + i, 1);
		// What was pending is not deferred.
		if (waits) {
			EXPECT_EQ(read_status(1024, 1), DMR_STS_MEDIUM);
		}
		main.set_slow(3'000'000'000ull);
		spare.fail_flushes(1);
		const uint64_t before = world.now();

		EXPECT_EQ(write(1024, 128, 1), DMR_STS_OK);
		main.set_slow(0);
		return (world.now() - before) / 1'000'000;
	}
	SimDisk second{ world, { .name = "8:32", .sectors = 16384 } };
};

TEST_F(DeferredCost, OneRunTakesItsTimeOnce)
{
	const uint64_t ms = cost(true);

	std::printf("[          ] %llu ms\n", static_cast<unsigned long long>(ms));
	EXPECT_LT(ms, 45'000u) << "work on one failed request: 20 s, then what was not tried is not tried any more";
}

TEST_F(DeferredCost, ManyRunsTakeTheirTimeOnce)
{
	const uint64_t ms = cost(false);

	std::printf("[          ] %llu ms\n", static_cast<unsigned long long>(ms));
	EXPECT_LT(ms, 45'000u);
}

TEST_F(DeferredCost, WhoWaitsOnAWorkerTakesItOnce)
{
	const uint64_t ms = cost(true, true);

	std::printf("[          ] %llu ms\n", static_cast<unsigned long long>(ms));
	EXPECT_LT(ms, 45'000u);
}

TEST_F(DeferredCost, ARequestThatIsServedAgainIsOneOnTheSlowPath)
{
	TableOptions both = table();

	both.members.push_back({ &second, 0, second.options().sectors });
	ASSERT_EQ(device.create(both), 0) << device.reason();
	main.fail(0, 8);
	spare.fail_flushes(1);
	ASSERT_EQ(write(0, 8, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().pending_hits, 1u);
}

} // namespace
} // namespace dm_remap::host
