// SPDX-License-Identifier: GPL-2.0
// Power cuts before and after every device write of every operation, and what the disk may then hold.
#include "metadata_fixture.hh"

#include "host/random.hh"

#include <functional>

namespace dm_remap::metadata_test {
namespace {

// What a fiber owns when the power goes is lost with its stack, so operations keep nothing on the heap but in the Set.
using Operation = std::function<void(Set &)>;
using Check = std::function<void(Set &, const std::string &how)>;

// Ways in which the disks may come out of a cut: each subset of a few unflushed sectors, of more of them nothing, all,
// some prefixes, and chance.
void for_each_survival(Set &set, const Options &options, size_t most, host::Random &random, const Check &check)
{
	std::vector<DiskContent> cut;
	size_t blocks = 0;

	for (uint32_t i = 0; i < options.members; i++) {
		cut.push_back(set.disk(i).snapshot());
		blocks += set.disk(i).unflushed().size();
	}
	bool every = blocks <= 8 && size_t{1} << blocks <= most;
	size_t variants = every ? size_t{1} << blocks : most;

	for (size_t variant = 0; variant < variants; variant++) {
		size_t at = 0, prefix = variant == 1 ? blocks : variant ? random.below(blocks) : 0;

		for (uint32_t i = 0; i < options.members; i++) {
			set.disk(i).restore(cut[i]);
			set.disk(i).power_cut([&](const Unflushed &u) -> uint32_t {
				size_t index = at++;

				if (every)
					return variant >> index & 1 ? u.versions : 0;
				if (variant < most / 2)
					return index < prefix ? u.versions : 0;
				return static_cast<uint32_t>(random.below(u.versions + 1));
			});
		}
		check(set, "survivors " + std::to_string(variant));
		if (testing::Test::HasFatalFailure())
			return;
	}
}

// The power goes at each point of `operation` in turn; check looks at ways it may come out, at most so many.
void cut_everywhere(const Options &options, size_t most, const Operation &prepare, const Operation &operation,
		    const Check &check)
{
	host::Random random(3);
	uint64_t cuts = 0;

	for (uint64_t k = 1;; k++) {
		Set set(options);

		prepare(set);
		set.world.cut_after(k);
		if (set.world.run_fiber("operation", [&] { operation(set); }) != host::Stop::PowerCut)
			break;
		cuts++;
		set.world.reboot();
		set.forget();
		for_each_survival(set, options, most, random, [&](Set &s, const std::string &how) {
			check(s, "cut " + std::to_string(k) + ", " + how);
		});
		if (testing::Test::HasFatalFailure())
			return;
	}
	EXPECT_GE(cuts, 4u);
}

// What was loaded is one of these, and the set lives on from it.
void expect_one_of(Set &set, const std::vector<Map> &allowed, const std::string &how)
{
	bool found = false;

	ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
	for (const Map &map : allowed)
		found |= set.loaded == map;
	ASSERT_TRUE(found) << how;
	set.map = set.loaded;
	if (set.report.needs_checkpoint) {
		ASSERT_EQ(set.checkpoint(set.map), 0) << how;
		ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
		ASSERT_EQ(set.loaded, set.map) << how;
		ASSERT_FALSE(set.report.needs_checkpoint) << how;
	}
	set.commits(2);
	ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
	ASSERT_EQ(set.loaded, set.map) << how;
	set.close();
}

const Options small = {.max_extents = 164};
const Options two = {.members = 2, .max_extents = 164};

TEST(MetadataCrash, AppendIsThereOrNot)
{
	for (const Options &options : {small, two}) {
		Map before, after;
		dmr_record record = {77, 0, 1, DMR_RECORD_PENDING, 0, 0};

		cut_everywhere(
			options, 256,
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
				std::strcpy(changed.name, "a much longer name, so that more than one sector of it changes");
				fill_uuid(changed.branch, 0x99);
				ops.update_setup(set.md, &changed);
			},
			[](Set &set, const std::string &how) {
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				bool changed = set.setup().generation == 2;
				ASSERT_EQ(set.setup().read_retries, changed ? 50u : 3u) << how;
				ASSERT_EQ(set.setup().branch[0], changed ? 0x99 : 0x5f) << how;
				expect_one_of(set, {Map()}, how);
				uint64_t generation = set.setup().generation;
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				ASSERT_EQ(set.setup().generation, generation) << "once seen it stays";
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
