// SPDX-License-Identifier: GPL-2.0
// A spare that is lost for good is let go of: what lived on it is gone, says so, and never comes back as main's old data.
#include "engine_forget_fixture.hh"

#include <cerrno>
#include <functional>

namespace dm_remap::host {

TEST_F(EngineForget, WhatLivedOnAMissingSpareIsLostAndSaysSo)
{
	main.fail(0, 8);
	create(two());
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	ASSERT_EQ(used_of("8:16"), 8u);
	main.heal_all();
	recreate(degraded(second, true));
	EXPECT_EQ(device.forget_spare(0, false), -EBUSY);
	EXPECT_TRUE(refused_with("8 blocks live on spare 0: to keep them find it, and load a table that names it; ")) << device.reason();
	EXPECT_EQ(state("-"), "missing");
	EXPECT_EQ(snapshot().lost_sectors, 0u);

	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_TRUE(world.logged("8 blocks of 512 bytes that lived on it are lost"));
	EXPECT_EQ(events(DMR_EVENT_MEMBER_REMOVED), 1u);
	EXPECT_EQ(state("-"), "");
	EXPECT_EQ(snapshot().lost_sectors, 8u);
	EXPECT_EQ(snapshot().pending_sectors, 0u);
	EXPECT_EQ(snapshot().remapped_sectors, 0u);
	EXPECT_EQ(snapshot().health, 89u);
	EXPECT_NE(device.message({ "status" }).find(" pending_sectors=0 lost_sectors=8\n"), std::string::npos);
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM) << "main would give what is outdated";
	EXPECT_EQ(read(8, 8), pattern(8, 8, 1));
	EXPECT_EQ(device.forget_spare(0, true), -ENOENT);

	// From now on the set is complete without it.
	recreate(only(second));
	EXPECT_EQ(snapshot().lost_sectors, 8u);
	EXPECT_EQ(read_status(3, 1), DMR_STS_MEDIUM);
	const uint64_t writes_to_main = main.counts().writes;
	EXPECT_EQ(write(2, 4, 3), DMR_STS_OK);
	EXPECT_EQ(main.counts().writes, writes_to_main) << "it had refused them once";
	EXPECT_EQ(read(2, 4), pattern(2, 4, 3));
	EXPECT_EQ(snapshot().lost_sectors, 4u);
	EXPECT_EQ(read_status(1, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(read_status(6, 1), DMR_STS_MEDIUM);
	recreate(only(second));
	EXPECT_EQ(read(2, 4), pattern(2, 4, 3));
	EXPECT_EQ(snapshot().lost_sectors, 4u);
}

TEST_F(EngineForget, WhatComesBackAfterwardsIsRefused)
{
	main.fail(0, 8);
	create(two());
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	recreate(degraded(second, true));
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	ASSERT_EQ(device.remove(), 0);
	TableOptions both = two();
	both.max_extents = 0;
	EXPECT_EQ(device.create(both), -EINVAL);
	EXPECT_TRUE(refused_with("was removed from set")) << device.reason();
	create(only(second));
	const std::vector<uint8_t> zeroes(2048 * 512);
	spare.poke(0, zeroes.data(), 2048);
	EXPECT_EQ(device.add_spare(spare, 0, 2048), 0) << device.reason();
	EXPECT_EQ(state("8:16"), "active");
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM);
}

// By who has found it after all, and needs what it held.
TEST_F(EngineForget, WhatWasGivenUpCanBeReadFromAForgottenSpareAlone)
{
	main.fail(0, 8);
	create(two());
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	recreate(degraded(second, true));
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	TableOptions found = degraded(spare, true);
	found.read_only = true;
	recreate(found);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 2));
	recreate(only(second));
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM);
}

TEST_F(EngineForget, OneOnWhichNothingLivesGoesWithoutForce)
{
	create(two());
	recreate(degraded(second, true));
	ASSERT_EQ(device.forget_spare(0, false), 0) << device.reason();
	EXPECT_EQ(state("-"), "");
	EXPECT_EQ(snapshot().lost_sectors, 0u);
	recreate(only(second));
}

TEST_F(EngineForget, WhoTakesPartIsNotForgotten)
{
	create(two());
	EXPECT_EQ(device.forget_spare(0, true), -EBUSY);
	EXPECT_TRUE(refused_with("spare 0 is not lost: to keep what lives on it 'remove_spare' moves that to the others and takes it out, "
				 "with 'force' less what cannot be read")) << device.reason();
	EXPECT_EQ(device.forget_spare(2, true), -ENOENT);
	EXPECT_EQ(device.forget_spare(15, true), -ENOENT);
	recreate(degraded(second, true));
	EXPECT_EQ(device.forget_spare(1, true), -EBUSY) << "the last one";
	ASSERT_EQ(device.suspend(), 0);
	EXPECT_EQ(device.forget_spare(0, true), -EBUSY);
	EXPECT_TRUE(refused_with("suspended")) << device.reason();
	ASSERT_EQ(device.resume(), 0);
	TableOptions read_only = degraded(second, true);
	read_only.read_only = true;
	recreate(read_only);
	EXPECT_EQ(device.forget_spare(0, true), -EROFS);
	recreate(degraded(second, true));
	second.fail(0, 2048, Fault::unwritable());
	main.fail(0, 1);
	ASSERT_NE(write(0, 1, 2), DMR_STS_OK);
	ASSERT_EQ(mode(), "metadata_failed");
	EXPECT_EQ(device.forget_spare(0, true), -EBUSY);
	EXPECT_TRUE(refused_with("can no longer be written: load its table again first")) << device.reason();
	EXPECT_EQ(device.remove_spare(second, 0), -EBUSY);
	EXPECT_TRUE(refused_with("can no longer be written: load its table again first")) << device.reason();
	EXPECT_EQ(state("-"), "missing");
	second.heal_all();
	recreate(degraded(second, true));
	EXPECT_EQ(state("-"), "missing");
}

TEST_F(EngineForget, ASpareThatIsDeadIsForgottenToo)
{
	main.fail(0, 16);
	create(two());
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	spare.set_gone(true);
	ASSERT_EQ(write(8, 8, 2), DMR_STS_OK);
	ASSERT_EQ(state("8:16"), "dropped");
	EXPECT_EQ(device.forget_spare(0, false), -EBUSY);
	EXPECT_TRUE(refused_with("move them with 'remove_spare'; to lose them for good, add 'force'")) << device.reason();
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_EQ(state("8:16"), "");
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM);
	EXPECT_EQ(read(8, 8), pattern(8, 8, 2));
	EXPECT_EQ(write(0, 8, 3), DMR_STS_OK);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 3));
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	spare.set_gone(false);
	recreate(only(second));
	EXPECT_EQ(read(0, 8), pattern(0, 8, 3));
	EXPECT_EQ(read(8, 8), pattern(8, 8, 2));
}

// Its device is looked for by a read that map has sent there.
TEST_F(EngineForget, WhatIsUnderWayToADeadSpareIsWaitedFor)
{
	drop_the_first();
	read_slowly();
	EXPECT_EQ(device.forget_spare(0, true), -EBUSY);
	EXPECT_TRUE(refused_with("still under way: try again")) << device.reason();
	EXPECT_FALSE(ended_);
	EXPECT_EQ(snapshot().lost_sectors, 16u) << "that is done already";
	EXPECT_EQ(state("8:16"), "dropped");
	ASSERT_EQ(world.run_until([&] { return ended_; }), Stop::Done);
	spare.set_slow(0);
	EXPECT_EQ(device.forget_spare(0, false), 0) << device.reason();
	EXPECT_EQ(state("8:16"), "");
}

// Though the spare itself stays: extents that were two are one lost one in memory, and what is committed next would count on the room.
TEST_F(EngineForget, WhatIsLostIsLostDurably)
{
	drop_the_first();
	read_slowly();
	ASSERT_EQ(device.forget_spare(0, true), -EBUSY);
	ASSERT_EQ(world.run_until([&] { return ended_; }), Stop::Done);
	const uint64_t lost = snapshot().lost_sectors;
	spare.set_slow(0);
	recreate(degraded(second, true));
	EXPECT_EQ(snapshot().lost_sectors, lost);
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM);
}

// It was dropped for one write of its metadata: what lives on it may be whole, and no one else has it.
TEST_F(EngineForget, NothingIsWrittenToOneThatIsThere)
{
	drop_the_first();
	spare.heal_all();
	const uint64_t writes = spare.counts().writes;

	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_EQ(spare.counts().writes, writes);
	ASSERT_EQ(device.remove(), 0);
	const std::vector<uint8_t> left = content(spare);

	// Beside the others, in any order, and as the only one.
	TableOptions both = two();
	both.max_extents = 0;
	EXPECT_EQ(device.create(both), -EINVAL);
	EXPECT_TRUE(refused_with("was removed from set")) << device.reason();
	std::swap(both.members[0], both.members[1]);
	EXPECT_EQ(device.create(both), -EINVAL);
	EXPECT_TRUE(refused_with("was removed from set")) << device.reason();
	both.degraded = both.force = true;
	EXPECT_EQ(device.create(both), -EINVAL);
	EXPECT_EQ(device.create(only(spare)), -EINVAL);
	EXPECT_TRUE(refused_with("missing")) << device.reason();
	create(only(second));
	EXPECT_NE(device.add_spare(spare, 0, 2048), 0);
	ASSERT_EQ(device.remove(), 0);
	EXPECT_TRUE(content(spare) == left);

	TableOptions found = degraded(spare, true);
	found.read_only = true;
	create(found);
	EXPECT_EQ(read(0, 8), pattern(0, 8, 2));
	ASSERT_EQ(device.remove(), 0);
	EXPECT_TRUE(content(spare) == left);

	// Who starts it alone all the same goes separate ways: the two are never joined again.
	create(degraded(spare, true));
	EXPECT_EQ(read(0, 8), pattern(0, 8, 2));
	ASSERT_EQ(device.remove(), 0);
	both = two();
	both.max_extents = 0;
	for (int order = 0; order < 2; order++) {
		EXPECT_EQ(device.create(both), -EINVAL);
		EXPECT_TRUE(refused_with("went separate ways")) << device.reason();
		std::swap(both.members[0], both.members[1]);
	}
	create(only(second));
	EXPECT_EQ(read_status(0, 8), DMR_STS_MEDIUM);
}

// The others have not noticed, as they have written nothing to it since.
TEST_F(EngineForget, ADeadSpareThatNobodyHasWrittenTo)
{
	main.fail(0, 8);
	create(two());
	ASSERT_EQ(write(0, 8, 2), DMR_STS_OK);
	spare.set_gone(true);
	EXPECT_NE(read_status(0, 8), DMR_STS_OK);
	ASSERT_EQ(state("8:16"), "active");
	EXPECT_EQ(device.forget_spare(0, false), -EBUSY);
	EXPECT_TRUE(refused_with("8 blocks live on spare 0: ")) << device.reason();
	EXPECT_EQ(state("8:16"), "dropped");
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_EQ(state("8:16"), "");
	recreate(only(second));
	EXPECT_EQ(snapshot().lost_sectors, 8u);
}

// Its metadata is written, its blocks cannot be read: what can be read moves, the rest is given up on demand.
TEST_F(EngineForget, OneThatCannotBeReadIsRemovedByForce)
{
	main.fail(0, 32);
	create(two());
	ASSERT_EQ(write(0, 32, 2), DMR_STS_OK);
	ASSERT_EQ(used_of("8:16"), 32u);
	const uint64_t place = 2048 - total_of("8:16");
	spare.fail(place + 8, 4, Fault::unreadable());
	spare.fail(place + 20, 1, Fault::unreadable());
	ASSERT_EQ(device.remove_spare(spare, 0), 1);
	run_job();
	EXPECT_TRUE(world.logged("some of its blocks cannot be read: to keep all the others, write these anew and try again; to lose these for good, add 'force'"));
	EXPECT_EQ(used_of("8:16"), 5u);
	EXPECT_EQ(snapshot().lost_sectors, 0u);
	EXPECT_EQ(device.forget_spare(0, true), -EBUSY);

	device.active()->instance().events[DMR_EVENT_MEMBER_REMOVED] = 0;
	ASSERT_EQ(device.remove_spare(spare, 0, true), 1);
	run_job();
	EXPECT_EQ(state("8:16"), "");
	EXPECT_EQ(snapshot().lost_sectors, 5u);
	EXPECT_TRUE(world.logged("spare 0 is given up: 4 blocks of 512 bytes that lived on it are lost"));
	EXPECT_TRUE(world.logged("spare 0 is given up: 1 blocks of 512 bytes that lived on it are lost"));
	main.heal_all();
	spare.heal_all();
	for (int table = 0; table < 2; table++) {
		EXPECT_EQ(read(0, 8), pattern(0, 8, 2));
		EXPECT_EQ(read(12, 8), pattern(12, 8, 2));
		EXPECT_EQ(read(21, 11), pattern(21, 11, 2));
		for (uint64_t lost : { 8, 9, 10, 11, 20 })
			EXPECT_EQ(read_status(lost, 1), DMR_STS_MEDIUM);
		recreate(only(second));
	}
	EXPECT_EQ(write(8, 4, 3), DMR_STS_OK);
	EXPECT_EQ(read(8, 4), pattern(8, 4, 3));
}

// The only one that is left is not asked: its failure would cost the set its metadata.
TEST_F(EngineForget, TheLastOneIsNotPutToTheTest)
{
	create(two());
	recreate(degraded(second, true));
	second.set_gone(true);
	EXPECT_EQ(device.forget_spare(1, true), -EBUSY);
	EXPECT_EQ(mode(), "ok");
	second.set_gone(false);
}

// Users who try lost blocks again and again are not waited for: they find them lost.
TEST_F(EngineForget, ThoseWhoComeLaterDoNotStandInTheWay)
{
	constexpr uint32_t readers = 4;
	UserIo io[readers];
	std::vector<uint8_t> data(512);
	uint64_t reads = 0;
	bool stop = false;
	uint32_t idle = 0;

	drop_the_first();
	spare.fail(0, 2048);
	const std::function<void(uint32_t)> next = [&](uint32_t i) {
		io[i] = UserIo();
		io[i].sector = 2 * i;
		io[i].sectors = 1;
		io[i].data = data.data();
		io[i].done = [&, i](UserIo &) {
			reads++;
			stop ? static_cast<void>(idle++) : next(i);
		};
		device.submit(io[i]);
	};
	for (uint32_t i = 0; i < readers; i++)
		next(i);
	ASSERT_EQ(world.run_until([&] { return reads > 100; }), Stop::Done);
	EXPECT_EQ(device.forget_spare(0, true), 0) << device.reason();
	const uint64_t before = reads;
	ASSERT_EQ(world.run_until([&] { return reads > before + 100; }), Stop::Done);
	stop = true;
	ASSERT_EQ(world.run_until([&] { return idle == readers; }), Stop::Done);
	EXPECT_EQ(state("8:16"), "");
	recreate(only(second));
}

TEST_F(EngineForget, WithoutMemoryItIsDoneOrNothingHasChanged)
{
	uint64_t refused = 0;

	main.fail(0, 400);
	create(two());
	for (uint64_t at = 0; at < 200; at += 2)
		ASSERT_EQ(write(at, 1, 2), DMR_STS_OK);
	ASSERT_EQ(device.remove(), 0);
	const DiskContent content = second.snapshot();

	for (uint64_t k = 1;; k++) {
		second.restore(content);
		create(degraded(second, true));
		const uint64_t failures = world.memory().failures();

		world.memory().fail_nth(k);
		const int err = device.forget_spare(0, true);
		const bool failed = world.memory().failures() > failures;

		world.memory().fail_nth(0);
		if (err) {
			EXPECT_EQ(err, -ENOMEM);
			EXPECT_EQ(snapshot().lost_sectors, 0u);
			EXPECT_EQ(snapshot().remapped_sectors, 100u);
			refused++;
			EXPECT_EQ(device.forget_spare(0, true), 0) << device.reason();
		}
		recreate(only(second));
		EXPECT_EQ(snapshot().lost_sectors, 100u);
		for (uint64_t at = 0; at < 200; at += 2)
			ASSERT_EQ(read_status(at, 1), DMR_STS_MEDIUM);
		ASSERT_EQ(device.remove(), 0);
		if (!failed)
			break;
	}
	EXPECT_GT(refused, 0u) << "or this shows nothing";
}

} // namespace dm_remap::host
