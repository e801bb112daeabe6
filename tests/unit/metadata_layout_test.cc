// SPDX-License-Identifier: GPL-2.0
// lay_out() over every size that a spare may have.
#include "metadata_fixture.hh"

#include "metadata/superblock_places.hh"

#include <set>

namespace dm_remap::metadata_test {
namespace {

class Device final : public dmr_device {
public:
	Device(uint32_t logical, uint32_t physical) : logical_(logical), physical_(physical) {}

	void describe(dmr_device_info *out) override
	{
		*out = {};
		out->sectors = ~0ull;
		out->logical_block_bytes = logical_;
		out->physical_block_bytes = physical_;
		std::strcpy(out->name, "8:16");
	}
	void start(host::DeviceIo *) override { ADD_FAILURE() << "laying out is pure arithmetic"; }

private:
	uint32_t logical_, physical_;
};

constexpr uint64_t kib = 2, mib = 2048, gib = 2048 * 1024, tib = gib * 1024;

struct Case {
	uint64_t start, sectors;
	uint32_t block, physical;
};

std::vector<Case> cases()
{
	std::vector<Case> all;

	for (uint64_t size : {512 * kib, 1 * mib, 3 * mib + 8, 8 * mib, 32 * mib, 100 * mib + 24, 1 * gib, 40 * gib, 1 * tib, 10 * tib})
		for (uint64_t start : {uint64_t{0}, uint64_t{8}, uint64_t{2048}, uint64_t{2056}, uint64_t{63}})
			for (uint32_t block : {512u, 4096u})
				for (uint32_t physical : {512u, 4096u})
					if (start % 8 == 0 || block == 512)
						all.push_back({start, size, block, physical});
	return all;
}

TEST(MetadataLayout, EverySizeGivesAUsableArea)
{
	for (const Case &c : cases()) {
		Device device(512, c.physical);
		dmr_member_range range = {&device, c.start, c.sectors};
		dmr_setup g = {};
		char reason[DMR_REASON_SIZE];

		SCOPED_TRACE(testing::Message() << c.sectors << " sectors at " << c.start << ", blocks of " << c.block);
		ASSERT_EQ(lay_out(range, c.block, 0, g, reason), 0) << reason;
		EXPECT_EQ(g.members[0].unit_bytes, 4096u);
		EXPECT_GE(g.log_half_units, 2u);
		EXPECT_GE((g.checkpoint_units - 1) * 164ull, g.max_extents);
		EXPECT_LE(1 + 2ull * g.checkpoint_units + 2ull * g.log_half_units, g.copy_units);
		EXPECT_EQ(g.members[0].data_start % (c.block / 512), 0u);
		EXPECT_LE(g.members[0].data_start, c.sectors / 4 + 8);
		// Everything lies in the area.
		uint64_t pad = (c.start + 7) / 8 * 8 - c.start;
		EXPECT_LE(pad + 2ull * g.copy_units * 8, g.members[0].data_start);
		EXPECT_LT(g.members[0].data_start, pad + 2ull * g.copy_units * 8 + 8);
		if (c.sectors >= 9 * mib) {
			EXPECT_GE(g.copy_units, 256u) << "copies are a MiB apart";
		}
		uint64_t wanted = std::max<uint64_t>(65536, c.sectors / (c.block / 512) / 64);
		if (c.sectors >= 40 * mib) {
			EXPECT_EQ(g.max_extents, std::min<uint64_t>(wanted, 1u << 24));
		} else {
			EXPECT_LE(g.max_extents, wanted);
		}
		EXPECT_GE(g.max_extents, std::min<uint64_t>(wanted, 328));

		// Asking for what it chose gives the same.
		dmr_setup again = {};
		ASSERT_EQ(lay_out(range, c.block, g.max_extents, again, reason), 0) << reason;
		EXPECT_EQ(std::memcmp(&g, &again, sizeof(g)), 0);
	}
}

TEST(MetadataLayout, SmallRangeHasRoomForEveryBlockOfIt)
{
	Device device(512, 512);
	dmr_member_range range = {&device, 0, 1 * mib};
	dmr_setup g = {};

	ASSERT_EQ(lay_out(range, 512, 0, g, nullptr), 0);
	EXPECT_GE(g.max_extents, range.sectors - g.members[0].data_start);
}

TEST(MetadataLayout, ExplicitMaxExtentsIsKept)
{
	Device device(512, 4096);
	dmr_member_range range = {&device, 2048, 1 * gib};
	dmr_setup g = {};
	char reason[DMR_REASON_SIZE];

	for (uint64_t wanted : {1u, 1000u, 65537u, 1'000'000u, 2'000'000u}) {
		ASSERT_EQ(lay_out(range, 4096, wanted, g, reason), 0) << reason;
		EXPECT_EQ(g.max_extents, wanted);
		EXPECT_GE(g.copy_units, 256u);
	}
}

TEST(MetadataLayout, RefusalsNameTheNumbers)
{
	Device device(512, 512), native(4096, 4096);
	char reason[DMR_REASON_SIZE];
	dmr_setup g = {};
	dmr_member_range range = {&device, 0, 767};

	EXPECT_EQ(lay_out(range, 512, 0, g, reason), -ENOSPC);
	EXPECT_STREQ(reason, "spare 8:16: 767 sectors are too few, a spare there needs at least 768: give it a larger range");
	range.sectors = 768;
	EXPECT_EQ(lay_out(range, 512, 0, g, reason), 0) << reason;
	range = {&device, 1, 768};
	EXPECT_EQ(lay_out(range, 512, 0, g, reason), -ENOSPC);
	EXPECT_NE(std::string(reason).find("at least 796"), std::string::npos) << reason;

	range = {&device, 0, 1 * mib};
	EXPECT_EQ(lay_out(range, 512, 100'000, g, reason), -ENOSPC);
	EXPECT_STREQ(reason, "max_extents 100000 does not fit into a quarter of the smallest spare, which holds 1968: ask for fewer, or "
			     "give a larger range");
	EXPECT_EQ(lay_out(range, 512, (1u << 24) + 1, g, reason), -EINVAL);
	EXPECT_EQ(lay_out(range, 1024, 0, g, reason), -EINVAL);
	EXPECT_STREQ(reason, "main has blocks of 1024 bytes: 512 and 4096 are supported");
	range = {&native, 4, 1 * mib};
	EXPECT_EQ(lay_out(range, 4096, 0, g, reason), -EINVAL);
	EXPECT_NE(std::string(reason).find("start 4 is not a multiple"), std::string::npos) << reason;
	range = {&device, ~0ull - 5, ~0ull};
	EXPECT_EQ(lay_out(range, 512, 0, g, reason), -EINVAL);
}

TEST(MetadataLayout, StrideFollowsThePhysicalBlock)
{
	for (auto [physical, unit] : {std::pair(512u, 4096u), {4096u, 4096u}, {16384u, 16384u}, {65536u, 65536u},
				      {131072u, 4096u}, {12288u, 4096u}, {0u, 4096u}}) {
		Device device(512, physical);
		dmr_member_range range = {&device, 8, 1 * gib};
		dmr_setup g = {};

		ASSERT_EQ(lay_out(range, 512, 0, g, nullptr), 0);
		EXPECT_EQ(g.members[0].unit_bytes, unit) << physical;
		EXPECT_EQ((range.start + g.members[0].data_start) * 512 % unit, 0u);
	}
}

TEST(MetadataLayout, MembersOfASetShareOneLayout)
{
	Device device(512, 512), large(512, 16384);
	dmr_member_range ranges[] = {{&device, 0, 1 * gib}, {&large, 24, 2 * mib}, {&device, 8, 8 * gib}};
	dmr_setup setup = {};
	char reason[DMR_REASON_SIZE];

	setup.member_count = 3;
	setup.main.block_bytes = 512;
	ASSERT_EQ(ops.lay_out(ranges, 0, &setup, reason), 0) << reason;
	for (int i = 0; i < 3; i++)
		EXPECT_LE(setup.members[i].data_start, ranges[i].sectors / 4);
	EXPECT_EQ(setup.members[0].data_start, 2ull * setup.copy_units * 8);
	EXPECT_EQ(setup.members[1].unit_bytes, 16384u);
	EXPECT_EQ(setup.members[1].data_start, 8 + 2ull * setup.copy_units * 32);
}

TEST(MetadataLayout, PartsDoNotOverlap)
{
	Layout layout = {32, 5, 10};
	std::set<uint64_t> seen;

	ASSERT_TRUE(metadata::possible(layout, 4 * 164));
	EXPECT_FALSE(metadata::possible(layout, 4 * 164 + 1));
	EXPECT_FALSE(metadata::possible({32, 5, 11}, 4 * 164));
	EXPECT_FALSE(metadata::possible({31, 5, 10}, 4 * 164));
	for (Copy copy : format::copies) {
		EXPECT_TRUE(seen.insert(layout.superblock(copy).value).second);
		for (Slot slot : metadata::slots) {
			EXPECT_TRUE(seen.insert(layout.head(copy, slot).value).second);
			for (uint64_t i = 0; i < layout.body_units(); i++)
				EXPECT_TRUE(seen.insert(layout.body(copy, slot).value + i).second);
			for (uint64_t i = 0; i < layout.log_half_units; i++)
				EXPECT_TRUE(seen.insert(layout.log(copy, slot).value + i).second);
		}
	}
	EXPECT_EQ(seen.size(), 2u * (1 + 10 + 20));
	EXPECT_LT(*seen.rbegin(), layout.total_units());
}

TEST(MetadataLayout, SuperblockIsAlwaysAtOneOfTheKnownPlaces)
{
	Device device(512, 512);

	for (const Case &c : cases()) {
		dmr_member_range range = {&device, c.start, c.sectors};

		for (uint32_t bytes = 4096; bytes <= 65536; bytes *= 2) {
			for (uint32_t units = 12; units; units = metadata::CopyUnitsChoice::after(units)) {
				uint64_t a = metadata::area_start(Sectors(c.start), bytes).value;
				uint64_t b = a + uint64_t{units} * (bytes / 512);
				metadata::SuperblockPlaces places(range);
				bool found_a = false, found_b = false;
				Sectors place;

				if (b + 8 > c.start + c.sectors)
					break;
				while (places.next(place)) {
					found_a |= place.value == a;
					found_b |= place.value == b;
					ASSERT_LE(place.value + 8, c.start + c.sectors);
				}
				ASSERT_TRUE(found_a && found_b) << c.start << " " << bytes << " " << units;
			}
		}
	}
}

} // namespace
} // namespace dm_remap::metadata_test
