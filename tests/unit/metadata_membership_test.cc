// SPDX-License-Identifier: GPL-2.0
// Members that join, and members that go.
#include "metadata_fixture.hh"

#include "metadata/codec.hh"

namespace dm_remap::metadata_test {
namespace {

class MetadataMembership : public testing::Test {
protected:
	MetadataMembership()
	{
		set.format();
		set.commits(5);
	}

	void expect_exact(uint32_t healthy)
	{
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
		EXPECT_FALSE(set.report.needs_checkpoint);
		EXPECT_EQ(set.report.stale, 0u);
		EXPECT_EQ(ops.healthy(set.md), healthy);
	}
	void expect_alone(uint32_t member)
	{
		for (uint32_t i = 0; i < 4; i++)
			i == member ? set.give_back(i) : set.take_away(i);
		ASSERT_EQ(set.load(true), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
		for (uint32_t i = 0; i < 4; i++)
			set.give_back(i);
	}
	dmr_probe_verdict probe(uint32_t disk)
	{
		EXPECT_EQ(ops.probe(&set.range(disk), &probed, set.reason), 0) << set.reason;
		return probed.verdict;
	}

	Set set{{.members = 2, .others = 2, .max_extents = 164}};
	dmr_probe probed;
};

TEST_F(MetadataMembership, ABlankSpareThatTheTableNamesJoins)
{
	ASSERT_EQ(set.load(false, 4), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	EXPECT_TRUE(set.report.needs_checkpoint);
	EXPECT_EQ(set.report.stale, 4u);
	EXPECT_EQ(ops.healthy(set.md), 3u);
	EXPECT_EQ(set.state_of(2), uint32_t{DMR_MEMBER_JOINING});
	EXPECT_EQ(probe(2), DMR_PROBE_BLANK) << "a load writes nothing";
	EXPECT_EQ(set.append({set.next_record()}), -EINVAL);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	EXPECT_EQ(ops.healthy(set.md), 7u);
	EXPECT_EQ(set.state_of(2), uint32_t{DMR_MEMBER_ACTIVE});
	EXPECT_EQ(ops.setup(set.md)->ancestor_count, 0u) << "nobody was left behind";
	EXPECT_EQ(ops.setup(set.md)->generation, 2u);
	ASSERT_EQ(set.append({{300, set.data_blocks() + 3, 1, DMR_RECORD_MAP, 2, 0}}), 0);
	expect_exact(7);
	EXPECT_EQ(set.setup().members[2].sectors, set.range(2).sectors);
	EXPECT_EQ(set.setup().members[2].data_start, set.setup().members[0].data_start);
	EXPECT_STREQ(set.setup().members[2].identity, "spare2");
	expect_alone(2);
}

TEST_F(MetadataMembership, AddedMemberTakesPartFromTheNextCheckpoint)
{
	ASSERT_EQ(set.add(2), 0) << set.reason;
	EXPECT_EQ(set.added, 2u);
	EXPECT_EQ(ops.healthy(set.md), 3u);
	EXPECT_TRUE(ops.wants_checkpoint(set.md));
	EXPECT_EQ(set.append({set.next_record()}), -EINVAL);
	// Its own superblock is there, and nobody else's speaks of it.
	EXPECT_EQ(probe(2), DMR_PROBE_MEMBER);
	EXPECT_FALSE(probed.copy_lost);
	EXPECT_EQ(probed.setup.own_index, 2u);
	EXPECT_EQ(probed.setup.members[2].state, uint32_t{DMR_MEMBER_JOINING});
	EXPECT_EQ(probed.setup.generation, 1u);
	EXPECT_EQ(probe(0), DMR_PROBE_MEMBER);
	EXPECT_EQ(probed.setup.members[2].state, uint32_t{DMR_MEMBER_ABSENT});
	ASSERT_EQ(set.add(3), 0) << "and another one";
	EXPECT_EQ(set.added, 3u);
	ASSERT_EQ(ops.update_setup(set.md, ops.setup(set.md)), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	EXPECT_EQ(ops.healthy(set.md), 15u);
	set.commits(3);
	expect_exact(15);
	expect_alone(2);
	expect_alone(3);
}

TEST_F(MetadataMembership, AddedMemberMaySurviveAReload)
{
	ASSERT_EQ(set.add(2), 0) << set.reason;
	ASSERT_EQ(set.reload(), 0) << set.reason;
	EXPECT_EQ(set.report.stale, 4u);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	expect_exact(7);
}

TEST_F(MetadataMembership, WhatCannotJoinIsRefusedAndNothingChanges)
{
	dmr_setup before = *ops.setup(set.md);
	uint64_t needed = set.setup().members[0].data_start;

	set.range(2).sectors = needed;
	EXPECT_EQ(set.add(2), -ENOSPC);
	EXPECT_NE(std::string(set.reason).find("spare 8:48: " + std::to_string(needed) + " sectors are too few"), std::string::npos)
		<< set.reason;
	set.range(2).start = ~0ull;
	EXPECT_EQ(set.add(2), -EINVAL);
	set.range(2) = set.range(3);
	for (UnitNumber unit : {UnitNumber(0), set.layout().log(Copy::b, Slot::zero), set.layout().superblock(Copy::b)}) {
		set.disk(3).fail(set.sector(unit), 1, host::Fault::unwritable());
		EXPECT_EQ(set.add(3), -EIO);
		EXPECT_NE(std::string(set.reason).find("spare 8:64: its metadata area cannot be written"), std::string::npos);
		set.disk(3).heal_all();
	}
	EXPECT_EQ(std::memcmp(&before, ops.setup(set.md), sizeof(before)), 0);
	EXPECT_EQ(set.append({set.next_record()}), 0) << "life goes on";
	set.range(2).sectors = needed + 1;
	EXPECT_EQ(set.add(2), 0) << set.reason;

	// The same at open.
	ASSERT_EQ(set.assemble(8), 0);
	set.range(3).sectors = needed;
	EXPECT_EQ(set.open(), -ENOSPC);
	set.take_away(3);
	EXPECT_EQ(set.open(), -EINVAL);
	EXPECT_NE(std::string(set.reason).find("missing"), std::string::npos) << set.reason;
}

TEST_F(MetadataMembership, AJoiningMemberThatFailsIsForgotten)
{
	for (uint32_t what = 0; what < 3; what++) {
		bool by_table = what == 2;
		uint64_t start = set.sector(set.layout().superblock(Copy::a));

		ASSERT_EQ(set.load(false, by_table ? 4 : 0), 0) << set.reason;
		if (!by_table) {
			ASSERT_EQ(set.add(2), 0);
		}
		if (what == 1)
			set.disk(2).fail_flushes(-1);
		else
			set.disk(2).fail(start, set.range(2).sectors, host::Fault::unwritable());
		ASSERT_EQ(set.checkpoint(set.map), 0);
		set.disk(2).heal_all();
		EXPECT_EQ(ops.healthy(set.md), 3u);
		EXPECT_EQ(set.state_of(2), uint32_t{DMR_MEMBER_ABSENT});
		EXPECT_EQ(ops.setup(set.md)->ancestor_count, 0u);
		set.commits(1);
		expect_exact(3);
	}
	// Too late: the others have named it. Nothing lives on it, and it may be removed, or brought up to date.
	ASSERT_EQ(set.add(2), 0);
	uint64_t own = set.sector(set.layout().superblock(Copy::a));
	bool poisoned = false;
	set.world.on_io = [&](const host::IoPoint &point) {
		if (&point.disk == &set.disk(0) && point.io.sector == own && !poisoned) {
			set.disk(2).fail(own, 1, host::Fault::unwritable());
			poisoned = true;
		}
	};
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.world.on_io = nullptr;
	EXPECT_EQ(set.state_of(2), uint32_t{DMR_MEMBER_DROPPED});
	set.commits(2);
	set.disk(2).heal_all();
	set.start();
	expect_exact(7);
	expect_alone(2);
}

// What the first attempt has written must not make the second look like somebody's data.
TEST_F(MetadataMembership, AJoinThatIsCutOffTwiceBeginsAnewAllTheSame)
{
	ASSERT_EQ(set.add(2), 0);
	uint64_t flushes = 0;
	set.world.on_io = [&](const host::IoPoint &point) {
		// The one after the head of the checkpoint.
		if (&point.disk == &set.disk(2) && point.io.op == DMR_OP_FLUSH && ++flushes == 2)
			set.disk(2).fail_flushes(-1);
	};
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.world.on_io = nullptr;
	EXPECT_EQ(set.state_of(2), uint32_t{DMR_MEMBER_ABSENT});
	EXPECT_EQ(probe(2), DMR_PROBE_MEMBER);
	EXPECT_NE(set.add(2), 0);
	set.disk(2).heal_all();
	EXPECT_TRUE(probe(2) == DMR_PROBE_BLANK || (probed.verdict == DMR_PROBE_MEMBER && probed.formatting)) << probed.verdict;
	ASSERT_EQ(set.add(2), 0) << set.reason;
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.commits(2);
	expect_exact(7);
	expect_alone(2);
}

TEST_F(MetadataMembership, RemovedMemberIsGone)
{
	uint64_t block = set.data_blocks() + 7;

	ASSERT_EQ(set.append({{700, block, 4, DMR_RECORD_MAP, 1, 0}, {0, block + 9, 1, DMR_RECORD_BAD_SPARE, 1, 0}}), 0);
	Map with_bad = set.map;
	// Its blocks have moved.
	ASSERT_EQ(set.append({{700, set.data_blocks(), 4, DMR_RECORD_MAP, 0, 0}}), 0);
	dmr_setup before = *ops.setup(set.md);
	ASSERT_EQ(ops.remove_member(set.md, 1), 0);
	EXPECT_EQ(ops.healthy(set.md), 1u);
	EXPECT_EQ(set.state_of(1), uint32_t{DMR_MEMBER_ABSENT});
	EXPECT_TRUE(descends(*ops.setup(set.md), before));
	EXPECT_NE(probe(1), DMR_PROBE_MEMBER);
	EXPECT_EQ(ops.remove_member(set.md, 1), -EINVAL);
	EXPECT_EQ(ops.remove_member(set.md, 99), -EINVAL);
	EXPECT_EQ(ops.remove_member(set.md, 0), -EBUSY);

	// A start before the checkpoint finds all, but for its bad blocks, which are nobody's.
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_FALSE(set.loaded == set.map);
	EXPECT_LT(set.loaded.size(), set.map.size());
	set.map = set.loaded;
	ASSERT_EQ(set.checkpoint(set.map), 0);
	expect_exact(1);

	// Its number is free again, and nothing of the old one's is taken for the new one's.
	ASSERT_EQ(set.add(1), 0) << set.reason;
	EXPECT_EQ(set.added, 1u);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.commits(2);
	expect_exact(3);
	expect_alone(1);
}

TEST_F(MetadataMembership, AnyoneMayBeRemoved)
{
	// One that is missing.
	set.take_away(1);
	set.start();
	ASSERT_EQ(ops.remove_member(set.md, 1), 0);
	EXPECT_EQ(set.state_of(1), uint32_t{DMR_MEMBER_ABSENT});
	set.commits(1);
	expect_exact(1);
	// It comes back, and nobody knows it.
	set.give_back(1);
	expect_exact(1);
	EXPECT_EQ(set.probe_of(1).verdict, DMR_PROBE_MEMBER);

	// One that is only joining, one that does not take the wiping, and one that fails meanwhile.
	ASSERT_EQ(set.add(2), 0);
	ASSERT_EQ(ops.remove_member(set.md, set.added), 0);
	EXPECT_NE(probe(2), DMR_PROBE_MEMBER);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	ASSERT_EQ(set.add(2), 0);
	ASSERT_EQ(set.add(3), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	uint32_t slot = set.added;
	set.disk(3).set_gone(true);
	ASSERT_EQ(ops.remove_member(set.md, slot), 0);
	set.disk(0).set_gone(true);
	EXPECT_EQ(ops.remove_member(set.md, 0), 0);
	EXPECT_EQ(ops.setup(set.md)->member_count, 3u);
}

TEST_F(MetadataMembership, RemovingWhileOthersFail)
{
	ASSERT_EQ(set.add(2), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.disk(1).set_gone(true);
	ASSERT_EQ(ops.remove_member(set.md, 2), 0);
	EXPECT_EQ(ops.healthy(set.md), 1u);
	EXPECT_EQ(set.state_of(1), uint32_t{DMR_MEMBER_DROPPED});
	set.disk(1).set_gone(false);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	set.start();
	set.disk(0).set_gone(true);
	EXPECT_EQ(ops.remove_member(set.md, 1), -EIO);
	EXPECT_EQ(ops.healthy(set.md), 0u);
}

TEST_F(MetadataMembership, TheSetMustBeTheOneThatTheTableWasLoadedFor)
{
	const dmr_setup old = *ops.setup(set.md);
	auto refused = [&](const dmr_setup &setup) {
		set.setup() = setup;
		EXPECT_EQ(set.open(), 0) << set.reason;
		return set.reload() == -ESTALE && std::string(set.reason).find("load the table again") != std::string::npos;
	};

	ASSERT_EQ(set.add(2), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	const dmr_setup added = *ops.setup(set.md);
	EXPECT_TRUE(refused(old)) << "one has been added";
	dmr_setup later = added;
	later.generation++;
	EXPECT_TRUE(refused(later)) << "nothing says so any more";
	later = added;
	std::memset(later.branch, 9, DMR_UUID_SIZE);
	EXPECT_TRUE(refused(later));
	dmr_setup other = added;
	other.members[2].state = DMR_MEMBER_JOINING;
	EXPECT_TRUE(refused(other)) << "somebody has taken it in";
	ASSERT_EQ(set.load(), 0) << set.reason;
	ASSERT_EQ(ops.remove_member(set.md, 2), 0);
	set.take_away(2);
	EXPECT_TRUE(refused(added)) << "one has gone";
	set.give_back(2);
	set.setup() = old;
	set.setup().members[2] = added.members[2];
	set.setup().members[2].state = DMR_MEMBER_ABSENT;
	dmr_metadata_params params = {nullptr, &set.range(), 2, false, &set.setup()};
	set.setup().members[1].state = DMR_MEMBER_ABSENT;
	set.close();
	EXPECT_EQ(ops.open(&params, &set.md, set.reason), -EINVAL);
	EXPECT_NE(std::string(set.reason).find("the set has no spare 1"), std::string::npos) << set.reason;
}

TEST_F(MetadataMembership, OnlyMembersThatHadEverythingAreBelieved)
{
	ASSERT_EQ(set.add(2), 0);
	const dmr_setup joining = *ops.setup(set.md);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	const dmr_setup joined = *ops.setup(set.md);
	ASSERT_EQ(set.load(), 0);

	// Nothing but one whose superblock says that it is joining.
	DiskContent saved = set.disk(2).snapshot();
	format::Superblock scratch;
	for (Copy copy : format::copies) {
		format::Unit unit;
		UnitNumber where = set.layout().superblock(copy);

		metadata::encode_superblock(joining, 2, scratch, unit);
		metadata::seal(unit, {joined.set_uuid, joined.members[2].uuid, metadata::Kind::superblock, copy, where},
			       {Generation(joining.generation), Generation(0)});
		set.write_unit(where, unit, 2);
	}
	set.take_away(0), set.take_away(1);
	EXPECT_EQ(set.assemble(), -ENODATA);
	EXPECT_EQ(set.probe_of(2).verdict, DMR_PROBE_MEMBER);
	set.setup() = joined;
	ASSERT_EQ(set.open(), 0) << set.reason;
	EXPECT_EQ(set.reload(), -ESTALE);
	EXPECT_NE(std::string(set.reason).find("none of the spares that are there"), std::string::npos) << set.reason;
	// With the others, who name it, it is as one that is behind.
	set.give_back(0), set.give_back(1);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.report.stale, 4u);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	expect_exact(7);
	expect_alone(2);
}

} // namespace
} // namespace dm_remap::metadata_test
