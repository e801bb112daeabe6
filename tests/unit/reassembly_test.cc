// SPDX-License-Identifier: GPL-2.0
// The verdicts of assemble() and every sentence of its refusals.
#include <dm_remap/reassembly.h>

#include "host/disk.hh"
#include "host/world.hh"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <string>

extern "C" const dmr_reassembly_ops dmr_reassembly_operations;

namespace {

using dm_remap::host::SimDisk;
using dm_remap::host::World;

// A table of some spares over a main of 204800 sectors; each is blank until a test says otherwise.
class ReassemblyTest : public testing::Test {
protected:
	struct Spare {
		Spare(World &world, const char *name)
			: disk(world, {.name = name, .identity = std::string("wwid-") + name, .sectors = 65536}),
			  range{&disk, 2048, 32768}, probe(std::make_unique<dmr_probe>())
		{
		}
		SimDisk disk;
		dmr_member_range range;
		std::unique_ptr<dmr_probe> probe;
		dmr_device_info info = {};
	};

	ReassemblyTest() : setup_(std::make_unique<dmr_setup>())
	{
		main_.sectors = 204800;
		main_.block_bytes = 512;
		std::strcpy(main_.identity, "naa.5000c500a1b2c3d4");
	}

	Spare &add(const char *name)
	{
		Spare &spare = spares_.emplace_back(world_, name);

		spare.probe->verdict = DMR_PROBE_BLANK;
		dmr_device_describe(&spare.disk, &spare.info);
		return spare;
	}
	// A member of a set of `count`, whose numbers are easy to recognise.
	Spare &add_member(const char *name, uint32_t index = 0, uint32_t count = 1)
	{
		Spare &spare = add(name);
		dmr_setup &setup = spare.probe->setup;

		spare.probe->verdict = DMR_PROBE_MEMBER;
		std::memset(setup.set_uuid, 0x5e, DMR_UUID_SIZE);
		std::memset(setup.branch, 0xb0, DMR_UUID_SIZE);
		setup.generation = 10;
		setup.main = main_;
		std::strcpy(setup.name, "data");
		setup.max_extents = 65536;
		setup.member_count = count;
		setup.own_index = index;
		for (uint32_t i = 0; i < count; i++) {
			std::memset(setup.members[i].uuid, 0x10 + static_cast<int>(i), DMR_UUID_SIZE);
			setup.members[i].sectors = 32768;
			setup.members[i].data_start = 8192;
			setup.members[i].state = DMR_MEMBER_ACTIVE;
		}
		return spare;
	}

	int assemble()
	{
		dmr_assembly_member members[DMR_MAX_MEMBERS + 1] = {};
		uint32_t count = 0;

		for (const Spare &spare : spares_)
			members[count++] = {&spare.range, spare.probe.get(), spare.info};
		dmr_assembly_request request = {};
		request.main = &main_;
		request.name = "data";
		request.members = members;
		request.member_count = count;
		request.format = format_;
		request.read_only = read_only_;
		std::memset(reason_, '#', sizeof(reason_));
		return dmr_reassembly_operations.assemble(&request, &verdict_, setup_.get(), reason_);
	}
	void expect_refused(const std::string &reason)
	{
		ASSERT_EQ(assemble(), -EINVAL);
		EXPECT_EQ(std::string(reason_), reason);
		EXPECT_LT(std::strlen(reason_), size_t(DMR_REASON_SIZE));
	}
	void expect_verdict(dmr_assembly_verdict verdict)
	{
		ASSERT_EQ(assemble(), 0) << reason_;
		EXPECT_EQ(verdict_, verdict);
		EXPECT_STREQ(reason_, "");
	}
	uint64_t reads()
	{
		uint64_t n = 0;

		for (const Spare &spare : spares_)
			n += spare.disk.counts().reads;
		return n;
	}
	void TearDown() override
	{
		for (const Spare &spare : spares_)
			EXPECT_EQ(spare.disk.counts().writes, 0u) << "reassembly wrote";
		EXPECT_EQ(world_.memory().live(), 0u) << world_.memory().describe_live();
	}

	World world_;
	std::deque<Spare> spares_;
	dmr_main_identity main_ = {};
	bool format_ = false, read_only_ = false;
	std::unique_ptr<dmr_setup> setup_;
	dmr_assembly_verdict verdict_ = {};
	char reason_[DMR_REASON_SIZE];
};

TEST_F(ReassemblyTest, BlankSparesAreToBeFormatted)
{
	add("8:16");
	add("8:32").range.sectors = 16384;
	expect_verdict(DMR_ASSEMBLY_FORMAT);

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
	ASSERT_EQ(assemble(), 0);
	dmr_assembly_member member = {&spares_[0].range, spares_[0].probe.get(), spares_[0].info};
	dmr_assembly_request request = {};
	const std::string name(500, 'n');

	request.main = &main_;
	request.name = name.c_str();
	request.members = &member;
	request.member_count = 1;
	ASSERT_EQ(dmr_reassembly_operations.assemble(&request, &verdict_, setup_.get(), reason_), 0);
	EXPECT_EQ(std::string(setup_->name), std::string(DMR_NAME_SIZE - 1, 'n'));
}

TEST_F(ReassemblyTest, TheSetIsLoaded)
{
	add_member("8:16");
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(std::memcmp(setup_.get(), &spares_[0].probe->setup, sizeof(*setup_)), 0);
	EXPECT_EQ(reads(), 0u);
}

TEST_F(ReassemblyTest, FormatNeverTouchesASuperblockThatVerifies)
{
	format_ = true;
	add_member("8:16");
	expect_verdict(DMR_ASSEMBLY_LOAD);

	spares_[0].probe->setup.main.sectors++;
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

TEST_F(ReassemblyTest, AnotherMainsSize)
{
	add_member("8:16");
	main_.sectors = 409600;
	expect_refused("spare 8:16 belongs to a set whose main has 204800 sectors, this main has 409600: name that "
		       "main; to lose its map, run 'blkdiscard -z -o 1048576 -l 4194304 /dev/block/8:16' and add "
		       "'format'");
}

TEST_F(ReassemblyTest, AnotherMainsBlockSize)
{
	add_member("8:16");
	main_.block_bytes = 4096;
	expect_refused("spare 8:16 belongs to a set whose main has blocks of 512 bytes, those of this main have 4096: "
		       "name that main; to lose its map, run 'blkdiscard -z -o 1048576 -l 4194304 /dev/block/8:16' and "
		       "add 'format'");
}

TEST_F(ReassemblyTest, AnotherMainsIdentity)
{
	add_member("8:16");
	std::strcpy(main_.identity, "naa.5000c500ffffffff");
	expect_refused("spare 8:16 belongs to main 'naa.5000c500a1b2c3d4', this main is 'naa.5000c500ffffffff': name "
		       "that main; to lose its map, run 'blkdiscard -z -o 1048576 -l 4194304 /dev/block/8:16' and add "
		       "'format'");
}

TEST_F(ReassemblyTest, WithoutAnIdentityTheSizeDecides)
{
	add_member("8:16");
	main_.identity[0] = '\0';
	expect_verdict(DMR_ASSEMBLY_LOAD);
	std::strcpy(main_.identity, "naa.5000c500ffffffff");
	spares_[0].probe->setup.main.identity[0] = '\0';
	expect_verdict(DMR_ASSEMBLY_LOAD);
}

TEST_F(ReassemblyTest, OfALongIdentityTheEndIsShown)
{
	Spare &spare = add_member("8:16");

	std::memset(spare.probe->setup.main.identity, 'a', DMR_IDENTITY_SIZE - 1);
	std::memset(main_.identity, 'a', DMR_IDENTITY_SIZE - 1);
	main_.identity[DMR_IDENTITY_SIZE - 2] = 'Z';
	ASSERT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("this main is '" + std::string(31, 'a') + "Z'"), std::string::npos)
		<< reason_;
	EXPECT_EQ(std::string(reason_).substr(std::strlen(reason_) - 16), "and add 'format'");
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
	expect_refused("spare 8:16 holds an ext4 filesystem (magic at byte 1080 of its range); to use it all the same "
		       "and lose that, add the feature argument 'format'");
	EXPECT_GT(reads(), 0u);
}

TEST_F(ReassemblyTest, UnknownContentIsLocated)
{
	Spare &spare = add("8:16");

	spare.probe->verdict = DMR_PROBE_FOREIGN;
	spare.probe->first_nonzero_sector = 1234;
	spare.disk.poke(2048 + 1234, std::string(512, '\x01').data(), 1);
	expect_refused("spare 8:16 is not blank: sector 1234 of its range is not zero, and the content is of no known "
		       "kind; to use it all the same and lose that, add the feature argument 'format'");
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
	expect_refused("spare 8:16 holds dm-remap metadata, but no copy of its superblock verifies: see "
		       "docs/administration.md, or, to use it all the same and lose its map, add the feature argument 'format'");
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

// ---- several spares ----

TEST_F(ReassemblyTest, AWholeSetOfThree)
{
	for (uint32_t i = 0; i < 3; i++)
		add_member(("8:" + std::to_string(16 * (i + 1))).c_str(), i, 3).probe->setup.generation = 10 + i % 2;
	expect_verdict(DMR_ASSEMBLY_LOAD);
	EXPECT_EQ(setup_->generation, 11u) << "the newest setup";
	EXPECT_EQ(setup_->own_index, 1u);
}

TEST_F(ReassemblyTest, FewerSparesThanTheSetHas)
{
	add_member("8:16", 0, 3);
	expect_refused("spare 8:16 belongs to set 5e5e5e5e... of 'data', which has 3 members, the table names 1: name "
		       "all of them");
	add_member("8:32", 1, 3);
	expect_refused("spare 8:16 belongs to set 5e5e5e5e... of 'data', which has 3 members, the table names 2: name "
		       "all of them");
}

TEST_F(ReassemblyTest, TheSameMemberTwice)
{
	add_member("8:16");
	add_member("8:32");
	expect_refused("spares 8:16 and 8:32 carry the same member UUID 10101010..., one is a copy of the other: name "
		       "only the one that was in use last");
}

TEST_F(ReassemblyTest, MembersOfDifferentSets)
{
	add_member("8:16", 0, 2);
	dmr_setup &other = add_member("8:32", 1, 2).probe->setup;
	std::memset(other.set_uuid, 0xaa, DMR_UUID_SIZE);
	std::strcpy(other.name, "backup");
	expect_refused("spares 8:16 and 8:32 belong to different sets (5e5e5e5e... of 'data', aaaaaaaa... of "
		       "'backup'): name the spares of one set");
}

TEST_F(ReassemblyTest, BranchesThatDivergedAreNotResolvedByNumber)
{
	add_member("8:16", 0, 2);
	dmr_setup &other = add_member("8:32", 1, 2).probe->setup;
	std::memset(other.branch, 0xb1, DMR_UUID_SIZE);
	other.generation = 5000;
	expect_refused("spares 8:16 and 8:32 of set 5e5e5e5e... went separate ways (branches b0b0b0b0... and "
		       "b1b1b1b1...), each was started without the other: use the spares of one branch");
}

TEST_F(ReassemblyTest, MembersInAnotherOrder)
{
	add_member("8:16", 1, 2);
	add_member("8:32", 0, 2);
	expect_refused("spare 8:16 is member 1 of set 5e5e5e5e..., the table names it as number 0: name the spares in "
		       "the order in which they were added");
}

TEST_F(ReassemblyTest, AMemberThatWasDropped)
{
	add_member("8:16", 0, 2).probe->setup.members[1].state = DMR_MEMBER_DROPPED;
	add_member("8:32", 1, 2);
	expect_refused("spare 8:32 was dropped from set 5e5e5e5e... after an error and is out of date: the set cannot "
		       "be started with it");
}

TEST_F(ReassemblyTest, ABlankSpareBesideAMember)
{
	add_member("8:16");
	add("8:32");
	expect_refused("spare 8:32 carries no metadata, while spare 8:16 belongs to a set of 1 members: name the "
		       "spares of that set, and no others");
}

// The reasons stay whole, advice included, with the largest numbers that disks have.
TEST_F(ReassemblyTest, NoReasonIsCutOff)
{
	Spare &spare = add_member("1048575:1048575");
	const uint64_t big = uint64_t(1) << 53;

	spare.range.start = uint64_t(1) << 43;
	main_.sectors = big;
	spare.probe->setup.main.sectors = big - 1;
	spare.probe->setup.members[0].data_start = uint64_t(1) << 33;
	ASSERT_EQ(assemble(), -EINVAL);
	EXPECT_EQ(std::string(reason_).substr(std::strlen(reason_) - 16), "and add 'format'") << reason_;
}

} // namespace
