// SPDX-License-Identifier: GPL-2.0
// A main that grows and shrinks, is copied, or becomes known by another name; and what the set says of it.
#include "engine_pool_fixture.hh"

#include <memory>

extern "C" const dmr_metadata_ops dmr_metadata_operations;

namespace dm_remap::host {

namespace {

constexpr uint64_t old_end = 40960, new_end = 65536;

// The setup that a spare has recorded.
std::unique_ptr<dmr_setup> recorded(SimDisk &spare)
{
	const dmr_member_range range = { &spare, 0, spare.options().sectors };
	auto probe = std::make_unique<dmr_probe>();
	char reason[DMR_REASON_SIZE];

	EXPECT_EQ(dmr_metadata_operations.probe(&range, probe.get(), reason), 0) << reason;
	EXPECT_EQ(probe->verdict, DMR_PROBE_MEMBER);
	EXPECT_FALSE(probe->copy_lost);
	return std::make_unique<dmr_setup>(probe->setup);
}

// Of 65536 sectors, of which the first table knows 40960.
class EngineMain : public EnginePool {
protected:
	EngineMain() { main.resize(old_end); }

	TableOptions of_length(uint64_t sectors, TableOptions t)
	{
		t.sectors = sectors;
		t.max_extents = 0;
		return t;
	}
	TableOptions of_length(uint64_t sectors) { return of_length(sectors, table()); }
	// Another disk with what is on this one.
	std::unique_ptr<SimDisk> copy_of(SimDisk &disk, DiskOptions options)
	{
		auto copy = std::make_unique<SimDisk>(world, options);
		const uint32_t part = 128;
		std::vector<uint8_t> data(part * 512);

		for (uint64_t at = 0; at < disk.options().sectors; at += part) {
			disk.peek(at, data.data(), part);
			copy->poke(at, data.data(), part);
		}
		return copy;
	}
	TableOptions over(SimDisk &other)
	{
		TableOptions t = table();

		t.main = &other;
		return t;
	}
	void expect_refused(const TableOptions &t, const std::string &part)
	{
		const uint64_t writes = spare.counts().writes;

		EXPECT_EQ(device.create(t), -EINVAL);
		EXPECT_NE(device.reason().find(part), std::string::npos) << device.reason();
		EXPECT_EQ(spare.counts().writes, writes);
	}
	void remove() { ASSERT_EQ(device.remove(), 0); }
	void remap(uint64_t sector, uint32_t sectors, uint8_t version)
	{
		main.fail(sector, sectors);
		ASSERT_EQ(write(sector, sectors, version), DMR_STS_OK);
	}
};

// ---- size ----

TEST_F(EngineMain, AGrownOneIsServedWithTheOldLengthAndWithTheNew)
{
	create(of_length(old_end));
	remap(5000, 8, 1);
	remove();
	main.resize(new_end);
	const uint64_t writes = spare.counts().writes;
	create(of_length(old_end));
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_EQ(spare.counts().writes, writes) << "nothing is to be recorded";
	remove();
	EXPECT_EQ(recorded(spare)->main.sectors, old_end);
	create(of_length(new_end - 1000));
	EXPECT_EQ(recorded(spare)->main.sectors, new_end) << "of main, not of the table";
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	remap(old_end + 100, 8, 2);
	recreate(of_length(new_end - 1000));
	EXPECT_EQ(read(old_end + 100, 8), pattern(old_end + 100, 8, 2));
}

TEST_F(EngineMain, ALiveOneGrowsUnderATable)
{
	create(of_length(old_end));
	remap(5000, 8, 1);
	main.resize(new_end);
	ASSERT_EQ(device.load(of_length(new_end)), 0) << device.reason();
	remap(5008, 8, 2);
	EXPECT_EQ(recorded(spare)->main.sectors, old_end) << "the constructor writes nothing";
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(recorded(spare)->main.sectors, new_end);
	remap(new_end - 8, 8, 3);
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_EQ(read(5008, 8), pattern(5008, 8, 2));
	recreate(of_length(new_end));
	EXPECT_EQ(read(new_end - 8, 8), pattern(new_end - 8, 8, 3));
}

// What the map says of blocks beyond the table's end is kept, and does not get in the way.
TEST_F(EngineMain, AShorterTableLeavesAloneWhatLiesBeyondIt)
{
	main.resize(new_end);
	create(of_length(new_end, two()));
	for (uint64_t at : { uint64_t(5000), old_end - 4, old_end + 100, new_end - 8 })
		remap(at, 8, 1);
	EXPECT_EQ(used_of("8:16"), 32u);
	recreate(of_length(old_end, two()));
	EXPECT_EQ(snapshot().remapped_sectors, 32u);
	EXPECT_EQ(read(old_end - 4, 4), pattern(old_end - 4, 4, 1));
	remap(old_end - 12, 8, 2);
	// One of them is moved, with what nobody can reach.
	ASSERT_EQ(device.remove_spare(spare, 0), 1) << device.reason();
	run_job();
	EXPECT_EQ(state("8:16"), "");
	EXPECT_EQ(snapshot().remapped_sectors, 40u);
	TableOptions t = of_length(new_end);
	t.members = { { &second, 0, second.options().sectors } };
	recreate(t);
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_EQ(read(old_end - 12, 8), pattern(old_end - 12, 8, 2));
	EXPECT_EQ(read(old_end + 100, 8), pattern(old_end + 100, 8, 1));
	EXPECT_EQ(read(new_end - 8, 8), pattern(new_end - 8, 8, 1));
}

TEST_F(EngineMain, OneThatIsSmallerThanTheMapIsRefused)
{
	TableOptions t = of_length(old_end);

	main.resize(new_end);
	create(of_length(new_end));
	remap(old_end - 4, 8, 1);
	remove();
	main.resize(old_end);
	expect_refused(t, "this main has 40960: name that main, or make it as large again");
	t.new_main = true;
	expect_refused(t, "main 8:0 has 40960 sectors, and the map has blocks of it beyond them, at sector 40960: name the main that "
			  "had these, or make this one as large again; the set keeps what it knows of them");
	main.resize(new_end);
	create(t);
	EXPECT_EQ(read(old_end - 4, 4), pattern(old_end - 4, 4, 1));
}

TEST_F(EngineMain, OneThatIsSmallerIsServedIfTheLineSaysSoOnce)
{
	TableOptions t = of_length(old_end);

	main.resize(new_end);
	create(of_length(new_end));
	// The log speaks of what will be cut off: pending, and with no spare block left written to main after all.
	main.fail(new_end - 8, 8);
	EXPECT_EQ(read_status(new_end - 8, 8), DMR_STS_MEDIUM);
	main.fail(0, 4000);
	for (uint64_t at = 0; write(at, 8, 1) == DMR_STS_OK; at += 8)
		ASSERT_LT(at, 4000u);
	main.heal_all();
	ASSERT_EQ(write(new_end - 8, 8, 1), DMR_STS_OK);
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	remove();
	main.resize(old_end);
	expect_refused(t, "name that main, or make it as large again; if it was made smaller, and this is the one, add 'new_main'");
	t.new_main = true;
	create(t);
	EXPECT_EQ(recorded(spare)->main.sectors, old_end);
	remove();
	// What is left of the past must do without it, too: should either checkpoint be lost.
	auto setup = recorded(spare);
	const DiskContent content = spare.snapshot();
	for (uint64_t head : { 1u, 1 + setup->checkpoint_units }) {
		for (uint64_t copy : { 0u, setup->copy_units })
			spare.rot((copy + head) * 8, 100, 1);
		ASSERT_EQ(device.create(of_length(old_end)), 0) << device.reason();
		EXPECT_EQ(read(0, 8), pattern(0, 8, 1));
		remove();
		spare.restore(content);
	}
}

// The device goes on, but the set is not told of an end that its map goes beyond.
TEST_F(EngineMain, OneThatShrinksUnderALiveTableStaysAsLargeAsTheMap)
{
	TableOptions t = of_length(old_end);

	main.resize(new_end);
	create(of_length(new_end));
	remap(5000, 8, 1);
	remap(new_end - 8, 8, 2);
	main.resize(old_end);
	t.new_main = true;
	ASSERT_EQ(device.load(t), 0) << device.reason();
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_EQ(recorded(spare)->main.sectors, new_end);
	remove();
	expect_refused(t, "the map has blocks of it beyond them");
	main.resize(new_end);
	create(of_length(new_end));
	EXPECT_EQ(read(new_end - 8, 8), pattern(new_end - 8, 8, 2));
}

TEST_F(EngineMain, ASpareIsDroppedWhileMainIsRecordedAsSmaller)
{
	TableOptions t = of_length(old_end, two());

	main.resize(new_end);
	create(of_length(new_end, two()));
	remap(5000, 8, 1);
	remove();
	main.resize(old_end);
	second.fail(0, 2048, Fault::unwritable());
	t.new_main = true;
	create(t);
	EXPECT_EQ(state("8:32"), "dropped");
	EXPECT_EQ(mode(), "ok");
	EXPECT_EQ(recorded(spare)->main.sectors, old_end);
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
}

TEST_F(EngineMain, AReadOnlyTableOfTheNewLengthWritesNothing)
{
	TableOptions t = of_length(new_end);

	create(of_length(old_end));
	remap(5000, 8, 1);
	remove();
	main.resize(new_end);
	t.read_only = true;
	const uint64_t writes = main.counts().writes + spare.counts().writes;
	create(t);
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	main.fail(new_end - 8, 8);
	EXPECT_EQ(read_status(new_end - 8, 8), DMR_STS_MEDIUM);
	remove();
	EXPECT_EQ(main.counts().writes + spare.counts().writes, writes);
	EXPECT_EQ(recorded(spare)->main.sectors, old_end);
	create(of_length(new_end));
	EXPECT_EQ(recorded(spare)->main.sectors, new_end);
}

TEST_F(EngineMain, ASpareThatWasAwayWhenMainGrewComesBack)
{
	TableOptions without = of_length(new_end, degraded(second, true));

	create(of_length(old_end, two()));
	remap(5000, 8, 1);
	remove();
	main.resize(new_end);
	create(without);
	remap(new_end - 8, 8, 2);
	remove();
	EXPECT_EQ(recorded(spare)->main.sectors, old_end);
	create(of_length(new_end, two()));
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1));
	EXPECT_EQ(read(new_end - 8, 8), pattern(new_end - 8, 8, 2));
	remove();
	EXPECT_EQ(recorded(spare)->main.sectors, new_end);
}

// Who does not take the new size is left behind before there is a record that needs it; and without anybody nothing is.
TEST_F(EngineMain, ASpareThatDoesNotTakeTheNewSizeIsDropped)
{
	create(of_length(old_end, two()));
	remove();
	main.resize(new_end);
	second.fail(0, 2048, Fault::unwritable());
	create(of_length(new_end, two()));
	EXPECT_EQ(state("8:32"), "dropped");
	remap(new_end - 8, 8, 1);
	second.heal_all();
	recreate(of_length(new_end, two()));
	EXPECT_EQ(state("8:32"), "active");
	EXPECT_EQ(read(new_end - 8, 8), pattern(new_end - 8, 8, 1));
}

TEST_F(EngineMain, WithoutAPlaceForTheNewSizeNothingIsRemappedAnyMore)
{
	create(of_length(old_end));
	remap(5000, 8, 1);
	remove();
	main.resize(new_end);
	spare.fail(0, 2048, Fault::unwritable());
	create(of_length(new_end));
	EXPECT_EQ(mode(), "metadata_failed");
	EXPECT_EQ(read(5000, 8), pattern(5000, 8, 1)) << "what was remapped is served";
	main.fail(new_end - 8, 8);
	EXPECT_NE(write(new_end - 8, 8, 1), DMR_STS_OK);
}

// ---- identity ----

const DiskOptions partition = { .name = "8:1", .identity = "partuuid:1", .disk = "wwid:1", .sectors = new_end };

DiskOptions with(DiskOptions options, const char *identity, const char *disk)
{
	options.identity = identity;
	options.disk = disk;
	return options;
}

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

// ---- a raw copy of what could not be read ----

// Another disk on which the pending blocks of the first are zeroes, as copying programs leave them.
class EngineRawCopy : public EngineMain {
protected:
	EngineRawCopy()
	{
		auto disk = copy_of(main, with(partition, "wwid:1", "wwid:1"));

		create(over(*disk));
		EXPECT_EQ(write(100, 24, 1), DMR_STS_OK);
		disk->fail(108, 8);
		EXPECT_EQ(write(108, 8, 2), DMR_STS_OK);
		disk->fail(100, 8, Fault::unreadable());
		disk->fail(200, 1, Fault::unreadable());
		EXPECT_EQ(read_status(100, 8), DMR_STS_MEDIUM);
		EXPECT_EQ(read_status(200, 1), DMR_STS_MEDIUM);
		EXPECT_EQ(snapshot().pending_sectors, 9u);
		remove();
		disk->heal_all();
		disk->poke(100, std::vector<uint8_t>(8 * 512).data(), 8);
		copy = copy_of(*disk, with(partition, "wwid:2", "wwid:2"));
		new_main = over(*copy);
		new_main.new_main = true;
		original = std::move(disk);
	}
	void expect_lost()
	{
		EXPECT_EQ(read_status(100, 8), DMR_STS_MEDIUM);
		EXPECT_EQ(read_status(200, 1), DMR_STS_MEDIUM);
		EXPECT_EQ(read(108, 8), pattern(108, 8, 2));
		EXPECT_EQ(snapshot().pending_sectors, 0u);
		EXPECT_EQ(snapshot().lost_sectors, 9u);
	}

	std::unique_ptr<SimDisk> original, copy;
	TableOptions new_main;
};

TEST_F(EngineRawCopy, WhatWasPendingIsLost)
{
	create(new_main);
	EXPECT_TRUE(world.logged("main is another disk ('new_main'): 9 blocks of 512 bytes that could not be read from the old one are "
				 "lost and fail until they are written"));
	expect_lost();
	recreate(over(*copy));
	expect_lost();
	ASSERT_EQ(write(100, 8, 3), DMR_STS_OK);
	EXPECT_EQ(read(100, 8), pattern(100, 8, 3));
	recreate(over(*copy));
	EXPECT_EQ(read(100, 8), pattern(100, 8, 3));
	EXPECT_EQ(snapshot().lost_sectors, 1u);
}

// Either checkpoint leads to it.
TEST_F(EngineRawCopy, NoCheckpointKnowsThemAsPending)
{
	create(new_main);
	remove();
	const auto setup = recorded(spare);
	const DiskContent content = spare.snapshot();

	for (uint64_t head : { 1u, 1 + setup->checkpoint_units }) {
		for (uint64_t at : { 0u, setup->copy_units })
			spare.rot((at + head) * 8, 100, 1);
		create(over(*copy));
		expect_lost();
		remove();
		spare.restore(content);
	}
}

TEST_F(EngineRawCopy, AReadOnlyTableKnowsItInMemory)
{
	const uint64_t writes = spare.counts().writes;

	new_main.read_only = true;
	create(new_main);
	expect_lost();
	remove();
	EXPECT_EQ(spare.counts().writes, writes);
	create(over(*original));
	EXPECT_EQ(snapshot().pending_sectors, 9u);
}

TEST_F(EngineRawCopy, IfItCannotBeWrittenTheStartIsRefused)
{
	spare.fail(0, 2048, Fault::unwritable());
	EXPECT_EQ(device.create(new_main), -EIO);
	EXPECT_NE(device.reason().find("which blocks of the old main are lost cannot be written on any spare"), std::string::npos)
		<< device.reason();
	spare.heal_all();
	create(over(*original));
	EXPECT_EQ(snapshot().pending_sectors + snapshot().lost_sectors, 9u);
	remove();
	create(new_main);
	expect_lost();
}

TEST_F(EngineRawCopy, WithoutMemoryTheStartIsRefused)
{
	const DiskContent content = spare.snapshot();
	uint64_t refused = 0;

	for (uint64_t k = 1;; k++) {
		spare.restore(content);
		ASSERT_EQ(device.load(new_main), 0) << device.reason();
		const uint64_t failures = world.memory().failures();

		world.memory().fail_nth(k);
		const int err = device.resume();
		const bool failed = world.memory().failures() > failures;

		world.memory().fail_nth(0);
		if (err) {
			EXPECT_EQ(err, -ENOMEM);
			refused++;
		} else {
			expect_lost();
		}
		remove();
		if (!failed)
			break;
	}
	EXPECT_GT(refused, 0u);
}

// The same main, only smaller, is still the one that may give them.
TEST_F(EngineRawCopy, OfTheSameMainTheyStayPending)
{
	original->resize(new_end - 1000);
	TableOptions t = over(*original);
	t.new_main = true;
	create(t);
	EXPECT_EQ(recorded(spare)->main.sectors, new_end - 1000);
	EXPECT_EQ(snapshot().pending_sectors, 9u);
	EXPECT_EQ(snapshot().lost_sectors, 0u);
	remove();
	// What is served now is no other one, whatever is known of it.
	auto unknown = copy_of(*original, with(partition, "", ""));
	t = over(*unknown);
	t.new_main = true;
	create(t);
	EXPECT_EQ(snapshot().lost_sectors, 9u);
	unknown->fail(300, 1, Fault::unreadable());
	EXPECT_EQ(read_status(300, 1), DMR_STS_MEDIUM);
	ASSERT_EQ(device.load(t), 0) << device.reason();
	ASSERT_EQ(device.resume(), 0) << device.reason();
	EXPECT_EQ(snapshot().pending_sectors, 1u);
}

// ---- the rest of the setup ----

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
