// SPDX-License-Identifier: GPL-2.0
// A device whose main is patrolled.
#ifndef DMR_TESTS_ENGINE_PATROL_FIXTURE_HH
#define DMR_TESTS_ENGINE_PATROL_FIXTURE_HH

#include "engine_pool_fixture.hh"

namespace dm_remap::host {

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
	// A request of one sector for which a disk takes its time, and nothing else; under way on return.
	struct Slow {
		UserIo io;
		std::vector<uint8_t> data = std::vector<uint8_t>(512);
		bool ended = false;
	};
	void submit(Slow &slow, dmr_op op, uint64_t sector, SimDisk &disk, uint64_t ns)
	{
		slow.io.op = op;
		slow.io.sector = sector;
		slow.io.sectors = 1;
		slow.io.data = slow.data.data();
		slow.io.done = [&slow](UserIo &) { slow.ended = true; };
		disk.set_slow(ns);
		device.submit(slow.io);
		disk.set_slow(0);
	}
	void at_least(uint64_t sectors)
	{
		ASSERT_EQ(world.run_until([&] { return number("at") >= sectors; }), Stop::Done);
	}
};

} // namespace dm_remap::host

#endif
