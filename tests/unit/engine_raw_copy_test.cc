// SPDX-License-Identifier: GPL-2.0
// A raw copy of main takes its place: what could not be read is no data there.
#include "engine_main_fixture.hh"

namespace dm_remap::host {

namespace {

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

} // namespace

} // namespace dm_remap::host
