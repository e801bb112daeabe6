// SPDX-License-Identifier: GPL-2.0
// Spares that are let go of, over a main that holds what is older.
#ifndef DMR_TESTS_ENGINE_FORGET_FIXTURE_HH
#define DMR_TESTS_ENGINE_FORGET_FIXTURE_HH

#include "engine_pool_fixture.hh"

namespace dm_remap::host {

class EngineForget : public EnginePool {
protected:
	void SetUp() override
	{
		// What main holds from before.
		main.poke(0, pattern(0, 64, 1).data(), 64);
	}
	// A table that names this one alone, as of a set that lacks nothing.
	TableOptions only(SimDisk &disk)
	{
		TableOptions t = one();

		t.members = { { &disk, 0, disk.options().sectors } };
		t.max_extents = 0;
		return t;
	}
	static std::vector<uint8_t> content(SimDisk &disk)
	{
		std::vector<uint8_t> data(2048 * 512);

		disk.peek(0, data.data(), 2048);
		return data;
	}
	bool refused_with(const char *text) { return device.reason().find(text) != std::string::npos; }
};

} // namespace dm_remap::host

#endif
