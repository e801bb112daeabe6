// SPDX-License-Identifier: GPL-2.0
// A main that grows, shrinks, or is copied, and what a spare has recorded of it.
#ifndef DMR_TESTS_ENGINE_MAIN_FIXTURE_HH
#define DMR_TESTS_ENGINE_MAIN_FIXTURE_HH

#include "engine_pool_fixture.hh"

#include <memory>

extern "C" const dmr_metadata_ops dmr_metadata_operations;

namespace dm_remap::host {

inline constexpr uint64_t old_end = 40960, new_end = 65536;

// The setup that a spare has recorded.
inline std::unique_ptr<dmr_setup> recorded(SimDisk &spare)
{
	const dmr_member_range range = { &spare, 0, spare.options().sectors };
	auto probe = std::make_unique<dmr_probe>();
	char reason[DMR_REASON_SIZE];

	EXPECT_EQ(dmr_metadata_operations.probe(&range, probe.get(), reason), 0) << reason;
	EXPECT_EQ(probe->verdict, DMR_PROBE_MEMBER);
	EXPECT_FALSE(probe->copy_lost);
	return std::make_unique<dmr_setup>(probe->setup);
}

// Of 65536 sectors, of which the first table knows 40960.
class EngineMain : public EnginePool {
protected:
	EngineMain() { main.resize(old_end); }

	TableOptions of_length(uint64_t sectors, TableOptions t)
	{
		t.sectors = sectors;
		t.max_extents = 0;
		return t;
	}
	TableOptions of_length(uint64_t sectors) { return of_length(sectors, table()); }
	// Another disk with what is on this one.
	std::unique_ptr<SimDisk> copy_of(SimDisk &disk, DiskOptions options)
	{
		auto copy = std::make_unique<SimDisk>(world, options);
		const uint32_t part = 128;
		std::vector<uint8_t> data(part * 512);

		for (uint64_t at = 0; at < disk.options().sectors; at += part) {
			disk.peek(at, data.data(), part);
			copy->poke(at, data.data(), part);
		}
		return copy;
	}
	TableOptions over(SimDisk &other)
	{
		TableOptions t = table();

		t.main = &other;
		return t;
	}
	void expect_refused(const TableOptions &t, const std::string &part)
	{
		const uint64_t writes = spare.counts().writes;

		EXPECT_EQ(device.create(t), -EINVAL);
		EXPECT_NE(device.reason().find(part), std::string::npos) << device.reason();
		EXPECT_EQ(spare.counts().writes, writes);
	}
	void remove() { ASSERT_EQ(device.remove(), 0); }
	void remap(uint64_t sector, uint32_t sectors, uint8_t version)
	{
		main.fail(sector, sectors);
		ASSERT_EQ(write(sector, sectors, version), DMR_STS_OK);
	}
};

inline const DiskOptions partition = { .name = "8:1", .identity = "partuuid:1", .disk = "wwid:1", .sectors = new_end };

inline DiskOptions with(DiskOptions options, const char *identity, const char *disk)
{
	options.identity = identity;
	options.disk = disk;
	return options;
}

} // namespace dm_remap::host

#endif
