// SPDX-License-Identifier: GPL-2.0
// A main that grows and shrinks.
#include "engine_main_fixture.hh"

namespace dm_remap::host {

namespace {

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

} // namespace

} // namespace dm_remap::host
