// SPDX-License-Identifier: GPL-2.0
// A set of three members in the middle of its life, and who of them was left behind.
#ifndef DMR_TESTS_METADATA_MEMBERS_FIXTURE_HH
#define DMR_TESTS_METADATA_MEMBERS_FIXTURE_HH

#include "metadata_fixture.hh"

namespace dm_remap::metadata_test {

class MetadataMembers : public testing::Test {
protected:
	MetadataMembers()
	{
		set.format();
		set.commits(5);
		first = *ops.setup(set.md);
	}

	Layout layout() const { return set.layout(); }
	void write_fails(UnitNumber unit, uint32_t member)
	{
		set.disk(member).fail(set.sector(unit, member), 8, host::Fault::unwritable());
	}
	UnitNumber next_block(Copy copy) const { return layout().log(copy, Slot::one) + (ops.generation(set.md) - 2); }
	uint64_t writes(uint32_t member) { return set.disk(member).counts().writes; }

	// Members of `left` are left behind, once, and all others say so.
	void expect_left_behind(uint32_t left)
	{
		const dmr_setup &now = *ops.setup(set.md);

		EXPECT_EQ(ops.healthy(set.md), 7u & ~left);
		EXPECT_TRUE(descends(now, first));
		for (uint32_t i = 0; i < 3; i++)
			EXPECT_EQ(now.members[i].state, left >> i & 1 ? DMR_MEMBER_DROPPED : DMR_MEMBER_ACTIVE) << i;
		for (uint32_t i = 0; i < 3; i++) {
			dmr_probe probe;

			if (left >> i & 1)
				continue;
			ASSERT_EQ(ops.probe(&set.range(i), &probe, set.reason), 0);
			EXPECT_TRUE(same_branch(probe.setup, now));
			EXPECT_EQ(probe.setup.generation, now.generation);
			EXPECT_FALSE(probe.copy_lost);
			for (uint32_t j = 0; j < 3; j++)
				EXPECT_EQ(probe.setup.members[j].state, now.members[j].state);
		}
	}
	// Every member has everything.
	void expect_each_has_all()
	{
		for (uint32_t i = 0; i < 3; i++) {
			for (uint32_t j = 0; j < 3; j++)
				j == i ? set.give_back(j) : set.take_away(j);
			ASSERT_EQ(set.load(true), 0) << i << set.reason;
			EXPECT_EQ(set.loaded, set.map) << i;
		}
		for (uint32_t j = 0; j < 3; j++)
			set.give_back(j);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
		EXPECT_FALSE(set.report.needs_checkpoint);
	}
	void expect_brought_back(uint32_t stale)
	{
		set.disk(0).heal_all(), set.disk(1).heal_all(), set.disk(2).heal_all();
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
		EXPECT_EQ(set.report.stale, stale);
		ASSERT_TRUE(set.report.needs_checkpoint);
		EXPECT_EQ(ops.healthy(set.md), 7u & ~stale);
		EXPECT_EQ(set.append({set.next_record()}), -EINVAL) << "before the checkpoint";
		ASSERT_EQ(set.checkpoint(set.map), 0);
		EXPECT_EQ(ops.healthy(set.md), 7u);
		set.commits(3);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
		EXPECT_EQ(set.report.stale, 0u);
		EXPECT_FALSE(set.report.needs_checkpoint);
		expect_each_has_all();
	}

	Set set{{.members = 3, .max_extents = 164}};
	dmr_setup first;
};

} // namespace dm_remap::metadata_test

#endif
