// SPDX-License-Identifier: GPL-2.0
// Spares that join a set, and what an attempt that was cut off has left; word for word.
#include "reassembly_fixture.hh"

namespace {

using Set = ReassemblyTest;

// ---- joining ----

TEST_F(Set, BlankSparesJoin)
{
	add("8:16").range.sectors = 16384;
	add_member("8:32", 0, 3);
	add("8:48");
	add_member("8:64", 2, 3);
	for (size_t i : {1, 3})
		std::memset(&setup_of(i).members[1], 0, sizeof(dmr_member_entry));
	expect_verdict(DMR_ASSEMBLY_LOAD);
	expect_slots({1, 0, 3, 2});
	EXPECT_EQ(setup_->member_count, 4u);
	for (uint32_t slot : {1, 3}) {
		EXPECT_EQ(setup_->members[slot].state, uint32_t(DMR_MEMBER_JOINING));
		EXPECT_EQ(setup_->members[slot].uuid[6] >> 4, 4);
		EXPECT_EQ(setup_->members[slot].data_start, 0u);
		EXPECT_EQ(setup_->members[slot].unit_bytes, 0u);
	}
	EXPECT_EQ(setup_->members[1].sectors, 16384u);
	EXPECT_STREQ(setup_->members[1].identity, "wwid-8:16");
	EXPECT_EQ(setup_->members[3].sectors, 32768u);
	EXPECT_FALSE(dm_remap::same_uuid(setup_->members[1].uuid, setup_->members[3].uuid));
	EXPECT_EQ(setup_->members[0].state, uint32_t(DMR_MEMBER_ACTIVE));
	EXPECT_EQ(setup_of(1).member_count, 3u) << "what was probed stays";
}

TEST_F(Set, AJoiningSpareDoesNotStandForAMissingOne)
{
	add_member("8:16", 0, 2);
	add("8:32");
	expect_refused("1 of the 2 members of set 5e5e5e5e... of 'data' is missing: 11111111... ('wwid-1'): name it, or to "
		       "start without it add 'degraded' and 'force'");
	degraded_ = force_ = true;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	expect_slots({0, 2});
	EXPECT_EQ(setup_->members[1].state, uint32_t(DMR_MEMBER_ACTIVE));
	EXPECT_EQ(setup_->members[2].state, uint32_t(DMR_MEMBER_JOINING));
}

TEST_F(Set, ContentJoinsWithFormatOnly)
{
	add_member("8:16");
	Spare &spare = add("8:32");
	spare.probe->verdict = DMR_PROBE_FOREIGN;
	spare.probe->first_nonzero_sector = 7;
	expect_refused("spare 8:32 is not blank: sector 7 of its range is not zero, and the content is of no known kind: "
		       "name another spare; to use it all the same and lose that, add the feature argument 'format'");
	format_ = true;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	expect_slots({0, 1});
	spare.probe->verdict = DMR_PROBE_DAMAGED;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(setup_->members[1].state, uint32_t(DMR_MEMBER_JOINING));
}

TEST_F(Set, ASetOfSixteenTakesNoMore)
{
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS - 1; i++)
		add_member(name_of(i).c_str(), i, DMR_MAX_MEMBERS);
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS - 1; i++)
		set_state(i, DMR_MAX_MEMBERS - 1, DMR_MEMBER_DROPPED);
	degraded_ = true;
	add("8:256");
	expect_refused("spare 8:256 is blank, and set 5e5e5e5e... of 'data' has 16 members, as many as a set can have: "
		       "leave it out, or remove another first (message 'remove_spare')");
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS - 1; i++)
		set_state(i, DMR_MAX_MEMBERS - 1, DMR_MEMBER_ABSENT);
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(out_->slot[15], 15u);
	EXPECT_EQ(setup_->member_count, 16u);
}

TEST_F(Set, AReadOnlyTableLetsNobodyJoin)
{
	read_only_ = true;
	add_member("8:16");
	add("8:32");
	const std::string refusal = "spare 8:32 would have to be formatted, and a read-only table writes nothing: load "
				    "the table read-write once, or name a spare that is in use already";
	expect_refused(refusal);
	spares_.pop_back();
	add_member("8:32", 1, 2);
	set_state(1, 1, DMR_MEMBER_JOINING);
	expect_refused(refusal);
}

// ---- a join that was cut off ----

TEST_F(Set, AJoinThatNobodyRecordedBeginsAnew)
{
	add_member("8:16");
	Spare &spare = add_member("8:32", 1, 2);
	set_state(1, 1, DMR_MEMBER_JOINING);
	setup_of(1).generation = 5000;
	spare.range.sectors = 20000;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(setup_->generation, 10u) << "it knows nothing";
	EXPECT_EQ(setup_->own_index, 0u);
	expect_slots({0, 1});
	EXPECT_EQ(setup_->members[1].state, uint32_t(DMR_MEMBER_JOINING));
	EXPECT_EQ(setup_->members[1].sectors, 20000u);
	EXPECT_NE(setup_->members[1].uuid[0], 0x11) << "a UUID of its own";
}

TEST_F(Set, AJoinThatTheOthersRecordedIsAMember)
{
	add_member("8:16", 0, 2).probe->setup.generation = 11;
	Spare &spare = add_member("8:32", 1, 2);
	set_state(1, 1, DMR_MEMBER_JOINING);
	for (dmr_member_state state : {DMR_MEMBER_ACTIVE, DMR_MEMBER_DROPPED}) {
		set_state(0, 1, state);
		expect_verdict(DMR_ASSEMBLY_LOAD);
		expect_slots({0, 1});
		EXPECT_EQ(setup_->members[1].state, uint32_t(state));
		EXPECT_EQ(setup_->members[1].uuid[0], 0x11);
	}
	spare.range.sectors = 20000;
	expect_refused("spare 8:32 was formatted as a range of 32768 sectors, the table names 20000 from sector 2048 on: "
		       "name the range as it was formatted");
}

TEST_F(Set, WhoDoesNotHoldTheMapCannotStartTheSet)
{
	const std::string refusal = "spare 8:32 was being added to set 5e5e5e5e..., or dropped from it, and does not "
				    "hold its map: name the set's other spares; to lose its map, run 'blkdiscard -z "
				    "-o 1048576 -l 4194304 /dev/block/8:32' and add 'format'";
	add("8:16");
	add_member("8:32", 1, 2);
	degraded_ = force_ = format_ = true;
	for (dmr_member_state state : {DMR_MEMBER_JOINING, DMR_MEMBER_DROPPED}) {
		set_state(1, 1, state);
		expect_refused(refusal);
	}
}

// ---- a formatting that was cut off ----

TEST_F(Set, AFormattingThatSomeDidNotFinishBeginsAnew)
{
	add_member("8:16", 0, 3).probe->formatting = true;
	std::strcpy(add("8:32").info.identity, "wwid-1");
	add_member("8:48", 2, 3).probe->formatting = true;
	max_extents_ = 777;
	expect_verdict(DMR_ASSEMBLY_FORMAT);
	EXPECT_EQ(setup_->member_count, 3u);
	EXPECT_EQ(setup_->max_extents, 777u);
	EXPECT_NE(setup_->set_uuid[0], 0x5e);
	expect_slots({0, 1, 2});
	// A further blank spare does no harm.
	add("8:64");
	expect_verdict(DMR_ASSEMBLY_FORMAT);
	EXPECT_EQ(setup_->member_count, 4u);
}

TEST_F(Set, AFormattingThatAllFinishedIsLoaded)
{
	add_member("8:16", 0, 2).probe->formatting = true;
	add_member("8:32", 1, 2).probe->formatting = true;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(setup_->set_uuid[0], 0x5e);
}

TEST_F(Set, NothingIsFormattedAnewIfAMemberCouldHoldData)
{
	add_member("8:16", 0, 2).probe->formatting = true;
	Spare &blank = add("8:32");
	const std::string missing = "1 of the 2 members of set 5e5e5e5e... of 'data' is missing: 11111111... ('wwid-1'): "
				    "name it, or to start without it add 'degraded' and 'force'";
	// Another disk than the one that was named then, or another range of it.
	expect_refused(missing);
	std::strcpy(blank.info.identity, "wwid-1");
	blank.range.sectors--;
	expect_refused(missing);
	blank.range.sectors++;
	expect_verdict(DMR_ASSEMBLY_FORMAT);
	// One disk does not stand for two.
	setup_of(0).member_count = 3;
	setup_of(0).members[2] = setup_of(0).members[1];
	setup_of(0).members[2].uuid[0]++;
	EXPECT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("2 of the 3 members"), std::string::npos) << reason_;
	// One that was finished may have been written since.
	setup_of(0).member_count = 2;
	add_member("8:48", 1, 2);
	expect_verdict(DMR_ASSEMBLY_LOAD);
	expect_slots({0, 2, 1});
}

} // namespace
