// SPDX-License-Identifier: GPL-2.0
// Is this main the set's? What is compared, what is not known, and what `new_main` overrules; word for word.
#include "reassembly/main_check.hh"

#include "reassembly_fixture.hh"

namespace {

class ReassemblyMain : public ReassemblyTest {
protected:
	ReassemblyMain() : known_(add_member("8:16").probe->setup.main) {}

	// A partition, on a disk that has a WWID, or a main_id.
	static void partition(dmr_main_identity &main, const char *uuid, const char *disk, const char *id = "")
	{
		std::strcpy(main.identity, uuid);
		std::strcpy(main.disk, disk);
		std::strcpy(main.id, id);
	}
	// As core has it: of a partition whose UUID nobody knows the place takes its place.
	void now_at(const char *place, const char *uuid = "", const char *disk = "wwid:1")
	{
		place_ = place;
		partition(main_, uuid[0] ? uuid : place, disk);
	}
	static void whole_disk(dmr_main_identity &main, const char *wwid, const char *id = "")
	{
		partition(main, wwid, wwid, id);
	}
	// Refused, and served all the same if the line says that this is main now.
	void expect_refused_unless_new(const std::string &reason)
	{
		expect_refused(reason);
		new_main_ = true;
		expect_verdict(DMR_ASSEMBLY_LOAD);
		EXPECT_EQ(std::memcmp(&setup_->main, &known_, sizeof(known_)), 0) << "the caller records it";
		new_main_ = false;
	}
	void expect_served() { expect_verdict(DMR_ASSEMBLY_LOAD); }

	dmr_main_identity &known_;
};

// ---- size ----

TEST_F(ReassemblyMain, ALargerOneIsServed)
{
	for (const char *identity : {"naa.5000c500a1b2c3d4", ""}) {
		std::strcpy(main_.identity, identity);
		std::strcpy(known_.identity, identity);
		main_.sectors = 204808;
		expect_served();
		EXPECT_EQ(setup_->main.sectors, 204800u);
		main_.sectors = uint64_t(1) << 54;
		expect_served();
	}
}

TEST_F(ReassemblyMain, ASmallerOneIsServedIfItIsKnownToBeTheSame)
{
	main_.sectors = 204799;
	expect_served();
	partition(known_, "partuuid:1", "");
	partition(main_, "partuuid:1", "wwid:1");
	expect_served();
	partition(known_, "", "", "udev's name");
	partition(main_, "", "", "udev's name");
	expect_served();
}

TEST_F(ReassemblyMain, ASmallerOneThatMayBeAnotherIsRefused)
{
	const std::string refusal = "spare 8:16 belongs to a set whose main had 204800 sectors, this main has 204799: name that "
				    "main, or make it as large again; if it was made smaller, and this is the one, add "
				    "'new_main'";
	main_.sectors = 204799;
	main_.identity[0] = '\0';
	known_.identity[0] = '\0';
	expect_refused_unless_new(refusal);
	std::strcpy(main_.identity, "naa.5000c500a1b2c3d4");
	expect_refused_unless_new(refusal);
	// The partition of a whole disk that was main is on the same disk, and not the same.
	partition(known_, "", "", "udev's name");
	partition(main_, "partuuid:1", "", "udev's name");
	expect_refused_unless_new(refusal);
}

// It may be any partition of that disk.
TEST_F(ReassemblyMain, ASmallerPartitionIsNotKnownByItsDisk)
{
	const std::string refusal = "spare 8:16 belongs to a set whose main had 204800 sectors, this main has 204799: name that "
				    "main, or make it as large again; if it was made smaller, and this is the one, add "
				    "'new_main'";
	main_.sectors = 204799;
	partition(known_, "", "wwid:1");
	partition(main_, "", "wwid:1");
	expect_refused_unless_new(refusal);
	now_at("start:104448");
	expect_refused_unless_new(refusal);
	now_at("start:104448", "partuuid:2");
	expect_refused_unless_new(refusal);
	// A disk of which nothing was recorded but the name that the table gave it.
	partition(known_, "", "", "udev's name");
	place_ = "";
	whole_disk(main_, "wwid:1", "udev's name");
	expect_served();
}

TEST_F(ReassemblyMain, OtherBlocksAreRefusedWhateverTheLineSays)
{
	main_.block_bytes = 4096;
	for (bool new_main : {false, true}) {
		new_main_ = new_main;
		expect_refused("spare 8:16 belongs to a set whose main has blocks of 512 bytes, those of this main have 4096: name "
			       "that main; to lose its map, run 'blkdiscard -z -o 1048576 -l 4194304 /dev/block/8:16' and add "
			       "'format'");
	}
}

// ---- identity ----

TEST_F(ReassemblyMain, AnotherDisk)
{
	std::strcpy(main_.identity, "naa.5000c500ffffffff");
	expect_refused_unless_new("spare 8:16 belongs to main 'naa.5000c500a1b2c3d4', this main is 'naa.5000c500ffffffff': name that "
				  "main; if this is a raw copy of it, to be main from now on, add 'new_main'; to give its map "
				  "up: docs/administration.md");
}

TEST_F(ReassemblyMain, WithoutAnIdentityTheSizeDecides)
{
	main_.identity[0] = '\0';
	known_.identity[0] = '\0';
	expect_served();
	std::strcpy(main_.identity, "naa.5000c500ffffffff");
	expect_served();
}

// What was known and is not known now would be the same for a copy.
TEST_F(ReassemblyMain, ADiskThatWasKnownAndIsNotNow)
{
	const auto refusal = [](const std::string &id) {
		return "spare 8:16: its main's disk is known, this one's is not: name that main; if this is it, add 'main_id " + id +
		       "'; if it is a raw copy, to be main from now on, add 'new_main'";
	};
	// A whole disk, as earlier versions have recorded it and as this one does; a partition; with a name in the table, too.
	whole_disk(main_, "");
	expect_refused_unless_new(refusal("naa.5000c500a1b2c3d4"));
	whole_disk(known_, "wwid:1");
	expect_refused_unless_new(refusal("wwid:1"));
	whole_disk(known_, "wwid:1", "VENDOR_1");
	expect_refused_unless_new(refusal("VENDOR_1"));
	partition(known_, "partuuid:1", "wwid:1");
	partition(main_, "partuuid:1", "");
	expect_refused_unless_new(refusal("wwid:1"));
	partition(known_, "partuuid:1", "wwid:1", "VENDOR_1");
	expect_refused_unless_new(refusal("VENDOR_1"));
	partition(known_, "partuuid:1", "", "VENDOR_1");
	expect_refused_unless_new(refusal("VENDOR_1"));
	partition(main_, "partuuid:1", "wwid:2");
	expect_refused_unless_new(refusal("VENDOR_1"));
	// Nor is it one that has become smaller.
	main_.sectors--;
	expect_refused_unless_new(refusal("VENDOR_1"));
}

TEST_F(ReassemblyMain, TheTableSaysWhatTheKernelDoesNotSayAnyMore)
{
	for (const char *identity : {"partuuid:1", ""}) {
		partition(known_, identity[0] ? identity : "wwid:1", "wwid:1", "VENDOR_1");
		partition(main_, identity, "", "VENDOR_1");
		expect_served();
		main_.sectors--;
		expect_served();
		main_.sectors++;
		std::strcpy(main_.id, "VENDOR_2");
		EXPECT_EQ(assemble(), -EINVAL);
		// With no name recorded it may be the kernel's.
		known_.id[0] = '\0';
		EXPECT_EQ(assemble(), -EINVAL);
		std::strcpy(main_.id, "wwid:1");
		expect_served();
		std::strcpy(main_.id, "wwid:2");
		EXPECT_EQ(assemble(), -EINVAL);
	}
}

TEST_F(ReassemblyMain, ACopyOfThePartition)
{
	partition(known_, "partuuid:1", "wwid:1");
	partition(main_, "partuuid:1", "wwid:2");
	expect_refused_unless_new("spare 8:16: its main is on disk 'wwid:1', this one, of the same PARTUUID, on 'wwid:2': a copy; name "
				  "the one that was in use, or, if this copy is to be main from now on, add 'new_main'");
	// What was not known then tells nothing.
	known_.disk[0] = '\0';
	expect_served();
	main_.disk[0] = '\0';
	expect_served();
}

TEST_F(ReassemblyMain, ACopyOfThePartitionWhereTheTableNamesTheDisk)
{
	partition(known_, "partuuid:1", "", "VENDOR_1");
	partition(main_, "partuuid:1", "", "VENDOR_2");
	expect_refused_unless_new("spare 8:16: its main is on disk 'VENDOR_1', this one, of the same PARTUUID, on 'VENDOR_2': a copy; "
				  "name the one that was in use, or, if this copy is to be main from now on, add 'new_main'");
	known_.id[0] = '\0';
	expect_served();
}

TEST_F(ReassemblyMain, AnotherPartitionOfTheSameDisk)
{
	partition(known_, "partuuid:1", "wwid:1");
	partition(main_, "partuuid:2", "wwid:1");
	expect_refused_unless_new("spare 8:16 belongs to main 'partuuid:1', this main is 'partuuid:2': name that main; if this is a raw "
				  "copy of it, to be main from now on, add 'new_main'; to give its map up: docs/administration.md");
	// The whole disk, of which the set knows a partition; and the other way round.
	whole_disk(main_, "wwid:1");
	EXPECT_EQ(assemble(), -EINVAL);
	whole_disk(known_, "wwid:1");
	partition(main_, "partuuid:1", "wwid:1");
	EXPECT_EQ(assemble(), -EINVAL);
}

// A partition whose UUID nobody knows is told by its disk alone.
TEST_F(ReassemblyMain, APartitionWithoutAUuid)
{
	partition(known_, "", "wwid:1");
	partition(main_, "partuuid:1", "wwid:1");
	expect_served();
	std::strcpy(main_.disk, "wwid:2");
	expect_refused_unless_new("spare 8:16 belongs to main 'wwid:1', this main is 'wwid:2': name that main; if this is a raw copy of "
				  "it, to be main from now on, add 'new_main'; to give its map up: docs/administration.md");
}

TEST_F(ReassemblyMain, APartitionWithoutAUuidIsKnownByWhereItBegins)
{
	partition(known_, "start:2048", "wwid:1");
	now_at("start:2048");
	expect_served();
	now_at("start:104448");
	expect_refused_unless_new("spare 8:16 belongs to main 'start:2048', this main is 'start:104448': name that main; if this is a "
				  "raw copy of it, to be main from now on, add 'new_main'; to give its map up: "
				  "docs/administration.md");
	// The kernel has read the partition table since.
	now_at("start:2048", "partuuid:1");
	expect_served();
	now_at("start:104448", "partuuid:2");
	expect_refused_unless_new("spare 8:16 belongs to main 'start:2048', this main is 'start:104448': name that main; if this is a "
				  "raw copy of it, to be main from now on, add 'new_main'; to give its map up: "
				  "docs/administration.md");
	// There is one at the same place of many a disk.
	now_at("start:2048", "", "wwid:2");
	expect_refused_unless_new("spare 8:16 belongs to main 'wwid:1', this main is 'wwid:2': name that main; if this is a raw copy of "
				  "it, to be main from now on, add 'new_main'; to give its map up: docs/administration.md");
}

TEST_F(ReassemblyMain, APlaceAloneMakesNoMainOfASmallerOne)
{
	partition(known_, "start:2048", "");
	now_at("start:2048", "", "");
	expect_served();
	main_.sectors--;
	EXPECT_EQ(assemble(), -EINVAL);
	std::strcpy(known_.disk, "wwid:1");
	now_at("start:2048");
	expect_served();
}

TEST_F(ReassemblyMain, APartitionWhoseUuidIsKnownNoMore)
{
	partition(known_, "partuuid:1", "wwid:1");
	now_at("start:2048");
	expect_refused_unless_new("spare 8:16 belongs to main 'partuuid:1', and the kernel knows no PARTUUID of this partition: have it "
				  "read the partition table (blockdev --rereadpt, a restart); if this is a raw copy of that main, "
				  "add 'new_main'");
}

TEST_F(ReassemblyMain, AWholeDiskIsNoPartitionOfIt)
{
	const std::string end = ": name that main; if this is a raw copy of it, to be main from now on, add 'new_main'; to give its map "
				"up: docs/administration.md";

	// What sets of an earlier version know of a partition without a UUID.
	partition(known_, "", "wwid:1");
	whole_disk(main_, "wwid:1");
	main_.sectors *= 2;
	expect_refused_unless_new("spare 8:16 belongs to a main that is a partition, 'wwid:1', this one is a whole disk" + end);
	partition(known_, "start:2048", "wwid:1");
	expect_refused_unless_new("spare 8:16 belongs to a main that is a partition, 'start:2048', this one is a whole disk" + end);
	partition(known_, "partuuid:1", "wwid:1");
	expect_refused_unless_new("spare 8:16 belongs to main 'partuuid:1', this main is 'wwid:1'" + end);
	// Where the kernel knows no WWID.
	whole_disk(main_, "");
	known_.disk[0] = '\0';
	expect_refused_unless_new("spare 8:16 belongs to a main that is a partition, 'partuuid:1', this one is a whole disk" + end);
	whole_disk(known_, "wwid:1");
	now_at("start:2048");
	expect_refused_unless_new("spare 8:16 belongs to main 'wwid:1', this main is 'start:2048'" + end);
	partition(main_, "", "wwid:1");
	expect_refused_unless_new("spare 8:16 belongs to a main that is a whole disk, 'wwid:1', this one is a partition" + end);
}

TEST_F(ReassemblyMain, AWholeDiskThatTheTableNames)
{
	whole_disk(known_, "", "VENDOR_1");
	whole_disk(main_, "", "VENDOR_1");
	expect_served();
	// A later kernel tells the WWID, too.
	whole_disk(main_, "wwid:1", "VENDOR_1");
	expect_served();
	whole_disk(main_, "", "VENDOR_2");
	expect_refused_unless_new("spare 8:16 belongs to main 'VENDOR_1', this main is 'VENDOR_2': name that main; if this is a raw "
				  "copy of it, to be main from now on, add 'new_main'; to give its map up: docs/administration.md");
}

TEST_F(ReassemblyMain, WhereTheKernelKnowsTheDiskTheTablesNameForItIsNoMatter)
{
	for (const char *identity : {"partuuid:1", "wwid:1"}) {
		partition(known_, identity, "wwid:1", "VENDOR_1");
		partition(main_, identity, "wwid:1", "VENDOR_2");
		expect_served();
		std::strcpy(main_.disk, "wwid:2");
		std::strcpy(main_.id, "VENDOR_1");
		EXPECT_EQ(assemble(), -EINVAL);
	}
}

// ---- whose word counts ----

TEST_F(ReassemblyMain, WhoWasAwayWhenMainChangedIsNotAsked)
{
	spares_.clear();
	add_member("8:16", 0, 2);
	add_member("8:32", 1, 2);
	start_branch(1, 0xb1);
	std::strcpy(setup_of(1).main.identity, "naa.5000c500ffffffff");
	setup_of(1).main.sectors = 409600;
	std::strcpy(main_.identity, "naa.5000c500ffffffff");
	main_.sectors = 409600;
	expect_served();
	EXPECT_EQ(setup_->main.sectors, 409600u);
	std::strcpy(main_.identity, "naa.5000c500a1b2c3d4");
	EXPECT_EQ(assemble(), -EINVAL);
	EXPECT_NE(std::string(reason_).find("spare 8:32 belongs to main 'naa.5000c500ffffffff'"), std::string::npos) << reason_;
}

// ---- length ----

// As the tool asks.
TEST_F(ReassemblyMain, WhatTwoDescriptionsSayOfEachOther)
{
	using namespace dm_remap::reassembly;

	EXPECT_EQ(match_mains(known_, main_, ""), MainMatch::same);
	main_.identity[0] = '\0';
	main_.sectors = known_.sectors;
	EXPECT_EQ(match_mains(known_, main_, ""), MainMatch::unsure);
	partition(known_, "partuuid:1", "wwid:1");
	partition(main_, "partuuid:1", "wwid:2");
	EXPECT_EQ(match_mains(known_, main_, ""), MainMatch::copied);
	partition(main_, "partuuid:2", "wwid:1");
	EXPECT_EQ(match_mains(known_, main_, ""), MainMatch::another);
}

TEST_F(ReassemblyMain, NoReasonIsCutOff)
{
	const auto whole = [this](const std::string &end) {
		ASSERT_EQ(assemble(), -EINVAL);
		const std::string reason = reason_;
		EXPECT_LT(reason.size(), size_t(DMR_REASON_SIZE) - 1) << reason;
		EXPECT_TRUE(reason.ends_with(end)) << reason;
		EXPECT_TRUE(dm_remap::host::keeps_before_it_loses(reason)) << reason;
	};
	const std::string longest(DMR_IDENTITY_SIZE - 1, 'i');

	spares_.clear();
	dmr_setup &setup = add_member("1048575:1048575").probe->setup;
	main_.sectors = uint64_t(1) << 53;
	setup.main.sectors = main_.sectors + 8;
	setup.main.identity[0] = main_.identity[0] = '\0';
	whole("add 'new_main'");
	partition(setup.main, longest.c_str(), longest.c_str());
	partition(main_, longest.c_str(), longest.c_str());
	main_.disk[DMR_IDENTITY_SIZE - 2] = 'Z';
	whole("add 'new_main'");
	// Of a long identity the end is shown.
	EXPECT_NE(std::string(reason_).find("on '" + std::string(31, 'i') + "Z'"), std::string::npos) << reason_;
	main_.identity[DMR_IDENTITY_SIZE - 2] = 'Z';
	whole(": docs/administration.md");
	EXPECT_NE(std::string(reason_).find("this main is '" + std::string(31, 'i') + "Z'"), std::string::npos) << reason_;
	partition(setup.main, "partuuid:1", "", longest.c_str());
	partition(main_, "partuuid:1", "");
	whole("add 'new_main'");
	partition(setup.main, "", longest.c_str());
	whole_disk(main_, longest.c_str());
	whole(": docs/administration.md");
	partition(setup.main, ("partuuid:" + longest.substr(9)).c_str(), longest.c_str());
	now_at("start:2048", "", longest.c_str());
	whole("add 'new_main'");
}

} // namespace
