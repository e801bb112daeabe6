// SPDX-License-Identifier: GPL-2.0
// Members that return: what they hold is not believed, and they are brought up to date.
#include "metadata_members_fixture.hh"

namespace dm_remap::metadata_test {
namespace {

using metadata::Kind;
using MetadataStale = MetadataMembers;

// A commit that only the first member has, whatever the others did before it comes back.
TEST_F(MetadataStale, WhatNobodyElseHasCommittedIsForgotten)
{
	uint32_t half = layout().log_half_units;

	for (uint32_t commits : {0u, 1u, 2u, half - 1, half, half + 1, 3 * half}) {
		set.start();
		set.world.cut_after(2);
		set.world.run_fiber("append", [&] {
			const dmr_record record = {999, 0, 1, DMR_RECORD_PENDING, 0, 0};

			ops.append(set.md, &record, 1);
		});
		for (uint32_t i = 0; i < 3; i++)
			set.disk(i).power_cut([](const Unflushed &u) { return u.versions; });
		set.world.reboot();
		set.forget();
		set.take_away(0);
		set.start();
		set.commits(commits);
		set.give_back(0);
		ASSERT_EQ(set.load(), 0) << commits << set.reason;
		ASSERT_EQ(set.loaded, set.map) << commits;
		EXPECT_EQ(set.report.stale, 1u);
		ASSERT_EQ(set.checkpoint(set.map), 0);
		expect_each_has_all();
		set.start();
		set.commits(half + 1);
		ASSERT_EQ(set.load(), 0) << commits << set.reason;
		ASSERT_EQ(set.loaded, set.map) << commits;
		ASSERT_FALSE(set.report.needs_checkpoint);
	}
}

// What it holds is of a smaller main, and it would not take the records of the part that was added.
TEST_F(MetadataStale, WhoWasAwayWhenMainGrewLearnsIt)
{
	set.take_away(0);
	set.start();
	dmr_setup grown = *ops.setup(set.md);
	grown.main.sectors += 8;
	std::strcpy(grown.main.disk, "wwid:learned");
	ASSERT_EQ(ops.update_setup(set.md, &grown), 0);
	ASSERT_EQ(set.append({{1'000'000, 0, 8, DMR_RECORD_PENDING, 0, 0}}), 0);
	set.give_back(0);
	set.start();
	expect_each_has_all();
	for (uint32_t i = 0; i < 3; i++) {
		EXPECT_EQ(set.probe_of(i).setup.main.sectors, 1'000'008u) << i;
		EXPECT_STREQ(set.probe_of(i).setup.main.disk, "wwid:learned") << i;
	}
}

TEST_F(MetadataStale, WhatRottedOnAStaleMemberIsMadeWhole)
{
	set.take_away(2);
	set.start();
	set.commits(layout().log_half_units + 2);
	for (uint64_t u = 1; u < layout().copy_units; u += 2)
		set.lose(UnitNumber(u), 2);
	set.rot(layout().superblock(Copy::b), 700, 1, 2);
	set.give_back(2);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	for (Copy copy : format::copies) {
		for (uint32_t i = 0; i < 2 * layout().log_half_units; i++) {
			UnitNumber unit = layout().log(copy, Slot::zero) + i;
			metadata::Place place = {set.setup().set_uuid, set.setup().members[2].uuid, Kind::log, copy, unit};

			EXPECT_EQ(inspect(set.read_unit(unit, 2), place), metadata::UnitState::good) << unit.value;
		}
	}
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_FALSE(set.report.needs_checkpoint);
	expect_each_has_all();
}

TEST_F(MetadataStale, AStaleMemberThatFailsAgainIsLeftWhereItIs)
{
	for (uint32_t what = 0; what < 4; what++) {
		set.take_away(2);
		set.start();
		set.commits(1);
		set.give_back(2);
		ASSERT_EQ(set.load(), 0) << set.reason;
		dmr_setup before = *ops.setup(set.md);
		switch (what) {
		case 0:
			set.disk(2).set_read_only(true);
			break;
		case 1:
			write_fails(layout().log(Copy::b, Slot::zero), 2);
			break;
		case 2:
			set.disk(2).fail_flushes(1);
			break;
		case 3:
			write_fails(layout().superblock(Copy::b), 2);
			break;
		}
		ASSERT_EQ(set.checkpoint(set.map), 0);
		EXPECT_EQ(ops.healthy(set.md), 3u);
		EXPECT_EQ(set.state_of(2), uint32_t{DMR_MEMBER_DROPPED});
		// Its own superblock may say that it was taken in.
		EXPECT_EQ(same_branch(before, *ops.setup(set.md)), what != 3) << what;
		set.commits(2);
		set.disk(2).set_read_only(false);
		expect_brought_back(4);
	}
}

// Others fail while somebody is brought up to date.
TEST_F(MetadataStale, WhoFailsWhileAnotherIsTakenInIsLeftBehind)
{
	for (UnitNumber unit : {layout().head(Copy::b, Slot::zero), layout().superblock(Copy::b)}) {
		set.take_away(2);
		set.start();
		set.commits(1);
		set.give_back(2);
		ASSERT_EQ(set.load(), 0) << set.reason;
		write_fails(unit, 0);
		ASSERT_EQ(set.checkpoint(set.map), 0);
		EXPECT_EQ(ops.healthy(set.md), 6u);
		set.commits(3);
		expect_brought_back(1);
	}
	// Those who know everything are gone before the other has it.
	set.take_away(2);
	set.start();
	set.give_back(2);
	ASSERT_EQ(set.load(), 0) << set.reason;
	for (uint32_t i : {0u, 1u})
		write_fails(layout().superblock(Copy::a), i);
	EXPECT_EQ(set.checkpoint(set.map), -EIO);
}

} // namespace
} // namespace dm_remap::metadata_test
