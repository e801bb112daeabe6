// SPDX-License-Identifier: GPL-2.0
// Power cuts before and after every device write of every operation, and what the disk may then hold.
#include "metadata_crash.hh"

namespace dm_remap::metadata_test {
namespace {

const Options small = {.max_extents = 164};
const Options two = {.members = 2, .max_extents = 164};
const Options three = {.members = 3, .max_extents = 164};

TEST(MetadataCrash, AppendIsThereOrNot)
{
	for (const Options &options : {small, two, three}) {
		Map before, after;
		dmr_record record = {77, 0, 1, DMR_RECORD_PENDING, 0, 0};

		cut_everywhere(
			options, options.members < 3 ? 256 : 32,
			[&](Set &set) {
				set.format();
				set.commits(3);
				before = after = set.map;
				after.apply(record);
			},
			[&](Set &set) { set.append({record}); },
			[&](Set &set, const std::string &how) { expect_one_of(set, {before, after}, how); });
	}
}

TEST(MetadataCrash, CheckpointChangesNothing)
{
	for (const Options &options : {small, two}) {
		Map before;

		cut_everywhere(
			options, 40,
			[&](Set &set) {
				set.format();
				set.commits(set.layout().log_half_units + 3);
				before = set.map;
			},
			[&](Set &set) { set.checkpoint(set.map); },
			[&](Set &set, const std::string &how) { expect_one_of(set, {before}, how); });
	}
}

TEST(MetadataCrash, MendingCheckpointChangesNothing)
{
	// The newest checkpoint and a superblock are lost, so that the mending writes superblocks, and two checkpoints.
	Map before;

	cut_everywhere(
		small, 40,
		[&](Set &set) {
			set.format();
			set.commits(set.layout().log_half_units + 3);
			before = set.map;
			set.lose(set.layout().head(Copy::a, Slot::zero));
			set.rot(set.layout().superblock(Copy::a));
			ASSERT_EQ(set.load(), 0) << set.reason;
			ASSERT_EQ(set.loaded, before);
		},
		[&](Set &set) { set.checkpoint(set.map); },
		[&](Set &set, const std::string &how) { expect_one_of(set, {before}, how); });
}

TEST(MetadataCrash, SetupIsTheOldOrTheNewOne)
{
	for (const Options &options : {small, two}) {
		cut_everywhere(
			options, 256, [](Set &set) { set.format(); },
			[](Set &set) {
				dmr_setup changed = *ops.setup(set.md);

				changed.read_retries = 50;
				changed.main.sectors += 77;
				std::strcpy(changed.main.disk, "wwid:another");
				std::strcpy(changed.name, "a much longer name, so that more than one sector of it changes");
				ops.update_setup(set.md, &changed);
			},
			[](Set &set, const std::string &how) {
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				bool changed = set.setup().generation == 2;
				ASSERT_EQ(set.setup().read_retries, changed ? 50u : 3u) << how;
				ASSERT_EQ(set.setup().name[0], changed ? 'a' : 'd') << how;
				ASSERT_EQ(set.setup().main.sectors, changed ? 1'000'077u : 1'000'000u) << how;
				ASSERT_STREQ(set.setup().main.disk, changed ? "wwid:another" : "") << how;
				expect_one_of(set, {Map()}, how);
				uint64_t generation = set.setup().generation;
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				ASSERT_EQ(set.setup().generation, generation) << "once seen it stays";
			});
	}
}

// No record beyond main's old end is found before the new one is.
TEST(MetadataCrash, ARecordOfTheNewPartNeedsTheNewSize)
{
	const dmr_record beyond = {1'000'000, 0, 8, DMR_RECORD_PENDING, 0, 0};

	for (const Options &options : {small, two, three}) {
		Map before, after;

		cut_everywhere(
			options, options.members < 3 ? 64 : 16,
			[&](Set &set) {
				set.format();
				set.commits(3);
				before = after = set.map;
				after.apply(beyond);
			},
			[&](Set &set) {
				dmr_setup changed = *ops.setup(set.md);

				changed.main.sectors += 8;
				ops.update_setup(set.md, &changed);
				set.append({beyond});
			},
			[&](Set &set, const std::string &how) {
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				const uint64_t sectors = set.setup().main.sectors;
				const bool there = set.loaded == after;
				ASSERT_TRUE(sectors == 1'000'008 || (sectors == 1'000'000 && !there)) << how;
				expect_one_of(set, {before, after}, how);
			});
	}
}

TEST(MetadataCrash, AMainThatShrinksLeavesNoRecordBeyondItsEnd)
{
	const dmr_record beyond = {1'000'000, 0, 8, DMR_RECORD_PENDING, 0, 0};
	const dmr_record cleared = {1'000'000, 0, 8, DMR_RECORD_CLEAR, 0, 0};
	Map before;

	cut_everywhere(
		two, 16,
		[&](Set &set) {
			set.setup().main.sectors += 8;
			set.format();
			set.commits(3);
			ASSERT_EQ(set.append({beyond}), 0);
			ASSERT_EQ(set.append({cleared}), 0);
			before = set.map;
		},
		[](Set &set) {
			set.checkpoint(set.map);
			set.checkpoint(set.map);
			dmr_setup changed = *ops.setup(set.md);

			changed.main.sectors -= 8;
			ops.update_setup(set.md, &changed);
		},
		[&](Set &set, const std::string &how) { expect_one_of(set, {before}, how); });
}

TEST(MetadataCrash, AFeatureIsInUseOrNot)
{
	const dmr_record lost = {5, 0, 3, DMR_RECORD_LOST, 0, 0};

	for (const Options &options : {small, two}) {
		Map before, after;

		cut_everywhere(
			options, 256,
			[&](Set &set) {
				set.format();
				set.commits(2);
				before = after = set.map;
				after.apply(lost);
			},
			[&](Set &set) {
				if (ops.use_features(set.md, DMR_FEATURE_LOST) == 0)
					set.append({lost});
			},
			[&](Set &set, const std::string &how) {
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				const bool used = set.setup().features;

				expect_one_of(set, used ? std::vector<Map>{before, after} : std::vector<Map>{before}, how);
			});
	}
}

// Formatting again with another set, as after any start.
void expect_formattable(Set &set, const std::string &how)
{
	set.fresh_setup(0x21);
	set.format();
	set.commits(1);
	ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
	ASSERT_EQ(set.loaded, set.map) << how;
	set.close();
	set.fresh_setup(0x5e);
}

TEST(MetadataCrash, FormattingLeavesBlankOrAll)
{
	Options options[] = {small, {.start = 24, .physical_bytes = 4096, .logical_bytes = 4096, .max_extents = 164},
			     {.sectors = 4096, .start = 24, .physical_bytes = 16384, .max_extents = 164}};

	for (const Options &o : options) {
		uint32_t blank = 0, member = 0;

		cut_everywhere(
			o, 16, [](Set &set) { ASSERT_EQ(set.open(), 0) << set.reason; },
			[](Set &set) { ops.format(set.md, set.reason); },
			[&](Set &set, const std::string &how) {
				int rc = set.load();

				if (rc == -ENODATA) {
					ASSERT_EQ(set.probe.verdict, DMR_PROBE_BLANK) << how;
					blank++;
					expect_formattable(set, how);
				} else {
					ASSERT_EQ(rc, 0) << how << ": " << set.reason;
					member++;
					expect_one_of(set, {Map()}, how);
				}
			});
		EXPECT_GT(blank, 10u);
		EXPECT_GT(member, 2u);
	}
}

TEST(MetadataCrash, FormattingCutOffTwiceIsStillBlank)
{
	for (uint64_t first = 1; first <= 20; first += 3) {
		cut_everywhere(
			small, 8,
			[&](Set &set) {
				host::Random random(first);

				ASSERT_EQ(set.open(), 0);
				set.world.cut_after(first);
				ASSERT_EQ(set.world.run_fiber("first", [&] { ops.format(set.md, set.reason); }),
					  host::Stop::PowerCut);
				set.disk().power_cut(random);
				set.world.reboot();
				set.forget();
				set.fresh_setup(0x44);
				ASSERT_EQ(set.open(), 0);
			},
			[](Set &set) { ops.format(set.md, set.reason); },
			[&](Set &set, const std::string &how) {
				int rc = set.load();

				if (rc == -ENODATA) {
					ASSERT_EQ(set.probe.verdict, DMR_PROBE_BLANK) << first << how;
				} else {
					ASSERT_EQ(rc, 0) << how << ": " << set.reason;
				}
			});
		if (HasFatalFailure())
			return;
	}
}

TEST(MetadataCrash, FormattingOverSomethingNeverCallsItBlankWhileTracesAreLeft)
{
	cut_everywhere(
		small, 16,
		[](Set &set) {
			std::vector<uint8_t> noise(512);

			// In the area, not where formatting writes, and at the end of the range.
			std::memset(noise.data(), 0xa5, noise.size());
			set.disk().poke(set.sector(set.layout().body(Copy::b, Slot::one)), noise.data(), 1);
			set.disk().poke(set.range().start + set.range().sectors - 1, noise.data(), 1);
			ASSERT_EQ(set.open(), 0);
		},
		[](Set &set) { ops.format(set.md, set.reason); },
		[](Set &set, const std::string &how) {
			int rc = set.load();

			if (rc == -ENODATA) {
				ASSERT_EQ(set.probe.verdict, DMR_PROBE_FOREIGN) << how;
			} else {
				ASSERT_EQ(rc, 0) << how << ": " << set.reason;
			}
		});
}

// A long life with cuts at any moment, of mending too: what was acknowledged is never lost, and what was once loaded
// and mended stays.
void live(const Options &options, uint64_t seed, int rounds)
{
	Set set(options);
	host::Random random(seed);
	int cuts = 0, in_flight_seen = 0;

	set.format();
	set.close();
	for (int round = 0; round < rounds; round++) {
		Map sure = set.map, maybe = set.map;

		set.world.cut_after(random.between(1, 40));
		host::Stop stop = set.world.run_fiber("life", [&] {
			ASSERT_EQ(set.load(), 0) << set.reason;
			ASSERT_EQ(set.loaded, set.map);
			if (set.report.needs_checkpoint) {
				ASSERT_EQ(set.checkpoint(set.map), 0);
			}
			for (uint64_t n = random.below(30); n > 0; n--) {
				dmr_record record = set.next_record();

				if (random.chance(1, 12) || ops.wants_checkpoint(set.md)) {
					ASSERT_EQ(set.checkpoint(set.map), 0);
				}
				maybe.apply(record);
				ASSERT_EQ(set.append({record}), 0);
				sure = maybe;
			}
		});
		ASSERT_FALSE(testing::Test::HasFatalFailure());
		set.world.cut_after(0);
		if (stop == host::Stop::PowerCut) {
			for (uint32_t i = 0; i < options.members; i++)
				set.disk(i).power_cut(random);
			set.world.reboot();
			set.forget();
			cuts++;
		}
		set.close();
		ASSERT_EQ(set.load(true), 0) << round << ": " << set.reason;
		ASSERT_TRUE(set.loaded == sure || set.loaded == maybe) << round;
		in_flight_seen += !(set.loaded == sure);
		set.map = set.loaded;
		set.close();
	}
	EXPECT_GT(cuts, rounds / 4);
	EXPECT_GT(in_flight_seen, 0);
}

TEST(MetadataCrash, LongLifeOfOneMember)
{
	live({.max_extents = 164 * 3}, 1, 400);
}

TEST(MetadataCrash, LongLifeWithTheSmallestLog)
{
	live({.sectors = 1024}, 2, 400);
}

TEST(MetadataCrash, LongLifeOfThreeMembers)
{
	live({.members = 3, .max_extents = 164 * 3}, 3, 300);
}

TEST(MetadataCrash, LongLifeOn4KnDisks)
{
	live({.block_bytes = 4096, .physical_bytes = 4096, .logical_bytes = 4096, .max_extents = 164 * 3}, 4, 200);
}

} // namespace
} // namespace dm_remap::metadata_test
