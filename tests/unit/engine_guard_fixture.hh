// SPDX-License-Identifier: GPL-2.0
// A main that is guarded, and what stands on it.
#ifndef DMR_TESTS_ENGINE_GUARD_FIXTURE_HH
#define DMR_TESTS_ENGINE_GUARD_FIXTURE_HH

#include "core/recovery/guard.hh"
#include "engine_pool_fixture.hh"

namespace dm_remap::host {

class EngineGuard : public EnginePool {
protected:
	void SetUp() override { main.poke(0, pattern(0, 1024, 1).data(), 1024); }

	int refused(const std::vector<std::string> &words)
	{
		int err = 0;

		device.message(words, &err);
		return err;
	}
	std::string line_of_status(const std::string &subject)
	{
		const std::string s = device.message({"status"});
		const size_t at = s.find("\n" + subject + " ");

		return at == std::string::npos ? "" : s.substr(at + 1, s.find('\n', at + 1) - at - 1);
	}
	// Without the UUID.
	std::string guard_line()
	{
		const std::string line = line_of_status("guard");

		return line.substr(0, line.find(" main_uuid="));
	}
	GuardStamp stamp() { return GuardStamp::of(*dmr_engine_setup(device.active()->engine()), "dm-test"); }
	// Sectors of [sector, sector + count) on main that are guards of this set in their place.
	uint32_t guards_on(const SimDisk &disk, uint64_t sector, uint32_t count)
	{
		const std::vector<uint8_t> data = on(disk, sector, count);
		uint32_t n = 0;

		for (uint32_t i = 0; i < count; i++)
			n += look_at_guard(stamp(), &data[i * 512], sector + i) == GuardSight::ours;
		return n;
	}
	void guard(const std::vector<std::string> &ranges)
	{
		std::vector<std::string> words = {"guard"};

		words.insert(words.end(), ranges.begin(), ranges.end());
		ASSERT_NE(job(words).find("state=done"), std::string::npos) << told();
	}
	void unguard() { ASSERT_NE(job({"unguard"}).find("state=done"), std::string::npos) << told(); }
};

} // namespace dm_remap::host

#endif
