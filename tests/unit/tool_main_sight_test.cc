// SPDX-License-Identifier: GPL-2.0
// Which device is a main, before anybody has read it: hidden must be the one, and no copy, and no neighbour.
#include "boot/main_sight.hh"

#include <gtest/gtest.h>

#include <string>

namespace dm_remap::tool {

namespace {

constexpr const char *uuid = "11111111-2222-3333-4444-555555555555", *wwid = "wwid:5000c500a1b2c3d4", *other_wwid = "wwid:5000c500a1b2c3d5";

KnownMain parse(const std::string &keys)
{
	const SetsConfig config = SetsConfig::parse("sets.conf", std::string("set ") + uuid + " name=safe " + keys + "\n");

	EXPECT_EQ(config.faults(), std::vector<std::string>());
	return known_mains(config).at(0);
}

DeviceSight disk(const std::string &identity)
{
	return {.number = "8:0", .partition = false, .place = "", .disk = identity, .partuuid = "", .ids = {}, .names = {}};
}

DeviceSight partition(const std::string &identity, const std::string &partuuid, const std::string &place = "start:2048")
{
	return {.number = "8:1", .partition = true, .place = place, .disk = identity, .partuuid = partuuid, .ids = {}, .names = {}};
}

DeviceSight called(DeviceSight device, const std::string &name)
{
	device.names.push_back(name);
	return device;
}

DeviceSight with_id(DeviceSight device, const std::string &id)
{
	device.ids.push_back(id);
	return device;
}

class MainSight : public testing::Test {
protected:
	// Not this machine's.
	void SetUp() override { setenv("DM_REMAP_RUN", "/nowhere", 1); }
};

TEST_F(MainSight, AWholeDisk)
{
	const KnownMain main = parse(std::string("main=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4 identity=") + wwid);

	EXPECT_EQ(main.name, "safe");
	EXPECT_TRUE(is_main(main, disk(wwid)));
	EXPECT_FALSE(is_main(main, disk(other_wwid)));
	EXPECT_FALSE(is_main(main, disk("")));
	EXPECT_FALSE(is_main(main, partition(wwid, "")));
	// The link leads to another disk today.
	EXPECT_FALSE(is_main(main, called(disk(other_wwid), main.path)));
	// Behind a controller that tells nothing, its name is all there is.
	EXPECT_TRUE(is_main(main, called(disk(""), main.path)));
}

TEST_F(MainSight, APartition)
{
	const KnownMain main = parse(std::string("main=/dev/disk/by-id/a-part1 identity=partuuid:abc first=2048 disk=") + wwid);

	EXPECT_TRUE(is_main(main, partition(wwid, "abc")));
	// It has moved.
	EXPECT_TRUE(is_main(main, partition(wwid, "abc", "start:4096")));
	// Nobody has read its PARTUUID yet.
	EXPECT_TRUE(is_main(main, partition(wwid, "")));
	EXPECT_FALSE(is_main(main, partition(wwid, "", "start:4096")));
	EXPECT_FALSE(is_main(main, partition(other_wwid, "", "start:2048")));
	EXPECT_FALSE(is_main(main, partition("", "", "start:2048")));
	EXPECT_TRUE(is_main(main, called(partition("", "", "start:2048"), main.path)));
	// A copy of the whole disk.
	EXPECT_FALSE(is_main(main, partition(other_wwid, "abc")));
	EXPECT_FALSE(is_main(main, partition(wwid, "def")));
	EXPECT_FALSE(is_main(main, disk(wwid)));
}

TEST_F(MainSight, APartitionWithoutPartuuid)
{
	const KnownMain main = parse(std::string("main=/dev/sda1 identity=start:63 first=63 disk=") + wwid);

	EXPECT_TRUE(is_main(main, partition(wwid, "", "start:63")));
	EXPECT_FALSE(is_main(main, partition(wwid, "", "start:64")));
	EXPECT_FALSE(is_main(main, partition("", "", "start:63")));
}

TEST_F(MainSight, ADiskThatTheKernelCannotTell)
{
	const KnownMain main = parse("main=/dev/disk/by-id/virtio-abc main_id=abc");

	EXPECT_TRUE(is_main(main, with_id(disk(""), "abc")));
	EXPECT_FALSE(is_main(main, with_id(disk(""), "abd")));
	EXPECT_FALSE(is_main(main, disk("")));
	EXPECT_TRUE(is_main(main, with_id(called(disk(""), main.path), "abd")));
	// A name of the user's own.
	EXPECT_TRUE(is_main(parse("main=/dev/disk/by-path/x main_id=mine"), called(disk(""), "/dev/disk/by-path/x")));
}

TEST_F(MainSight, AKernelNameSaysNothing)
{
	EXPECT_FALSE(is_main(parse("main=/dev/sda"), disk("")));
}

TEST_F(MainSight, WhatASpareTells)
{
	dmr_setup setup = {};

	std::string("safe").copy(setup.name, sizeof(setup.name));
	std::string(wwid).copy(setup.main.identity, sizeof(setup.main.identity));
	std::string("ID").copy(setup.main.id, sizeof(setup.main.id));
	const KnownMain main = parse_set_note(uuid, set_note(setup));

	EXPECT_EQ(main.set, uuid);
	EXPECT_EQ(main.name, "safe");
	EXPECT_EQ(main.identity.id, std::string("ID"));
	EXPECT_FALSE(main.automatic);
	EXPECT_TRUE(is_main(main, disk(wwid)));
	EXPECT_FALSE(is_main(main, disk(other_wwid)));
	// One that is cut off says nothing that is not so.
	EXPECT_FALSE(is_main(parse_set_note(uuid, "NAME=safe\nIDENT"), disk(wwid)));
	EXPECT_FALSE(is_main(parse_set_note(uuid, "NAME=safe\nIDENT"), disk("")));
}

} // namespace

} // namespace dm_remap::tool
