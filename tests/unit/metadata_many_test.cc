// SPDX-License-Identifier: GPL-2.0
// As many members as there may be, as many branches, and as many copies.
#include "metadata_fixture.hh"

namespace dm_remap::metadata_test {
namespace {

TEST(MetadataMany, SixteenMembers)
{
	Set set({.members = 15, .others = 1, .max_extents = 164});

	set.format();
	ASSERT_EQ(set.add(15), 0) << set.reason;
	EXPECT_EQ(set.add(15), -ENOSPC);
	EXPECT_NE(std::string(set.reason).find("16 spares"), std::string::npos) << set.reason;
	ASSERT_EQ(set.checkpoint(set.map), 0);
	EXPECT_EQ(ops.healthy(set.md), 0xffffu);
	set.commits(set.layout().log_half_units + 3);
	for (uint32_t i = 0; i < 15; i += 2)
		set.disk(i).set_gone(true);
	set.commits(2);
	EXPECT_EQ(ops.healthy(set.md), 0xaaaau);
	for (uint32_t i = 0; i < 15; i += 2)
		set.disk(i).heal_all();
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.report.stale, 0x5555u);
	set.start();
	EXPECT_EQ(ops.healthy(set.md), 0xffffu);
	for (uint32_t i = 0; i < 16; i++)
		if (i != 6)
			set.take_away(i);
	ASSERT_EQ(set.load(true), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
}

// The oldest branches are forgotten: what belongs to them is not told from what went its own way, and is refused.
TEST(MetadataMany, AncestorsOverflow)
{
	Set set({.members = 3, .max_extents = 164});

	set.format();
	set.commits(2);
	set.take_away(2);
	for (uint32_t branches = 1; branches <= DMR_MAX_ANCESTORS + 1; branches++) {
		if (branches > 1)
			set.take_away(1);
		set.start();
		EXPECT_EQ(ops.setup(set.md)->ancestor_count, std::min<uint32_t>(branches, DMR_MAX_ANCESTORS));
		set.give_back(1);
		set.start();
		set.commits(1);
		const dmr_setup newest = *ops.setup(set.md);

		set.give_back(2);
		if (branches <= DMR_MAX_ANCESTORS) {
			ASSERT_EQ(set.load(), 0) << branches << set.reason;
			EXPECT_EQ(set.report.stale, 4u);
		} else {
			ASSERT_EQ(set.assemble(), -ESTALE);
			set.setup() = newest;
			ASSERT_EQ(set.open(), 0);
			EXPECT_EQ(set.reload(), -ESTALE);
		}
		set.take_away(2);
	}
}

TEST(MetadataMany, StridesOfMembersMayDiffer)
{
	// The one that joins has larger blocks.
	Set set({.sectors = 65536, .start = 24, .members = 1, .others = 1, .max_extents = 20 * 164});
	host::SimDisk large(set.world, {.name = "9:0", .sectors = 65536 + 200, .physical_block_bytes = 16384});

	set.format();
	set.range(1) = {&large, 24, 65536};
	ASSERT_EQ(set.add(1), 0) << set.reason;
	EXPECT_EQ(ops.setup(set.md)->members[1].unit_bytes, 16384u);
	Map state;
	for (uint64_t i = 0; i < 19 * 164; i++)
		state.apply({i * 7, set.data_blocks() + i, 1, DMR_RECORD_MAP, 0, 0});
	set.map = state;
	ASSERT_EQ(set.checkpoint(state), 0);
	EXPECT_EQ(ops.healthy(set.md), 3u);
	set.range(0).dev = nullptr;
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, state);
	set.close();
}

// Each copy of a unit may be anything on all members but one.
TEST(MetadataMany, OneGoodCopyAnywhereIsEnough)
{
	Set set({.members = 3, .max_extents = 164});

	set.format();
	set.commits(2 * set.layout().log_half_units + 5);
	set.start();
	const UnitNumber units[] = {set.layout().head(Copy::a, Slot::one), set.layout().body(Copy::a, Slot::one),
				    set.layout().log(Copy::a, Slot::one), set.layout().log(Copy::a, Slot::zero)};
	std::vector<DiskContent> saved;
	for (uint32_t i = 0; i < 3; i++)
		saved.push_back(set.disk(i).snapshot());
	for (UnitNumber unit : units) {
		for (uint32_t keep = 0; keep < 6; keep++) {
			for (uint32_t i = 0; i < 6; i++) {
				UnitNumber where = i % 2 ? set.in_copy_b(unit) : unit;

				if (i == keep)
					continue;
				if (i == 0)
					set.rot(where, 700, 1, i / 2);
				else if (i == 1)
					set.write_unit(where, {}, i / 2);
				else if (i == 4)
					set.disk(i / 2).fail(set.sector(where), 1, host::Fault::unreadable());
				else // another member's unit of the same place
					set.write_unit(where, set.read_unit(where, (i / 2 + 1) % 3), i / 2);
			}
			ASSERT_EQ(set.load(), 0) << unit.value << " " << keep << set.reason;
			EXPECT_EQ(set.loaded, set.map);
			for (uint32_t i = 0; i < 3; i++) {
				set.disk(i).heal_all();
				set.disk(i).restore(saved[i]);
			}
		}
	}
}

// Between two superblocks of one member the branch counts, whatever the numbers.
TEST(MetadataMany, TheDescendantOfTwoSuperblocksIsBelieved)
{
	Set set({.members = 2, .max_extents = 164});

	set.format();
	format::Unit old = set.read_unit(set.layout().superblock(Copy::b));
	format::Unit old_a = set.read_unit(set.layout().superblock(Copy::a));
	set.take_away(1);
	set.start();
	format::Unit now_a = set.read_unit(set.layout().superblock(Copy::a));
	format::Unit now_b = set.read_unit(set.layout().superblock(Copy::b));
	const dmr_setup newest = *ops.setup(set.md);
	for (bool lost_a : {false, true}) {
		set.write_unit(set.layout().superblock(Copy::a), lost_a ? old_a : now_a);
		set.write_unit(set.layout().superblock(Copy::b), lost_a ? now_b : old);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_TRUE(same_branch(newest, set.probe.setup));
		EXPECT_TRUE(set.probe.copy_lost);
		EXPECT_TRUE(set.report.needs_checkpoint);
		ASSERT_EQ(set.checkpoint(set.map), 0);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_FALSE(set.probe.copy_lost);
		EXPECT_FALSE(set.report.needs_checkpoint);
	}
}

} // namespace
} // namespace dm_remap::metadata_test
