// SPDX-License-Identifier: GPL-2.0
// A device over several spares, small enough to fill them.
#ifndef DMR_TESTS_ENGINE_POOL_FIXTURE_HH
#define DMR_TESTS_ENGINE_POOL_FIXTURE_HH

#include "engine_fixture.hh"

namespace dm_remap::host {

class EnginePool : public EngineTest {
protected:
	EnginePool() : EngineTest({ .name = "8:0", .sectors = 65536 }, { .name = "8:16", .sectors = 2048 }) {}

	TableOptions one()
	{
		TableOptions t = table();

		t.max_extents = 128;
		return t;
	}
	TableOptions two()
	{
		TableOptions t = one();

		t.members.push_back({ &second, 0, second.options().sectors });
		return t;
	}
	void create(const TableOptions &t) { ASSERT_EQ(device.create(t), 0) << device.reason(); }
	void recreate(const TableOptions &t)
	{
		ASSERT_EQ(device.remove(), 0);
		world.check_no_leaks();
		create(t);
	}
	TableOptions degraded(SimDisk &present, bool force)
	{
		TableOptions t = two();

		t.members = { { &present, 0, present.options().sectors } };
		t.degraded = true;
		t.force = force;
		t.max_extents = 0;
		return t;
	}
	// The state of the member on this device, as `status` shows it.
	std::string state(const std::string &name)
	{
		std::string s = device.status();
		size_t at = s.find(" " + name + ":");

		if (at == std::string::npos)
			return "";
		at += name.size() + 2;
		return s.substr(at, s.find(':', at) - at);
	}
	uint64_t free_of(const std::string &name)
	{
		std::string s = device.status();
		size_t at = s.find(':', s.find(" " + name + ":") + name.size() + 2) + 1;
		size_t used, total;

		EXPECT_EQ(sscanf(s.c_str() + at, "%zu/%zu", &used, &total), 2);
		return total - used;
	}
	uint64_t total_of(const std::string &name) { return used_of(name) + free_of(name); }
	uint64_t used_of(const std::string &name)
	{
		std::string s = device.status();
		size_t at = s.find(':', s.find(" " + name + ":") + name.size() + 2) + 1;

		return std::stoull(s.substr(at));
	}
	// The mover has ended.
	void run_job()
	{
		ASSERT_EQ(world.run_until([&] { return events(DMR_EVENT_MEMBER_REMOVED) > 0; }), Stop::Done);
	}

	SimDisk second{ world, { .name = "8:32", .sectors = 2048 } };
	SimDisk third{ world, { .name = "8:48", .sectors = 2048 } };
};

} // namespace dm_remap::host

#endif
