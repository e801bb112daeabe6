// SPDX-License-Identifier: GPL-2.0
// A device over one main and one spare, with the patterns that tests write and look for.
#ifndef DMR_TESTS_ENGINE_FIXTURE_HH
#define DMR_TESTS_ENGINE_FIXTURE_HH

#include "host/target.hh"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace dm_remap::host {

class EngineTest : public testing::Test {
protected:
	explicit EngineTest(DiskOptions main_options = { .name = "8:0", .sectors = 40960 },
			    DiskOptions spare_options = { .name = "8:16", .sectors = 16384 })
		: main(world, main_options), spare(world, spare_options)
	{
	}

	TableOptions table()
	{
		TableOptions t;

		t.main = &main;
		t.members = { { &spare, 0, spare.options().sectors } };
		return t;
	}
	void create() { ASSERT_EQ(device.create(table()), 0) << device.reason(); }
	void recreate()
	{
		ASSERT_EQ(device.remove(), 0);
		world.check_no_leaks();
		create();
	}

	// Sector s of version v holds this byte in every place but the first eight, which hold s.
	static std::vector<uint8_t> pattern(uint64_t sector, uint32_t sectors, uint8_t version)
	{
		std::vector<uint8_t> data(sectors * 512, version);

		for (uint32_t i = 0; i < sectors; i++) {
			uint64_t s = sector + i;

			std::memcpy(&data[i * 512], &s, sizeof(s));
		}
		return data;
	}
	dmr_status write(uint64_t sector, uint32_t sectors, uint8_t version, uint32_t flags = 0)
	{
		auto data = pattern(sector, sectors, version);

		return device.write(sector, data.data(), sectors, flags);
	}
	// What is read, or an empty vector with *status.
	std::vector<uint8_t> read(uint64_t sector, uint32_t sectors, dmr_status *status = nullptr)
	{
		std::vector<uint8_t> data(sectors * 512);
		dmr_status s = device.read(sector, data.data(), sectors);

		if (status)
			*status = s;
		if (s != DMR_STS_OK)
			data.clear();
		return data;
	}
	dmr_status read_status(uint64_t sector, uint32_t sectors)
	{
		dmr_status status;

		read(sector, sectors, &status);
		return status;
	}
	std::vector<uint8_t> on(const SimDisk &disk, uint64_t sector, uint32_t sectors)
	{
		std::vector<uint8_t> data(sectors * 512);

		disk.peek(sector, data.data(), sectors);
		return data;
	}
	dmr_snapshot snapshot()
	{
		dmr_snapshot s;

		dmr_engine_snapshot(device.active()->engine(), &s);
		return s;
	}
	uint64_t events(dmr_event_kind kind) { return device.active()->instance().events[kind]; }
	std::string mode()
	{
		std::string s = device.status();

		return s.substr(s.rfind(' ') + 1);
	}
	// A message that begins a job, and the job's end: what `status` says of that.
	std::string job(const std::vector<std::string> &words)
	{
		int err = 0;

		device.active()->instance().events[DMR_EVENT_JOB_ENDED] = 0;
		device.message(words, &err);
		EXPECT_EQ(err, 0) << device.reason();
		EXPECT_EQ(world.run_until([&] { return events(DMR_EVENT_JOB_ENDED) > 0; }), Stop::Done);
		return told();
	}
	// The line of `status` about the job by hand, or "".
	std::string told()
	{
		const std::string s = device.message({ "status" });
		const size_t at = s.find("job ");

		return at == std::string::npos ? "" : s.substr(at, s.find('\n', at) - at);
	}
	void TearDown() override
	{
		if (device.active() && world.boots() == 1) {
			EXPECT_EQ(device.remove(), 0);
			world.check_no_leaks();
		}
	}

	World world{ 7 };
	SimDisk main;
	SimDisk spare;
	MappedDevice device{ "dm-test" };
};

} // namespace dm_remap::host

#endif
