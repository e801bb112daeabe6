// SPDX-License-Identifier: GPL-2.0
// Several spares: who belongs together, and who is missing; word for word.
#include "reassembly_fixture.hh"

#include <algorithm>

namespace {

using Set = ReassemblyTest;

TEST_F(Set, AWholeSetOfThree)
{
	for (uint32_t i = 0; i < 3; i++)
		add_member(name_of(i).c_str(), i, 3).probe->setup.generation = 10 + i % 2;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(setup_->generation, 11u) << "the newest setup";
	EXPECT_EQ(setup_->own_index, 1u);
	expect_slots({0, 1, 2});
}

TEST_F(Set, InAnyOrder)
{
	add_member("8:16", 2, 3);
	add_member("8:32", 0, 3);
	add_member("8:48", 1, 3);
	expect_verdict(DMR_ASSEMBLY_LOAD);
	expect_slots({2, 0, 1});
	EXPECT_EQ(setup_->member_count, 3u);
}

TEST_F(Set, TheSameMemberTwice)
{
	add_member("8:16");
	add_member("8:32");
	expect_refused("spares 8:16 and 8:32 carry the same member UUID 10101010..., one is a copy of the other: name "
		       "only the one that was in use last");
	// Also what a join left behind.
	set_state(0, 0, DMR_MEMBER_JOINING);
	set_state(1, 0, DMR_MEMBER_JOINING);
	EXPECT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("one is a copy"), std::string::npos) << reason_;
}

TEST_F(Set, MembersOfDifferentSets)
{
	add_member("8:16", 0, 2);
	dmr_setup &other = add_member("8:32", 1, 2).probe->setup;
	std::memset(other.set_uuid, 0xaa, DMR_UUID_SIZE);
	std::strcpy(other.name, "backup");
	expect_refused("spares 8:16 and 8:32 belong to different sets (5e5e5e5e... of 'data', aaaaaaaa... of "
		       "'backup'): name the spares of one set");
	set_state(1, 1, DMR_MEMBER_JOINING);
	EXPECT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("different sets"), std::string::npos) << reason_;
	// What a disk says does not get into the kernel's log as it is.
	std::strcpy(other.name, "a\n\x1b[2J\x7f");
	EXPECT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("'a??[2J?'"), std::string::npos) << reason_;
}

// ---- branches ----

TEST_F(Set, TheLaterBranchIsBelievedWhateverTheNumbers)
{
	for (bool later_first : {false, true}) {
		spares_.clear();
		add_member("8:16", 0, 2);
		add_member("8:32", 1, 2);
		const size_t later = later_first ? 0 : 1;
		start_branch(later, 0xb1);
		set_state(later, later_first ? 1 : 0, DMR_MEMBER_DROPPED);
		setup_of(1 - later).generation = 5000;
		expect_verdict(DMR_ASSEMBLY_LOAD);
		EXPECT_EQ(setup_->generation, 11u);
		EXPECT_EQ(setup_->own_index, later);
		EXPECT_EQ(setup_->members[1 - later].state, uint32_t(DMR_MEMBER_DROPPED)) << "it comes back";
		expect_slots({0, 1});
	}
}

TEST_F(Set, BranchesThatDivergedAreNotResolvedByNumber)
{
	add_member("8:16", 0, 3);
	add_member("8:32", 1, 3);
	add_member("8:48", 2, 3);
	start_branch(0, 0xb1);
	start_branch(2, 0xb2);
	setup_of(2).generation = 5000;
	const std::string refusal = "spares 8:16 and 8:48 of set 5e5e5e5e... went separate ways (branches b1b1b1b1... and "
				    "b2b2b2b2...), each was started without the other: save what each alone has, "
				    "started with 'degraded' and 'force'; then blank one to add it again";
	expect_refused(refusal);
	degraded_ = force_ = true;
	expect_refused(refusal);
	// Nor by the oldest being named between them.
	std::swap(spares_[1].probe, spares_[2].probe);
	EXPECT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("went separate ways (branches b1b1b1b1... and b2b2b2b2...)"), std::string::npos);
}

TEST_F(Set, AMemberThatWasRemoved)
{
	add_member("8:16", 0, 2);
	add_member("8:32", 1, 2);
	start_branch(0, 0xb1);
	set_state(0, 1, DMR_MEMBER_ABSENT);
	expect_refused("spare 8:32 was removed from set 5e5e5e5e... of 'data': leave it out, or read it: read-only, "
		       "'degraded force'; to lose its map, run 'blkdiscard -z -o 1048576 -l 4194304 /dev/block/8:32' and add 'format'");
	// Another one has its slot now.
	set_state(0, 1, DMR_MEMBER_ACTIVE);
	std::memset(setup_of(0).members[1].uuid, 0x77, DMR_UUID_SIZE);
	EXPECT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("8:32 was removed"), std::string::npos) << reason_;
}

// ---- missing members ----

TEST_F(Set, FewerSparesThanTheSetHas)
{
	add_member("8:16", 0, 4);
	expect_refused("3 of the 4 members of set 5e5e5e5e... of 'data' are missing: 11111111... ('wwid-1'), 12121212... "
		       "('wwid-2') and 1 more: name them, or to start without them add 'degraded' and 'force'");
	add_missing();
	setup_of(0).members[1].identity[0] = '\0';
	add_member("8:48", 2, 4);
	expect_refused("2 of the 4 members of set 5e5e5e5e... of 'data' are missing: 11111111..., 13131313... ('wwid-3'): "
		       "name them, or to start without them add 'degraded' and 'force'");
	set_state(0, 1, DMR_MEMBER_DROPPED);
	set_state(0, 3, DMR_MEMBER_ABSENT);
	expect_refused("1 of the 3 members of set 5e5e5e5e... of 'data' is missing: 11111111...: name it, or to start "
		       "without it add 'degraded'");
}

TEST_F(Set, DegradedStartsWithoutThoseThatWereDropped)
{
	for (bool named : {false, true}) {
		spares_.clear();
		if (named)
			add_missing();
		add_member("8:16", 2, 3);
		set_state(named, 1, DMR_MEMBER_DROPPED);
		set_state(named, 0, DMR_MEMBER_DROPPED);
		degraded_ = true;
		expect_verdict(DMR_ASSEMBLY_LOAD);
		expect_slots(named ? std::vector<unsigned int>{DMR_NO_SLOT, 2} : std::vector<unsigned int>{2});
		EXPECT_EQ(setup_->members[0].state, uint32_t(DMR_MEMBER_DROPPED));
		EXPECT_EQ(setup_->member_count, 3u);
	}
}

TEST_F(Set, AnActiveMemberIsLeftBehindByForceAlone)
{
	add_member("8:16", 2, 3);
	degraded_ = true;
	expect_refused("set 5e5e5e5e... lacks 10101010... ('wwid-0') and 1 more, not recorded as dropped: if used since "
		       "without the spares named, what was remapped then is unknown here and old data will be read; name "
		       "them, or add 'force' to risk that");
	set_state(0, 0, DMR_MEMBER_DROPPED);
	expect_refused("set 5e5e5e5e... lacks 11111111... ('wwid-1'), not recorded as dropped: if used since "
		       "without the spares named, what was remapped then is unknown here and old data will be read; name "
		       "it, or add 'force' to risk that");
	force_ = true;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(setup_->members[1].state, uint32_t(DMR_MEMBER_ACTIVE)) << "the metadata drops it, in a new branch";
}

TEST_F(Set, MoreDashesThanMembersAreMissing)
{
	add_missing();
	add_member("8:16", 0, 2);
	add_missing();
	degraded_ = force_ = true;
	expect_refused("the table has 2 '-' for missing spares, set 5e5e5e5e... of 'data' lacks 1: take out those that "
		       "stand for none");
	add_member("8:32", 1, 2);
	degraded_ = force_ = false;
	expect_refused("the table has 2 '-' for missing spares, set 5e5e5e5e... of 'data' lacks 0: take out those that "
		       "stand for none");
}

TEST_F(Set, NothingButDashes)
{
	degraded_ = force_ = true;
	add_missing();
	add_missing();
	expect_refused("the table has nothing but '-' for missing spares: name one that is there");
}

TEST_F(Set, NoDashBesideWhatIsToBeFormatted)
{
	degraded_ = force_ = true;
	add_missing();
	add("8:16");
	expect_refused("the table has '-' for a missing spare, and spare 8:16 is blank, of no set that could lack one: "
		       "leave '-' out, or name a spare of the set");
}

TEST_F(Set, DegradedWithNobodyMissing)
{
	degraded_ = true;
	add_member("8:16", 0, 2);
	add_member("8:32", 1, 2);
	expect_verdict(DMR_ASSEMBLY_LOAD);
}

// ---- max_extents ----

TEST_F(Set, MaxExtentsIsWhatFormattingFixed)
{
	add_member("8:16");
	max_extents_ = 65536;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	max_extents_ = 1000;
	expect_refused("max_extents 1000: set 5e5e5e5e... of 'data' was formatted with 65536, and that stays: leave the "
		       "feature out");
}

// ---- length ----

TEST_F(Set, NoReasonIsCutOff)
{
	const auto whole = [this](const char *end) {
		ASSERT_EQ(assemble(), -EINVAL);
		ASSERT_LT(std::strlen(reason_), size_t(DMR_REASON_SIZE) - 1) << reason_;
		const std::string reason = reason_;
		EXPECT_EQ(reason.substr(reason.size() - std::min(reason.size(), std::strlen(end))), end);
	};
	const std::string longest(200, 'i');

	add_member("1048575:1048575", 0, 16);
	dmr_setup &setup = setup_of(0);
	longest.copy(setup.name, DMR_NAME_SIZE - 1);
	for (dmr_member_entry &entry : setup.members)
		longest.copy(entry.identity, DMR_IDENTITY_SIZE - 1);
	whole("'degraded' and 'force'");
	degraded_ = true;
	whole("to risk that");
	for (uint32_t i = 0; i < 15; i++)
		add_missing();
	setup.member_count = 1;
	whole("stand for none");
	while (spares_.size() > 1)
		spares_.pop_back();
	max_extents_ = 16777215;
	setup.max_extents = uint64_t(1) << 24;
	whole("leave the feature out");
	max_extents_ = 0;
	set_state(0, 0, DMR_MEMBER_JOINING);
	spares_[0].range.start = uint64_t(1) << 43;
	setup.members[0].data_start = uint64_t(1) << 33;
	whole("and add 'format'");
	set_state(0, 0, DMR_MEMBER_ACTIVE);
	setup.member_count = 16;
	for (uint32_t i = 1; i < 16; i++)
		set_state(0, i, DMR_MEMBER_DROPPED);
	add("1048574:1048575");
	whole("'remove_spare')");
	setup.member_count = 2;
	add_member("1048573:1048575", 1, 2);
	spares_[2].range.start = uint64_t(1) << 43;
	setup_of(2).members[1].data_start = uint64_t(1) << 33;
	start_branch(2, 0xb1);
	set_state(2, 0, DMR_MEMBER_ABSENT);
	longest.copy(setup_of(2).name, DMR_NAME_SIZE - 1);
	whole("and add 'format'");
	start_branch(0, 0xb2);
	whole("to add it again");
}

} // namespace
