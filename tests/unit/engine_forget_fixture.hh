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
	// The first one does not take its metadata, so that it is dropped; blocks 0 to 7 live there.
	void drop_the_first()
	{
		main.fail(0, 16);
		create(two());
		ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
		spare.fail(0, 2048 - total_of("8:16"), Fault::unwritable());
		ASSERT_EQ(write(8, 8, 2), DMR_STS_OK);
		ASSERT_EQ(state("8:16"), "dropped");
	}
	// A read of block 0 is under way there, until ended_.
	void read_slowly()
	{
		spare.set_slow(7'000'000'000);
		io_.sectors = 1;
		io_.data = data_.data();
		io_.done = [&](UserIo &) { ended_ = true; };
		device.submit(io_);
	}
	static std::vector<uint8_t> content(SimDisk &disk)
	{
		std::vector<uint8_t> data(2048 * 512);

		disk.peek(0, data.data(), 2048);
		return data;
	}
	std::vector<uint8_t> data_ = std::vector<uint8_t>(512);
	UserIo io_;
	bool ended_ = false;

	bool refused_with(const char *text) { return device.reason().find(text) != std::string::npos; }
};

} // namespace dm_remap::host

#endif
