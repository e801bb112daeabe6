// SPDX-License-Identifier: GPL-2.0
// A main that is copied, or becomes known by another name; and what else the set records of itself.
#include "engine_main_fixture.hh"

namespace dm_remap::host {

namespace {

// Set up by who knew the partition's UUID alone.
TEST_F(EngineMain, TheDiskIsLearnedAndACopyIsRefusedFromThenOn)
{
	auto unknown = copy_of(main, with(partition, "partuuid:1", ""));
	auto original = copy_of(main, partition), copy = copy_of(main, with(partition, "partuuid:1", "wwid:2"));
	TableOptions t = over(*copy);

	create(over(*unknown));
	remove();
	EXPECT_STREQ(recorded(spare)->main.disk, "");
	create(over(*original));
	EXPECT_STREQ(recorded(spare)->main.disk, "wwid:1");
	original->fail(5000, 8);
	ASSERT_EQ(write(5000, 8, 1), DMR_STS_OK);
	remove();
	expect_refused(t, "its main is on disk 'wwid:1', this one, of the same PARTUUID, on 'wwid:2': a copy");
	// Where the kernel does not tell the disk, nothing tells the original from its copy but who names it.
	TableOptions there = over(*unknown);
	expect_refused(there, "its main's disk is known, this one's is not: name that main; if this is it, add 'main_id wwid:1'");
	there.main_id = "wwid:1";
	create(there);
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_STREQ(recorded(spare)->main.disk, "wwid:1") << "what is not known now stays";
	remove();
	create(over(*original));
	remove();
	t.new_main = true;
	create(t);
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_STREQ(recorded(spare)->main.disk, "wwid:2");
	t.new_main = false;
	recreate(t);
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	remove();
	expect_refused(over(*original), "its main is on disk 'wwid:2', this one, of the same PARTUUID, on 'wwid:1': a copy");
}

// A partition without a PARTUUID; another one of the same disk, and the disk itself, are not taken for it, and its PARTUUID
// is learned when it is known.
TEST_F(EngineMain, APartitionWithoutAPartuuidIsTheOneAtItsPlace)
{
	DiskOptions nameless = with(partition, "", "wwid:1"), named = partition, whole = with(partition, "wwid:1", "wwid:1");

	nameless.place = named.place = "start:2048";
	auto original = copy_of(main, nameless), later = copy_of(main, named), disk = copy_of(main, whole);
	nameless.place = "start:67584";
	auto neighbour = copy_of(main, nameless);

	create(over(*original));
	EXPECT_STREQ(recorded(spare)->main.identity, "start:2048");
	original->fail(5000, 8);
	ASSERT_EQ(write(5000, 8, 1), DMR_STS_OK);
	remove();
	expect_refused(of_length(old_end, over(*disk)), "a main that is a partition, 'start:2048', this one is a whole disk");
	expect_refused(over(*neighbour), "belongs to main 'start:2048', this main is 'start:67584'");
	create(over(*later));
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_STREQ(recorded(spare)->main.identity, "partuuid:1");
	remove();
	expect_refused(over(*original), "the kernel knows no PARTUUID of this partition");
}

// Which partition of the disk it was, was never recorded.
TEST_F(EngineMain, AnotherSmallerPartitionOfTheSameDiskIsNotTakenForMain)
{
	DiskOptions nameless = with(partition, "", "wwid:1"), small = nameless;

	small.sectors = old_end;
	small.place = "start:67584";
	auto original = copy_of(main, nameless), other = copy_of(main, small);
	TableOptions t = of_length(old_end, over(*other));
	create(over(*original));
	original->fail(100, 8);
	ASSERT_EQ(write(100, 8, 1), DMR_STS_OK);
	remove();
	expect_refused(t, "name that main, or make it as large again");
	EXPECT_STREQ(recorded(spare)->main.identity, "");
	create(over(*original));
	EXPECT_EQ(read(100, 8), pattern(100, 8, 1));
}

TEST_F(EngineMain, ASetOfAnEarlierVersionLearnsWhereItsPartitionIs)
{
	DiskOptions then = with(partition, "", "wwid:1"), now = then;

	now.place = "start:2048";
	auto unknown = copy_of(main, then), original = copy_of(main, now), disk = copy_of(main, with(then, "wwid:1", "wwid:1"));
	create(over(*unknown));
	EXPECT_STREQ(recorded(spare)->main.identity, "");
	remove();
	expect_refused(over(*disk), "belongs to a main that is a partition, 'wwid:1', this one is a whole disk");
	create(over(*original));
	EXPECT_STREQ(recorded(spare)->main.identity, "start:2048");
}

TEST_F(EngineMain, AReadOnlyTableServesACopyAndRecordsNothing)
{
	auto original = copy_of(main, partition), copy = copy_of(main, with(partition, "partuuid:1", "wwid:2"));
	TableOptions t = over(*copy);

	create(over(*original));
	remove();
	t.read_only = true;
	expect_refused(t, "a copy");
	t.new_main = true;
	const uint64_t writes = spare.counts().writes;
	create(t);
	remove();
	EXPECT_EQ(spare.counts().writes, writes);
	create(over(*original));
}

TEST_F(EngineMain, ADiskWithoutAWwidIsKnownByWhatTheTableCallsIt)
{
	for (const char *identity : { "", "partuuid:1" }) {
		auto disk = copy_of(main, with(partition, identity, ""));
		TableOptions t = over(*disk);

		t.main_id = "VENDOR_MODEL_1";
		create(t);
		EXPECT_STREQ(recorded(spare)->main.id, "VENDOR_MODEL_1");
		remove();
		t.main_id = "VENDOR_MODEL_2";
		expect_refused(t, "'VENDOR_MODEL_1'");
		t.main_id = "";
		expect_refused(t, "if this is it, add 'main_id VENDOR_MODEL_1'");
		t.main_id = "VENDOR_MODEL_2";
		t.new_main = true;
		create(t);
		EXPECT_STREQ(recorded(spare)->main.id, "VENDOR_MODEL_2");
		remove();
		spare.poke(0, std::vector<uint8_t>(2048 * 512).data(), 2048);
	}
}

TEST_F(EngineMain, NewMainIsToldOfAndNotWantedInTheLineForGood)
{
	const std::string changed = "'new_main' puts another in the place of main, which was identity 'partuuid:1', disk 'wwid:1', "
				    "main_id 'VENDOR_1'";
	const std::string needless = "'new_main' has nothing to change, as this main is recorded: leave it out of the line";
	auto original = copy_of(main, partition), copy = copy_of(main, with(partition, "partuuid:1", "wwid:2"));
	TableOptions t = over(*original);

	t.main_id = "VENDOR_1";
	create(t);
	remove();
	t = over(*copy);
	t.new_main = true;
	create(t);
	EXPECT_TRUE(world.logged(changed));
	EXPECT_TRUE(world.logged("main is recorded as 65536 sectors, identity 'partuuid:1', disk 'wwid:2', main_id ''"));
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_FALSE(world.logged(needless));
	world.logs.clear();
	recreate(t);
	EXPECT_TRUE(world.logged(needless));
	EXPECT_FALSE(world.logged("puts another in the place of main"));
	world.logs.clear();
	t.new_main = false;
	recreate(t);
	EXPECT_FALSE(world.logged("new_main"));
}

TEST_F(EngineMain, NewMainForgetsWhatTheOldOneWasCalled)
{
	auto original = copy_of(main, partition), copy = copy_of(main, with(partition, "", ""));
	TableOptions t = over(*original);

	t.main_id = "VENDOR_MODEL_1";
	create(t);
	remove();
	t = over(*copy);
	t.new_main = true;
	create(t);
	auto setup = recorded(spare);
	EXPECT_STREQ(setup->main.identity, "");
	EXPECT_STREQ(setup->main.disk, "");
	EXPECT_STREQ(setup->main.id, "");
}

TEST_F(EngineMain, NameAndOptionsAreThoseOfTheLastResume)
{
	TableOptions t = table();
	MappedDevice other("dm-other");

	create(t);
	auto setup = recorded(spare);
	EXPECT_STREQ(setup->name, "dm-test");
	EXPECT_EQ(setup->read_retries, uint32_t(DMR_READ_RETRIES_DEFAULT));
	const uint64_t writes = spare.counts().writes;
	recreate(t);
	EXPECT_EQ(spare.counts().writes, writes) << "nothing has changed";
	t.read_retries = 77;
	ASSERT_EQ(device.load(t), 0) << device.reason();
	EXPECT_EQ(spare.counts().writes, writes);
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(recorded(spare)->read_retries, 77u);
	device.rename("dm-renamed");
	EXPECT_STREQ(recorded(spare)->name, "dm-test");
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_STREQ(recorded(spare)->name, "dm-renamed");
	remove();
	ASSERT_EQ(other.create(t), 0) << other.reason();
	EXPECT_STREQ(recorded(spare)->name, "dm-other");
	EXPECT_EQ(other.remove(), 0);
}

} // namespace

} // namespace dm_remap::host
