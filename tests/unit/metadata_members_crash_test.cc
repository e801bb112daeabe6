// SPDX-License-Identifier: GPL-2.0
// Power cuts while members are dropped, brought up to date, taken in and removed. After each, what was acknowledged is
// there, whoever starts; and who is behind is not believed.
#include "metadata_crash.hh"

namespace dm_remap::metadata_test {
namespace {

const Options two = {.members = 2, .max_extents = 164};
const Options three = {.members = 3, .max_extents = 164};
const Options two_and_one = {.members = 2, .others = 1, .max_extents = 164};

void heal(Set &set, const Options &options)
{
	for (uint32_t i = 0; i < options.members + options.others; i++) {
		set.disk(i).heal_all();
		set.give_back(i);
	}
}

// All copies of everything, to be looked at in several ways.
std::vector<DiskContent> save(Set &set, const Options &options)
{
	std::vector<DiskContent> all;

	for (uint32_t i = 0; i < options.members + options.others; i++)
		all.push_back(set.disk(i).snapshot());
	return all;
}
void restore(Set &set, const std::vector<DiskContent> &saved)
{
	for (uint32_t i = 0; i < saved.size(); i++)
		set.disk(i).restore(saved[i]);
}

TEST(MetadataMembersCrash, DropDuringAppend)
{
	const dmr_record record = {77, 0, 1, DMR_RECORD_PENDING, 0, 0};

	for (uint32_t victim = 0; victim < 3; victim++) {
		for (Copy copy : format::copies) {
			Map before, after;

			cut_everywhere(
				three, 12,
				[&](Set &set) {
					set.format();
					set.commits(3);
					before = after = set.map;
					after.apply(record);
					set.disk(victim).fail(set.sector(set.layout().log(copy, Slot::one) + 3), 8,
							      host::Fault::unwritable());
				},
				[&](Set &set) { set.append({record}); },
				[&](Set &set, const std::string &how) {
					std::vector<DiskContent> saved = save(set, three);

					heal(set, three);
					expect_one_of(set, {before, after}, how + ", all");
					restore(set, saved);
					set.take_away(victim);
					expect_one_of(set, {before, after}, how + ", without it");
					// And then it comes back.
					Map sure = set.map;
					set.give_back(victim);
					expect_one_of(set, {sure}, how + ", with it again");
				});
			if (HasFatalFailure())
				return;
		}
	}
}

TEST(MetadataMembersCrash, StartWithoutAMember)
{
	Map before;

	cut_everywhere(
		three, 16,
		[&](Set &set) {
			set.format();
			set.commits(3);
			before = set.map;
			// The only good superblock of a member must not be lost on the way.
			set.rot(set.layout().superblock(Copy::b));
			set.take_away(1);
			ASSERT_EQ(set.load(), 0) << set.reason;
		},
		[](Set &set) { set.checkpoint(set.map); },
		[&](Set &set, const std::string &how) {
			ASSERT_EQ(set.assemble(), 0) << how;
			ASSERT_EQ(set.probe.verdict, DMR_PROBE_MEMBER) << how;
			expect_one_of(set, {before}, how);
			set.give_back(1);
			expect_one_of(set, {set.map}, how + ", with it again");
		});
}

// The stale member by itself knows what it knew, or all, at any moment, and nothing between.
TEST(MetadataMembersCrash, BringingAStaleMemberUpToDate)
{
	for (uint32_t in_between : {0u, 70u}) {
		for (uint32_t stale : {0u, 1u}) {
			Map old, now;

			cut_everywhere(
				two, 4,
				[&](Set &set) {
					set.format();
					set.commits(set.layout().log_half_units + 2);
					old = set.map;
					set.take_away(stale);
					set.start();
					set.commits(in_between);
					now = set.map;
					set.give_back(stale);
					ASSERT_EQ(set.load(), 0) << set.reason;
					ASSERT_EQ(set.report.stale, 1u << stale);
				},
				[](Set &set) { set.checkpoint(set.map); },
				[&](Set &set, const std::string &how) {
					std::vector<DiskContent> saved = save(set, two);

					expect_one_of(set, {now}, how);
					restore(set, saved);
					set.take_away(1 - stale);
					ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
					ASSERT_TRUE(set.loaded == old || set.loaded == now) << how;
					set.close();
					restore(set, saved);
					set.give_back(1 - stale);
					set.take_away(stale);
					expect_one_of(set, {now}, how + ", without it");
					set.give_back(stale);
					expect_one_of(set, {set.map}, how + ", with it again");
				});
			if (HasFatalFailure())
				return;
		}
	}
}

// What the disk that joins may be.
enum Joiner { blank, joining, named };
Joiner joiner_of(Set &set, uint32_t disk, const std::string &how)
{
	dmr_probe probe;
	int rc = set.assemble();
	bool known = !rc && set.setup().members[disk].state == DMR_MEMBER_ACTIVE;

	EXPECT_EQ(rc, 0) << how;
	EXPECT_EQ(ops.probe(&set.range(disk), &probe, set.reason), 0) << how;
	if (probe.verdict == DMR_PROBE_BLANK) {
		EXPECT_FALSE(known) << how;
		return blank;
	}
	EXPECT_EQ(probe.verdict, DMR_PROBE_MEMBER) << how;
	if (!known) {
		EXPECT_EQ(probe.setup.members[disk].state, uint32_t{DMR_MEMBER_JOINING}) << how;
	}
	return known ? named : joining;
}

TEST(MetadataMembersCrash, Joining)
{
	for (bool by_table : {false, true}) {
		Map before;
		uint32_t seen[3] = {};

		cut_everywhere(
			two_and_one, 6,
			[&](Set &set) {
				set.format();
				set.commits(3);
				before = set.map;
				if (by_table) {
					ASSERT_EQ(set.load(false, 4), 0) << set.reason;
				}
			},
			[&](Set &set) {
				if (!by_table)
					set.add(2);
				set.checkpoint(set.map);
			},
			[&](Set &set, const std::string &how) {
				Joiner found = joiner_of(set, 2, how);
				std::vector<DiskContent> saved = save(set, two_and_one);

				seen[found]++;
				expect_one_of(set, {before}, how);
				restore(set, saved);
				// Once more, whatever is left of the first time.
				set.map = before;
				set.start(found == named ? 0 : 4);
				ASSERT_FALSE(testing::Test::HasFatalFailure()) << how;
				ASSERT_EQ(ops.healthy(set.md), 7u) << how;
				set.commits(2);
				set.take_away(0), set.take_away(1);
				ASSERT_EQ(set.load(true), 0) << how << set.reason;
				ASSERT_EQ(set.loaded, set.map) << how;
				set.close();
				set.give_back(0), set.give_back(1);
			});
		EXPECT_GT(seen[blank], 10u);
		EXPECT_GT(seen[joining], 10u);
		EXPECT_GT(seen[named], 5u);
	}
}

TEST(MetadataMembersCrash, Removing)
{
	for (uint32_t removed : {0u, 2u}) {
		Map before, after;
		uint32_t there = 0, gone = 0;

		cut_everywhere(
			three, 16,
			[&](Set &set) {
				set.format();
				uint64_t block = set.data_blocks();
				const auto index = static_cast<uint8_t>(removed), other = uint8_t{1};

				ASSERT_EQ(set.append({{5, block, 3, DMR_RECORD_MAP, index, 0}}), 0);
				ASSERT_EQ(set.append({{5, block, 3, DMR_RECORD_MAP, other, 0}}), 0);
				after = set.map;
				ASSERT_EQ(set.append({{0, block + 9, 1, DMR_RECORD_BAD_SPARE, index, 0}}), 0);
				before = set.map;
			},
			[&](Set &set) {
				ops.remove_member(set.md, removed);
				set.checkpoint(after);
			},
			[&](Set &set, const std::string &how) {
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				bool is_there = set.state_of(removed) == DMR_MEMBER_ACTIVE;

				is_there ? there++ : gone++;
				ASSERT_EQ(set.loaded, is_there ? before : after) << how;
				if (is_there) {
					ASSERT_EQ(ops.healthy(set.md), 7u) << how;
					ASSERT_EQ(set.report.stale, 0u) << how;
				} else {
					ASSERT_EQ(set.state_of(removed), uint32_t{DMR_MEMBER_ABSENT}) << how;
				}
				set.map = set.loaded;
				if (set.report.needs_checkpoint) {
					ASSERT_EQ(set.checkpoint(set.map), 0) << how;
				}
				ASSERT_EQ(set.append({{9, 0, 1, DMR_RECORD_PENDING, 0, 0}}), 0) << how;
				ASSERT_EQ(set.load(), 0) << how << set.reason;
				ASSERT_EQ(set.loaded, set.map) << how;
				set.close();
			});
		EXPECT_GT(there, 2u);
		EXPECT_GT(gone, 10u);
	}
}

TEST(MetadataMembersCrash, FormattingOfSeveralLeavesBlankOrAll)
{
	uint32_t blanks = 0, members = 0, mixed = 0;

	cut_everywhere(
		three, 8, [](Set &set) { ASSERT_EQ(set.open(), 0) << set.reason; },
		[](Set &set) { ops.format(set.md, set.reason); },
		[&](Set &set, const std::string &how) {
			uint32_t found = 0, formatting = 0;

			for (uint32_t i = 0; i < 3; i++) {
				dmr_probe probe;

				ASSERT_EQ(ops.probe(&set.range(i), &probe, set.reason), 0) << how;
				found += probe.verdict == DMR_PROBE_MEMBER;
				formatting += probe.verdict == DMR_PROBE_MEMBER && probe.formatting;
				if (probe.verdict != DMR_PROBE_MEMBER) {
					ASSERT_EQ(probe.verdict, DMR_PROBE_BLANK) << how << " " << i;
				}
			}
			if (found < 3) {
				ASSERT_EQ(formatting, found) << "one is complete while another is blank: " << how;
				found ? mixed++ : blanks++;
			} else {
				members++;
				expect_one_of(set, {Map()}, how);
			}
		});
	EXPECT_GT(blanks, 10u);
	EXPECT_GT(members, 2u);
	EXPECT_GT(mixed, 0u);
}

// A long life in which disks fail, are missing, come back, join and go, and the power goes at any moment. One that was
// up to date and stays so is always there.
void live(uint64_t seed, int rounds)
{
	const Options options = {.members = 3, .others = 1, .max_extents = 164 * 2};
	Set set(options);
	host::Random random(seed);
	int cuts = 0, stale_seen = 0, dropped_seen = 0, joined_seen = 0, removed_seen = 0;

	set.format();
	set.close();
	// What was acknowledged, and that with what was under way. Which it is may depend on who is there, until a start
	// that writes has settled it.
	Map sure, maybe;
	for (int round = 0; round < rounds; round++) {
		heal(set, options);
		ASSERT_EQ(set.assemble(), 0) << round << set.reason;
		uint32_t good = 0, faithful = 0;
		for (uint32_t i = 0; i < 4; i++)
			if (set.probe_of(i).verdict == DMR_PROBE_MEMBER && up_to_date(set.probe_of(i).setup, set.setup()) &&
			    set.setup().members[i].state == DMR_MEMBER_ACTIVE)
				good |= 1u << i;
		ASSERT_NE(good, 0u);
		do
			faithful = static_cast<uint32_t>(random.below(4));
		while (!(good >> faithful & 1));
		for (uint32_t i = 0; i < 4; i++)
			if (i != faithful && random.chance(1, 4))
				set.take_away(i);
		uint32_t joining = 0;
		for (uint32_t i = 0; i < 4; i++)
			if (set.range(i).dev && set.setup().members[i].state == DMR_MEMBER_ABSENT && random.chance(1, 2))
				joining |= 1u << i;

		set.world.cut_after(random.between(1, 400));
		host::Stop stop = set.world.run_fiber("life", [&] {
			ASSERT_EQ(set.load(false, joining), 0) << round << set.reason;
			ASSERT_TRUE(set.loaded == sure || set.loaded == maybe) << round;
			set.map = set.loaded;
			stale_seen += set.report.stale != 0;
			joined_seen += joining != 0;
			if (set.report.needs_checkpoint) {
				ASSERT_EQ(set.checkpoint(set.map), 0);
			}
			sure = maybe = set.map;
			for (uint64_t n = random.below(40); n > 0; n--) {
				dmr_record record = {random.below(300), 0, 1, DMR_RECORD_PENDING, 0, 0};
				uint32_t other = (faithful + static_cast<uint32_t>(random.between(1, 3))) % 4;

				if (random.chance(1, 25))
					set.disk(other).set_gone(true);
				if (random.chance(1, 25))
					set.disk(other).fail(options.start + random.below(500), 40, host::Fault::unwritable());
				if (random.chance(1, 40) && set.range(other).dev &&
				    set.state_of(other) != DMR_MEMBER_ABSENT) {
					ASSERT_EQ(ops.remove_member(set.md, other), 0) << round;
					ASSERT_EQ(set.checkpoint(set.map), 0);
					removed_seen++;
				}
				if (random.chance(1, 12) || ops.wants_checkpoint(set.md)) {
					ASSERT_EQ(set.checkpoint(set.map), 0);
				}
				maybe.apply(record);
				ASSERT_EQ(set.append({record}), 0);
				sure = maybe;
			}
			dropped_seen += ops.healthy(set.md) != 15;
		});
		ASSERT_FALSE(testing::Test::HasFatalFailure()) << "round " << round;
		set.world.cut_after(0);
		if (stop == host::Stop::PowerCut) {
			for (uint32_t i = 0; i < 4; i++)
				set.disk(i).power_cut(random);
			set.world.reboot();
			set.forget();
			cuts++;
		}
		set.close();
		heal(set, options);
		ASSERT_EQ(set.load(true), 0) << round << ": " << set.reason;
		ASSERT_TRUE(set.loaded == sure || set.loaded == maybe) << round;
		set.close();
	}
	EXPECT_GT(cuts, rounds / 4);
	EXPECT_GT(stale_seen, rounds / 8);
	EXPECT_GT(dropped_seen, rounds / 8);
	EXPECT_GT(joined_seen, 5);
	EXPECT_GT(removed_seen, 5);
}

TEST(MetadataMembersCrash, LongLifeOfAPool)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		live(seed, 140);
		if (HasFatalFailure())
			return;
	}
}

} // namespace
} // namespace dm_remap::metadata_test
