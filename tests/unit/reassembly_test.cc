// SPDX-License-Identifier: GPL-2.0
// One spare at a time: the verdicts of assemble() and admit() and every sentence of their refusals.
#include "reassembly_fixture.hh"

#include <set>

namespace {

TEST_F(ReassemblyTest, BlankSparesAreToBeFormatted)
{
	add("8:16");
	add("8:32").range.sectors = 16384;
	max_extents_ = 5000;
	expect_verdict(DMR_ASSEMBLY_FORMAT);

	expect_slots({0, 1});
	EXPECT_EQ(setup_->max_extents, 5000u);
	EXPECT_EQ(setup_->ancestor_count, 0u);
	EXPECT_EQ(setup_->member_count, 2u);
	EXPECT_EQ(setup_->main.sectors, 204800u);
	EXPECT_EQ(setup_->main.block_bytes, 512u);
	EXPECT_STREQ(setup_->main.identity, "naa.5000c500a1b2c3d4");
	EXPECT_STREQ(setup_->name, "data");
	EXPECT_GE(setup_->created, world_.wall_epoch);
	EXPECT_EQ(setup_->members[0].sectors, 32768u);
	EXPECT_EQ(setup_->members[1].sectors, 16384u);
	EXPECT_STREQ(setup_->members[1].identity, "wwid-8:32");
	EXPECT_EQ(setup_->members[0].state, uint32_t(DMR_MEMBER_ACTIVE));
	EXPECT_EQ(setup_->members[2].state, uint32_t(DMR_MEMBER_ABSENT));
	EXPECT_EQ(reads(), 0u) << "the probe has read already";

	std::set<std::string> uuids;
	for (const uint8_t *uuid :
	     {setup_->set_uuid, setup_->branch, setup_->members[0].uuid, setup_->members[1].uuid}) {
		EXPECT_EQ(uuid[6] >> 4, 4);
		EXPECT_EQ(uuid[8] >> 6, 2);
		uuids.insert(std::string(reinterpret_cast<const char *>(uuid), DMR_UUID_SIZE));
	}
	EXPECT_EQ(uuids.size(), 4u) << "all different";
}

TEST_F(ReassemblyTest, ALongNameOfTheDeviceIsCutNotOverrun)
{
	add("8:16");
	const std::string name(500, 'n');
	dmr_assembly_request asked = request();

	asked.name = name.c_str();
	ASSERT_EQ(dmr_reassembly_operations.assemble(&asked, &verdict_, out_.get(), reason_), 0);
	EXPECT_EQ(std::string(setup_->name), std::string(DMR_NAME_SIZE - 1, 'n'));
}

TEST_F(ReassemblyTest, TheSetIsLoaded)
{
	add_member("8:16");
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(std::memcmp(setup_, &spares_[0].probe->setup, sizeof(*setup_)), 0);
	expect_slots({0});
	EXPECT_EQ(reads(), 0u);
}

TEST_F(ReassemblyTest, FormatNeverTouchesASuperblockThatVerifies)
{
	format_ = true;
	add_member("8:16");
	expect_verdict(DMR_ASSEMBLY_LOAD);

	spares_[0].probe->setup.main.block_bytes = 4096;
	EXPECT_EQ(assemble(), -EINVAL);
}

TEST_F(ReassemblyTest, TheSetIsLoadedReadOnly)
{
	read_only_ = true;
	add_member("8:16").info.read_only = true;
	expect_verdict(DMR_ASSEMBLY_LOAD);
}

TEST_F(ReassemblyTest, OneLostCopyOfTheSuperblockIsNoHindrance)
{
	add_member("8:16").probe->copy_lost = true;
	expect_verdict(DMR_ASSEMBLY_LOAD);
}

TEST_F(ReassemblyTest, NoSpareOrTooMany)
{
	expect_refused("the table names 0 spares: name 1 to 16");
	for (int i = 0; i < DMR_MAX_MEMBERS + 1; i++)
		add("8:16");
	expect_refused("the table names 17 spares: name 1 to 16");
}

TEST_F(ReassemblyTest, AnotherLengthOfTheRange)
{
	add_member("8:16").range.sectors = 30000;
	expect_refused("spare 8:16 was formatted as a range of 32768 sectors, the table names 30000 from sector 2048 "
		       "on: name the range as it was formatted");
}

TEST_F(ReassemblyTest, AnImpossibleIndex)
{
	add_member("8:16").probe->setup.own_index = 3;
	expect_refused("spare 8:16: its superblock calls it member 3 of 1, which cannot be: see docs/administration.md");
	spares_[0].probe->setup.member_count = 17;
	expect_refused("spare 8:16: its superblock calls it member 3 of 17, which cannot be: see docs/administration.md");
}

TEST_F(ReassemblyTest, LargerLogicalBlocksThanMain)
{
	add("8:16").info.logical_block_bytes = 4096;
	expect_refused("spare 8:16 has logical blocks of 4096 bytes, main of 512: a block of main could not be written "
		       "to it alone; name a spare with blocks of 512 bytes");
	main_.block_bytes = 4096;
	expect_verdict(DMR_ASSEMBLY_FORMAT);
}

TEST_F(ReassemblyTest, AReadOnlySpare)
{
	add("8:16").info.read_only = true;
	expect_refused("spare 8:16 is read-only: make it writable ('blockdev --setrw /dev/block/8:16'), or create the "
		       "device read-only");
}

TEST_F(ReassemblyTest, AReadOnlyTableFormatsNothing)
{
	const std::string reason =
		"spare 8:16 would have to be formatted, and a read-only table writes nothing: load the table "
		"read-write once, or name a spare that is in use already";

	read_only_ = true;
	add("8:16");
	expect_refused(reason);
	format_ = true;
	for (dmr_probe_verdict verdict : {DMR_PROBE_FOREIGN, DMR_PROBE_DAMAGED}) {
		spares_[0].probe->verdict = verdict;
		expect_refused(reason);
	}
}

TEST_F(ReassemblyTest, ForeignContentIsNamed)
{
	Spare &spare = add("8:16");

	spare.probe->verdict = DMR_PROBE_FOREIGN;
	spare.probe->first_nonzero_sector = 2;
	spare.disk.poke(2048 + 2, std::string(512, '\x01').data(), 1);
	uint8_t superblock[512] = {};
	superblock[56] = 0x53;
	superblock[57] = 0xef;
	superblock[0x60] = 0x40;
	spare.disk.poke(2048 + 2, superblock, 1);
	expect_refused("spare 8:16 holds an ext4 filesystem (magic at byte 1080 of its range): name another spare; to use "
		       "it all the same and lose that, add the feature argument 'format'");
	EXPECT_GT(reads(), 0u);
}

TEST_F(ReassemblyTest, UnknownContentIsLocated)
{
	Spare &spare = add("8:16");

	spare.probe->verdict = DMR_PROBE_FOREIGN;
	spare.probe->first_nonzero_sector = 1234;
	spare.disk.poke(2048 + 1234, std::string(512, '\x01').data(), 1);
	expect_refused("spare 8:16 is not blank: sector 1234 of its range is not zero, and the content is of no known "
		       "kind: name another spare; to use it all the same and lose that, add the feature argument 'format'");
}

TEST_F(ReassemblyTest, FormatGivesForeignAndDamagedContentUp)
{
	format_ = true;
	add("8:16").probe->verdict = DMR_PROBE_FOREIGN;
	expect_verdict(DMR_ASSEMBLY_FORMAT);
	spares_[0].probe->verdict = DMR_PROBE_DAMAGED;
	expect_verdict(DMR_ASSEMBLY_FORMAT);
}

TEST_F(ReassemblyTest, ADamagedSuperblock)
{
	add("8:16").probe->verdict = DMR_PROBE_DAMAGED;
	expect_refused("spare 8:16 holds dm-remap metadata, but no copy of its superblock verifies: make an image of it and "
		       "see docs/administration.md; to use it all the same and lose that, add the feature argument "
		       "'format'");
}

TEST_F(ReassemblyTest, TwoSuperblocksThatVerifyEvenWithFormat)
{
	add("8:16").probe->verdict = DMR_PROBE_AMBIGUOUS;
	for (bool format : {false, true}) {
		format_ = format;
		expect_refused("spare 8:16 holds superblocks of two different spares that both verify: see "
			       "docs/administration.md; 'format' does not touch them");
	}
}

TEST_F(ReassemblyTest, AnUnknownVersionEvenWithFormat)
{
	add("8:16").probe->verdict = DMR_PROBE_UNSUPPORTED;
	for (bool format : {false, true}) {
		format_ = format;
		expect_refused("spare 8:16 holds dm-remap metadata of a version that this module does not know: load "
			       "newer modules; 'format' does not touch it");
	}
}

TEST_F(ReassemblyTest, AnUnknownVerdictIsNotGuessed)
{
	add("8:16").probe->verdict = static_cast<dmr_probe_verdict>(7);
	expect_refused("spare 8:16: the probe's verdict 7 is unknown: the modules do not match");
}

TEST_F(ReassemblyTest, ForeignContentThatCannotBeRead)
{
	Spare &spare = add("8:16");

	spare.probe->verdict = DMR_PROBE_FOREIGN;
	spare.probe->first_nonzero_sector = 5;
	spare.disk.fail(0, 65536);
	ASSERT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("sector 5 of its range is not zero"), std::string::npos) << reason_;
	spare.disk.heal_all();
	world_.memory().fail_chance(65536);
	ASSERT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("sector 5 of its range is not zero"), std::string::npos) << reason_;
}

// ---- add_spare ----

TEST_F(ReassemblyTest, ABlankSpareIsAdmitted)
{
	add("8:16");
	expect_admitted();
	EXPECT_EQ(reads(), 0u);
}

TEST_F(ReassemblyTest, WhatAJoinLeftBehindIsAdmitted)
{
	add_member("8:16", 1, 2).range.sectors = 5000;
	set_state(0, 1, DMR_MEMBER_JOINING);
	expect_admitted();
	read_only_ = true;
	expect_not_admitted("spare 8:16 would have to be formatted, and a read-only table writes nothing: load the table "
			    "read-write once, or name a spare that is in use already");
	read_only_ = false;
	setup_of(0).main.block_bytes = 4096;
	expect_admitted();
}

TEST_F(ReassemblyTest, AMemberIsNotAdmitted)
{
	add_member("8:16");
	expect_not_admitted("spare 8:16 is a member of set 5e5e5e5e... of 'data': name another spare, or, if that is this "
			    "set, load a table with it; to lose its map, run 'blkdiscard -z -o 1048576 -l 16777216 "
			    "/dev/block/8:16'");
	spares_[0].range.sectors = 30000;
	expect_not_admitted("spare 8:16 is a member of set 5e5e5e5e... of 'data': name another spare, or, if that is this "
			    "set, load a table with it; to lose its map, run 'blkdiscard -z -o 1048576 -l 15360000 "
			    "/dev/block/8:16'");
}

TEST_F(ReassemblyTest, ContentIsNotAdmitted)
{
	Spare &spare = add("8:16");

	spare.probe->verdict = DMR_PROBE_FOREIGN;
	spare.probe->first_nonzero_sector = 1234;
	expect_not_admitted("spare 8:16 is not blank: sector 1234 of its range is not zero, and the content is of no "
			    "known kind: name another spare; to use it all the same and lose that, load a table that "
			    "names it, with 'format'");
	spare.disk.poke(2048, ("XFSB" + std::string(508, '\x01')).data(), 1);
	expect_not_admitted("spare 8:16 holds an xfs filesystem (magic at byte 0 of its range): name another spare; to use "
			    "it all the same and lose that, load a table that names it, with 'format'");
	spare.probe->verdict = DMR_PROBE_DAMAGED;
	expect_not_admitted("spare 8:16 holds dm-remap metadata, but no copy of its superblock verifies: make an image of it "
			    "and see docs/administration.md; to use it all the same and lose that, load a table that names "
			    "it, with 'format'");
	spare.probe->verdict = DMR_PROBE_AMBIGUOUS;
	expect_not_admitted("spare 8:16 holds superblocks of two different spares that both verify: see "
			    "docs/administration.md; 'format' does not touch them");
	spare.probe->verdict = DMR_PROBE_UNSUPPORTED;
	expect_not_admitted("spare 8:16 holds dm-remap metadata of a version that this module does not know: load newer "
			    "modules; 'format' does not touch it");
}

TEST_F(ReassemblyTest, ASpareThatCannotServeIsNotAdmitted)
{
	Spare &spare = add("8:16");

	read_only_ = true;
	expect_not_admitted("spare 8:16 would have to be formatted, and a read-only table writes nothing: load the table "
			    "read-write once, or name a spare that is in use already");
	read_only_ = false;
	spare.info.logical_block_bytes = 4096;
	expect_not_admitted("spare 8:16 has logical blocks of 4096 bytes, main of 512: a block of main could not be "
			    "written to it alone; name a spare with blocks of 512 bytes");
	spare.info.read_only = true;
	expect_not_admitted("spare 8:16 is read-only: make it writable ('blockdev --setrw /dev/block/8:16'), or create "
			    "the device read-only");
}

TEST_F(ReassemblyTest, OneSpareIsAdmittedAtATime)
{
	add("8:16");
	add("8:32");
	expect_not_admitted("one spare can be added at a time, not 2");
}

// The reasons stay whole, advice included, with the largest numbers that disks have.
TEST_F(ReassemblyTest, NoReasonIsCutOff)
{
	const std::string longest(200, 'i');
	Spare &spare = add_member("1048575:1048575");
	dmr_setup &setup = spare.probe->setup;
	const auto whole = [this](const std::string &end) {
		const std::string reason = reason_;

		EXPECT_LT(reason.size(), size_t(DMR_REASON_SIZE) - 1) << reason;
		EXPECT_TRUE(reason.ends_with(end)) << reason;
	};

	spare.range.start = spare.range.sectors = uint64_t(1) << 43;
	setup.members[0].data_start = uint64_t(1) << 33;
	longest.copy(setup.name, DMR_NAME_SIZE - 1);
	EXPECT_EQ(admit(), -EINVAL);
	whole("/dev/block/1048575:1048575'");
	setup.members[0].sectors = spare.range.sectors;
	main_.block_bytes = 4096;
	EXPECT_EQ(assemble(), -EINVAL);
	whole("and add 'format'");
	spare.range = {&spare.disk, 0, 65536};
	spare.probe->verdict = DMR_PROBE_FOREIGN;
	spare.probe->first_nonzero_sector = uint64_t(1) << 53;
	EXPECT_EQ(admit(), -EINVAL);
	whole("with 'format'");
	spare.probe->verdict = DMR_PROBE_DAMAGED;
	EXPECT_EQ(admit(), -EINVAL);
	whole("with 'format'");
}

} // namespace
