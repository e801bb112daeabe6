// SPDX-License-Identifier: GPL-2.0
// A set of several members: who fails is left behind, who is missing is told so.
#include "metadata_members_fixture.hh"

#include <algorithm>

namespace dm_remap::metadata_test {
namespace {

TEST_F(MetadataMembers, WhoFailsInAnAppendIsLeftBehind)
{
	for (uint32_t victim = 0; victim < 3; victim++) {
		for (Copy copy : format::copies) {
			first = *ops.setup(set.md);
			write_fails(layout().log(copy, Slot::zero), victim);
			write_fails(layout().log(copy, Slot::one), victim);
			ASSERT_EQ(set.checkpoint(set.map), 0) << "so that the next block is the first of a half";
			ASSERT_EQ(ops.healthy(set.md), 7u);
			ASSERT_EQ(set.append({set.next_record()}), 0);
			expect_left_behind(1u << victim);
			EXPECT_TRUE(set.world.logged("spare 8:" + std::to_string(16 * (victim + 1)) + ": a write of its metadata failed"));

			uint64_t before = writes(victim);
			dmr_setup changed = *ops.setup(set.md);
			changed.read_retries++;
			set.commits(set.layout().log_half_units + 2);
			ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
			EXPECT_EQ(writes(victim), before) << "nothing more is written to it";
			expect_brought_back(1u << victim);
		}
	}
}

TEST_F(MetadataMembers, SeveralMayFailInOneCommit)
{
	write_fails(next_block(Copy::a), 0);
	write_fails(next_block(Copy::b), 2);
	ASSERT_EQ(set.append({set.next_record()}), 0);
	expect_left_behind(5);
	EXPECT_EQ(ops.setup(set.md)->generation, 2u) << "in one step";
	expect_brought_back(5);
}

TEST_F(MetadataMembers, WhoFailsWhileADropIsRecordedIsDroppedToo)
{
	for (Copy copy : format::copies) {
		first = *ops.setup(set.md);
		set.disk(1).set_gone(true);
		write_fails(layout().superblock(copy), 2);
		ASSERT_EQ(set.append({set.next_record()}), 0);
		expect_left_behind(6);
		// It may have heard of the first new branch: it must not be believed.
		EXPECT_EQ(ops.setup(set.md)->ancestor_count, first.ancestor_count + 2);
		set.disk(1).set_gone(false);
		expect_brought_back(6);
	}
}

TEST_F(MetadataMembers, WithNobodyLeftItFails)
{
	for (uint32_t i = 0; i < 3; i++)
		set.disk(i).set_gone(true);
	EXPECT_EQ(set.append({set.next_record()}), -EIO);
	EXPECT_EQ(ops.healthy(set.md), 0u);
	for (uint32_t i = 0; i < 3; i++)
		set.disk(i).set_gone(false);
	EXPECT_EQ(set.append({set.next_record()}), -EIO);
	EXPECT_EQ(set.checkpoint(set.map), -EIO);
	EXPECT_EQ(ops.remove_member(set.md, 1), -EIO);
	EXPECT_EQ(set.add(1), -EIO);
	EXPECT_EQ(set.reload(), -EIO);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
}

TEST_F(MetadataMembers, TheLastOneMayFailWhileItRecords)
{
	set.disk(0).set_gone(true);
	set.disk(1).set_gone(true);
	write_fails(layout().superblock(Copy::a), 2);
	EXPECT_EQ(set.append({set.next_record()}), -EIO);
	EXPECT_EQ(ops.healthy(set.md), 0u);
}

TEST_F(MetadataMembers, WhoFailsInACheckpointIsLeftBehind)
{
	for (uint32_t what = 0; what < 4; what++) {
		ASSERT_EQ(set.checkpoint(set.map), 0);
		first = *ops.setup(set.md);
		for (Slot slot : metadata::slots) {
			if (what == 0)
				write_fails(layout().body(Copy::a, slot), 1);
			if (what == 1)
				write_fails(layout().head(Copy::a, slot), 1);
			if (what == 2)
				write_fails(layout().head(Copy::b, slot), 1);
		}
		if (what == 3)
			set.disk(1).fail_flushes(1);
		ASSERT_EQ(set.checkpoint(set.map), 0);
		expect_left_behind(2);
		expect_brought_back(2);
	}
	for (uint32_t i = 0; i < 3; i++)
		set.disk(i).fail_flushes(1);
	EXPECT_EQ(set.checkpoint(set.map), -EIO);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
}

// What fails, and whether others may have lost by it what they had written to that member. Member 1 has no FUA.
TEST(MetadataLost, OnlyAFlushThatFailsCostsOthersTheirData)
{
	for (uint32_t victim = 0; victim < 2; victim++) {
		Set set{{.members = 3, .without_fua = 2, .max_extents = 164}};
		const uint32_t told = victim == 1 ? 2 : 0;
		auto write_fails = [&](UnitNumber unit) {
			set.disk(victim).fail(set.sector(unit, victim), 8, host::Fault::unwritable());
		};
		auto taken_in_again = [&] {
			set.disk(victim).heal_all();
			ASSERT_EQ(set.load(), 0) << set.reason;
			ASSERT_EQ(set.checkpoint(set.map), 0);
			ASSERT_EQ(ops.healthy(set.md), 7u);
			ASSERT_EQ(ops.take_lost(set.md), 0u);
		};

		set.format();
		set.commits(3);
		const Layout layout = set.layout();

		EXPECT_EQ(ops.take_lost(set.md), 0u);
		for (Copy copy : format::copies) {
			write_fails(layout.log(copy, Slot::zero));
			write_fails(layout.log(copy, Slot::one));
			ASSERT_EQ(set.checkpoint(set.map), 0);
			ASSERT_EQ(set.append({set.next_record()}), 0);
			ASSERT_EQ(ops.healthy(set.md), 7u & ~(1u << victim));
			EXPECT_EQ(ops.take_lost(set.md), told) << "a record, written with FUA";
			EXPECT_EQ(ops.take_lost(set.md), 0u) << "told once";
			taken_in_again();
		}
		for (Slot slot : metadata::slots)
			write_fails(layout.body(Copy::a, slot));
		ASSERT_EQ(set.checkpoint(set.map), 0);
		ASSERT_EQ(ops.healthy(set.md), 7u & ~(1u << victim));
		EXPECT_EQ(ops.take_lost(set.md), 0u) << "a plain write";
		taken_in_again();
		for (Slot slot : metadata::slots)
			write_fails(layout.head(Copy::a, slot));
		ASSERT_EQ(set.checkpoint(set.map), 0);
		EXPECT_EQ(ops.take_lost(set.md), told) << "a head, written with FUA";
		taken_in_again();
		set.disk(victim).fail_flushes(1);
		ASSERT_EQ(set.checkpoint(set.map), 0);
		EXPECT_EQ(ops.take_lost(set.md), 1u << victim) << "a flush";
		taken_in_again();
	}
}

TEST_F(MetadataMembers, WhoFailsInAnUpdateIsLeftBehind)
{
	dmr_setup changed = *ops.setup(set.md);

	changed.read_retries = 42;
	write_fails(layout().superblock(Copy::b), 1);
	ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
	expect_left_behind(2);
	EXPECT_EQ(ops.setup(set.md)->read_retries, 42u);
	expect_brought_back(2);
	EXPECT_EQ(set.setup().read_retries, 42u);
}

TEST_F(MetadataMembers, FormattingNeedsAll)
{
	for (uint32_t victim = 0; victim < 3; victim++) {
		for (UnitNumber unit : {UnitNumber(0), layout().log(Copy::a, Slot::one), layout().superblock(Copy::b)}) {
			set.fresh_setup(0x30 + static_cast<int>(victim));
			ASSERT_EQ(set.open(), 0);
			write_fails(unit, victim);
			EXPECT_EQ(ops.format(set.md, set.reason), -EIO);
			EXPECT_NE(std::string(set.reason).find("cannot be written"), std::string::npos);
			EXPECT_EQ(set.append({set.next_record()}), -EIO);
			set.disk(victim).heal_all();
		}
	}
	set.fresh_setup(0x40);
	set.take_away(1);
	ASSERT_EQ(set.open(), 0);
	EXPECT_EQ(ops.format(set.md, set.reason), -EINVAL);
	EXPECT_NE(std::string(set.reason).find("missing"), std::string::npos);
	EXPECT_EQ(ops.lay_out(&set.range(), 0, &set.setup(), set.reason), -EINVAL);
}

TEST_F(MetadataMembers, WhoIsMissingIsToldBeforeAnythingElseIsWritten)
{
	std::vector<uint64_t> places;

	set.take_away(1);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	EXPECT_TRUE(set.report.needs_checkpoint);
	EXPECT_EQ(set.report.stale, 0u);
	EXPECT_EQ(ops.healthy(set.md), 5u);
	EXPECT_EQ(set.state_of(1), uint32_t{DMR_MEMBER_ACTIVE}) << "a load writes nothing";
	EXPECT_EQ(set.append({set.next_record()}), -EINVAL);
	set.world.on_io = [&](const host::IoPoint &point) {
		if (point.phase == host::IoPhase::Submitted)
			places.push_back(point.io.sector);
	};
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.world.on_io = nullptr;
	uint64_t a = set.sector(layout().superblock(Copy::a)), b = set.sector(layout().superblock(Copy::b));
	ASSERT_GT(places.size(), 4u);
	EXPECT_EQ(std::vector<uint64_t>(places.begin(), places.begin() + 4), (std::vector<uint64_t>{a, a, b, b}));
	EXPECT_EQ(std::count(places.begin() + 4, places.end(), a), 0);
	expect_left_behind(2);

	// The next time it is known.
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_FALSE(set.report.needs_checkpoint);
	EXPECT_EQ(set.state_of(1), uint32_t{DMR_MEMBER_DROPPED});
	set.commits(2);
	set.give_back(1);
	expect_brought_back(2);
}

TEST_F(MetadataMembers, AnUpdateTellsWhoIsMissingToo)
{
	set.take_away(1);
	ASSERT_EQ(set.load(), 0) << set.reason;
	dmr_setup changed = *ops.setup(set.md);
	changed.read_retries = 42;
	ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
	expect_left_behind(2);
}

TEST_F(MetadataMembers, AReadOnlyTableTellsNobody)
{
	set.take_away(1);
	ASSERT_EQ(set.load(true), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	uint64_t before = writes(0) + writes(2);
	EXPECT_EQ(set.checkpoint(set.map), -EROFS);
	EXPECT_EQ(ops.remove_member(set.md, 0), -EROFS);
	EXPECT_EQ(set.add(1), -EROFS);
	EXPECT_EQ(writes(0) + writes(2), before);

	// Nor is a stale member touched.
	set.start();
	set.commits(2);
	set.give_back(1);
	before = writes(0) + writes(1) + writes(2);
	ASSERT_EQ(set.load(true), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	EXPECT_EQ(set.report.stale, 2u);
	EXPECT_EQ(writes(0) + writes(1) + writes(2), before);
}

TEST_F(MetadataMembers, ThoseThatWereStartedAloneAreRefusedTogether)
{
	for (uint32_t alone : {0u, 1u}) {
		for (uint32_t i = 0; i < 3; i++)
			i == alone ? set.give_back(i) : set.take_away(i);
		Map before = set.map;
		set.start();
		set.commits(2 + alone);
		set.map = before;
	}
	set.give_back(0), set.give_back(2);
	EXPECT_EQ(set.assemble(), -ESTALE);

	// The second line of defence, whichever of the two is taken for the newest.
	for (uint32_t newest : {0u, 1u}) {
		set.setup() = set.probe_of(newest).setup;
		ASSERT_EQ(set.open(), 0) << set.reason;
		EXPECT_EQ(set.reload(), -ESTALE);
	}
	set.setup() = set.probe_of(0).setup;
	ASSERT_EQ(set.open(), 0) << set.reason;
	EXPECT_EQ(set.reload(), -ESTALE);
	EXPECT_NE(std::string(set.reason).find("went a way of its own"), std::string::npos) << set.reason;
	EXPECT_EQ(set.append({set.next_record()}), -EINVAL);
}

TEST_F(MetadataMembers, OneFromBeforeAFormattingIsNotBelieved)
{
	DiskContent old = set.disk(1).snapshot();

	set.fresh_setup(0x33);
	set.format();
	set.commits(1);
	set.setup() = *ops.setup(set.md);
	set.disk(1).restore(old);
	ASSERT_EQ(set.open(), 0);
	EXPECT_EQ(set.reload(), -ESTALE);
	EXPECT_NE(std::string(set.reason).find("spare 8:32 was formatted for another set"), std::string::npos) << set.reason;
}

} // namespace
} // namespace dm_remap::metadata_test
