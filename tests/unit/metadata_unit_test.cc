// SPDX-License-Identifier: GPL-2.0
// One unit: what it is told to be, what it turns out to be, and what it may say.
#include "metadata_fixture.hh"

#include "metadata/codec.hh"

#include <functional>
#include <set>
#include <tuple>

namespace dm_remap::metadata_test {
namespace {

using namespace metadata;

class MetadataUnit : public testing::Test {
protected:
	MetadataUnit()
	{
		fill_uuid(set_, 1);
		fill_uuid(member_, 2);
		fill_uuid(other_, 3);
		unit_ = log(moment);
	}

	Place place() const { return {set_, member_, Kind::log, Copy::a, UnitNumber(9)}; }
	// A log block whose every sector says when it was written.
	format::Unit log(const Moment &when)
	{
		format::Unit unit = {};

		for (uint32_t i = 0; i < 164; i++)
			encode({i, when.generation.value, 1, DMR_RECORD_MAP, 0, 0}, record_of(unit, i));
		header_of(unit).count = 164;
		header_of(unit).length = 164 * 24;
		seal(unit, place(), when);
		return unit;
	}

	const Moment moment = {Generation(100), Generation(90)};
	uint8_t set_[DMR_UUID_SIZE], member_[DMR_UUID_SIZE], other_[DMR_UUID_SIZE];
	format::Unit unit_ = {};
	World world_;
};

TEST_F(MetadataUnit, WholeUnitIsGood)
{
	EXPECT_EQ(inspect(unit_, place()), UnitState::good);
	EXPECT_EQ(inspect_at(unit_, place(), moment), UnitState::good);
	for (uint32_t i = 0; i < 164; i++)
		EXPECT_EQ(decode(record_of(unit_, i)).main_block, i);
}

TEST_F(MetadataUnit, ChecksumIsTheCommonCrc32c)
{
	EXPECT_EQ(crc32c("123456789", 9), 0xe3069283u);
	EXPECT_EQ(crc32c("6789", 4, crc32c("12345", 5)), 0xe3069283u);
}

TEST_F(MetadataUnit, AnyFlippedBitIsSeen)
{
	uint8_t *bytes = reinterpret_cast<uint8_t *>(&unit_);

	for (uint32_t i = 0; i < 4096; i++) {
		bytes[i] ^= static_cast<uint8_t>(1u << i % 8);
		EXPECT_NE(inspect(unit_, place()), UnitState::good) << i;
		bytes[i] ^= static_cast<uint8_t>(1u << i % 8);
	}
}

TEST_F(MetadataUnit, RotIsNotTornAndTornIsNotRot)
{
	const format::Unit older = log({Generation(60), Generation(50)});
	format::Unit rotten = unit_;

	rotten.sectors[3].content[17] ^= 4;
	EXPECT_EQ(inspect(rotten, place()), UnitState::rotten);
	for (uint32_t mask = 1; mask < 255; mask++) {
		format::Unit torn = older;

		for (uint32_t i = 0; i < 8; i++)
			if (mask & 1u << i)
				torn.sectors[i] = unit_.sectors[i];
		EXPECT_EQ(inspect(torn, place()), UnitState::torn) << mask;
		// What damaged it came before this generation, of which it holds nothing.
		EXPECT_EQ(inspect_at(torn, place(), {Generation(101), Generation(90)}), UnitState::unfinished) << mask;
	}
	EXPECT_EQ(inspect_at(rotten, place(), {Generation(101), Generation(90)}), UnitState::unfinished);
	EXPECT_EQ(inspect_at(rotten, place(), {Generation(100), Generation(90)}), UnitState::rotten);
}

TEST_F(MetadataUnit, ATearShowsWhichWriteNeverEnded)
{
	const format::Unit older = log({Generation(60), Generation(50)});

	for (uint32_t mask = 1; mask < 255; mask++) {
		format::Unit torn = older;
		uint32_t kept = 8;

		for (uint32_t i = 0; i < 8; i++) {
			if (!(mask & 1u << i))
				continue;
			torn.sectors[i] = unit_.sectors[i];
			kept--;
		}
		EXPECT_EQ(inspect_at(torn, place(), {Generation(100), Generation(90)}),
			  kept > 1 ? UnitState::unfinished : UnitState::torn)
			<< "one older stamp might be a rotten one; mask " << mask;
		EXPECT_EQ(inspect_at(torn, place(), {Generation(200), Generation(150)}), UnitState::unfinished) << mask;
		EXPECT_EQ(inspect_at(torn, place(), {Generation(99), Generation(90)}), UnitState::torn) << mask;
	}
}

TEST_F(MetadataUnit, EachMomentHasItsName)
{
	EXPECT_EQ(inspect_at(unit_, place(), {Generation(101), Generation(90)}), UnitState::stale);
	EXPECT_EQ(inspect_at(unit_, place(), {Generation(101), Generation(100)}), UnitState::stale);
	EXPECT_EQ(inspect_at(unit_, place(), {Generation(99), Generation(90)}), UnitState::ahead);
	EXPECT_EQ(inspect_at(unit_, place(), {Generation(100), Generation(80)}), UnitState::ahead);
}

TEST_F(MetadataUnit, EachStateIsDescribedInItsOwnWords)
{
	std::set<std::string> words;

	for (int state = 0; state <= static_cast<int>(UnitState::impossible); state++)
		EXPECT_TRUE(words.insert(describe(static_cast<UnitState>(state))).second) << state;
}

TEST_F(MetadataUnit, EachWrongPlaceHasItsName)
{
	Place p = place();

	p.unit = UnitNumber(10);
	EXPECT_EQ(inspect(unit_, p), UnitState::misplaced);
	p = place();
	p.copy = Copy::b;
	EXPECT_EQ(inspect(unit_, p), UnitState::misplaced);
	p = place();
	p.kind = Kind::checkpoint_body;
	EXPECT_EQ(inspect(unit_, p), UnitState::misplaced);
	p = place();
	p.member = other_;
	EXPECT_EQ(inspect(unit_, p), UnitState::stranger);
	p = place();
	p.set = other_;
	EXPECT_EQ(inspect(unit_, p), UnitState::stranger);
}

TEST_F(MetadataUnit, OtherContentHasItsName)
{
	format::Unit unit = {};

	EXPECT_EQ(inspect(unit, place()), UnitState::blank);
	unit.sectors[7].content[503] = 1;
	EXPECT_EQ(inspect(unit, place()), UnitState::foreign);

	unit = unit_;
	header_of(unit).version = 2;
	header_of(unit).crc = 0;
	header_of(unit).crc = crc32c(&unit, sizeof(unit));
	EXPECT_EQ(inspect(unit, place()), UnitState::unsupported);
	EXPECT_STREQ(describe(UnitState::torn), "torn");
}

TEST_F(MetadataUnit, PayloadSpansSectorsAndSparesTheStamps)
{
	std::vector<uint8_t> in(format::max_payload_bytes), out(in.size());
	format::Unit unit = {};

	for (size_t i = 0; i < in.size(); i++)
		in[i] = static_cast<uint8_t>(i * 7 + 1);
	scatter_payload(unit, in.data(), in.size());
	seal(unit, place(), moment);
	gather_payload(unit, out.data(), out.size());
	EXPECT_EQ(in, out);
	EXPECT_EQ(inspect(unit, place()), UnitState::good);
}

TEST_F(MetadataUnit, OnlyRecordsThatCanBeAreAllowed)
{
	Set set({.members = 2, .max_extents = 164, .main_sectors = 1000});
	RecordLimits limits(set.setup());
	uint64_t first = set.setup().members[0].data_start, end = set.range().sectors;
	constexpr uint64_t huge = ~0ull;

	const dmr_record good[] = {
		{0, first, 1, DMR_RECORD_MAP, 0, 0},	   {999, end - 1, 1, DMR_RECORD_MAP, 1, 0},
		{0, first, 1000, DMR_RECORD_MAP, 0, 0},	   {999, 0, 1, DMR_RECORD_PENDING, 0, 0},
		{0, 0, 1000, DMR_RECORD_PENDING, 0, 0},	   {0, first, 5, DMR_RECORD_BAD_SPARE, 1, 0},
	};
	const dmr_record bad[] = {
		{0, first, 0, DMR_RECORD_MAP, 0, 0},	   {1000, first, 1, DMR_RECORD_MAP, 0, 0},
		{999, first, 2, DMR_RECORD_MAP, 0, 0},	   {huge, first, 2, DMR_RECORD_MAP, 0, 0},
		{0, first - 1, 1, DMR_RECORD_MAP, 0, 0},   {0, end, 1, DMR_RECORD_MAP, 0, 0},
		{0, end - 1, 2, DMR_RECORD_MAP, 0, 0},	   {0, huge, 1, DMR_RECORD_MAP, 0, 0},
		{0, huge, ~0u, DMR_RECORD_MAP, 0, 0},	   {0, first, 1, DMR_RECORD_MAP, 2, 0},
		{0, first, 1, DMR_RECORD_MAP, 255, 0},	   {0, first, 1, DMR_RECORD_MAP, 0, 1},
		{0, first, 1, 0, 0, 0},			   {0, first, 1, 6, 0, 0},
		{1000, 0, 1, DMR_RECORD_PENDING, 0, 0},	   {0, 1, 1, DMR_RECORD_PENDING, 0, 0},
		{0, 0, 1, DMR_RECORD_PENDING, 1, 0},	   {0, 0, 1001, DMR_RECORD_PENDING, 0, 0},
		{1, first, 1, DMR_RECORD_BAD_SPARE, 0, 0}, {0, 0, 1, DMR_RECORD_BAD_SPARE, 0, 0},
	};
	for (const dmr_record &r : good)
		EXPECT_TRUE(limits.allow_in_checkpoint(r)) << &r - good;
	for (const dmr_record &r : bad)
		EXPECT_FALSE(limits.allow(r)) << &r - bad;
	const dmr_record clear = {3, 0, 4, DMR_RECORD_CLEAR, 0, 0};
	EXPECT_TRUE(limits.allow(clear));
	EXPECT_FALSE(limits.allow_in_checkpoint(clear));

	const dmr_record lost = {999, 0, 1, DMR_RECORD_LOST, 0, 0};
	EXPECT_FALSE(limits.allow(lost)) << "no set that does not say so has such records";
	dmr_setup setup = set.setup();
	setup.features = DMR_FEATURE_LOST;
	limits = RecordLimits(setup);
	EXPECT_TRUE(limits.allow_in_checkpoint(lost));
	for (const dmr_record &r : {dmr_record{1000, 0, 1, DMR_RECORD_LOST, 0, 0}, {999, 0, 2, DMR_RECORD_LOST, 0, 0},
				    {0, 1, 1, DMR_RECORD_LOST, 0, 0}, {0, 0, 1, DMR_RECORD_LOST, 1, 0}, {0, 0, 0, DMR_RECORD_LOST, 0, 0}})
		EXPECT_FALSE(limits.allow(r));

	const dmr_record guarded = {999, first, 1, DMR_RECORD_MAP, 0, DMR_RECORD_GUARDED};
	EXPECT_FALSE(limits.allow(guarded)) << "nor such";
	setup.features = DMR_FEATURE_GUARD;
	limits = RecordLimits(setup);
	EXPECT_TRUE(limits.allow_in_checkpoint(guarded));
	EXPECT_TRUE(limits.allow_in_checkpoint(good[0]));
	for (const dmr_record &r : {dmr_record{999, first, 2, DMR_RECORD_MAP, 0, DMR_RECORD_GUARDED},
				    {999, first, 1, DMR_RECORD_MAP, 0, 2}, {999, first, 1, DMR_RECORD_MAP, 0, 3},
				    {999, 0, 1, DMR_RECORD_PENDING, 0, DMR_RECORD_GUARDED}, {999, 0, 1, DMR_RECORD_CLEAR, 0, DMR_RECORD_GUARDED},
				    {0, first, 1, DMR_RECORD_BAD_SPARE, 0, DMR_RECORD_GUARDED}, lost})
		EXPECT_FALSE(limits.allow(r));
}

// Fields that cannot be, under a checksum that is right.
class MetadataImpossible : public testing::Test {
protected:
	// Change a unit in both copies as `change` says, and make its checksum right.
	void falsify(UnitNumber unit, const std::function<void(format::Unit &)> &change)
	{
		for (UnitNumber u : {unit, set.in_copy_b(unit)}) {
			format::Unit content = set.read_unit(u);

			change(content);
			header_of(content).crc = 0;
			header_of(content).crc = crc32c(&content, sizeof(content));
			set.write_unit(u, content);
		}
	}
	void falsify_superblock(void (*change)(format::Superblock &))
	{
		falsify(set.layout().superblock(Copy::a), [&](format::Unit &unit) {
			format::Superblock s;

			gather_payload(unit, &s, sizeof(s));
			change(s);
			scatter_payload(unit, &s, sizeof(s));
		});
	}

	Set set{{.max_extents = 164}};
};

TEST_F(MetadataImpossible, Superblock)
{
	using S = format::Superblock;
	static const std::vector<void (*)(S &)> changes = {
		[](S &s) { s.member_count = 0; },	   [](S &s) { s.member_count = 17; },
		[](S &s) { s.member_count = ~0u; },	   [](S &s) { s.own_index = 1; },
		[](S &s) { s.max_extents = 0; },	   [](S &s) { s.max_extents = 165; },
		[](S &s) { s.max_extents = ~0ull; },	   [](S &s) { s.copy_units = 31; },
		[](S &s) { s.copy_units = 0; },		   [](S &s) { s.copy_units = 1u << 31; },
		[](S &s) { s.checkpoint_units = 1; },	   [](S &s) { s.checkpoint_units = ~0u; },
		[](S &s) { s.log_half_units = 1; },	   [](S &s) { s.log_half_units = ~0u; },
		[](S &s) { s.main_block_bytes = 1024; },   [](S &s) { s.main_block_bytes = 0; },
		[](S &s) { s.main_sectors = 0; },	   [](S &s) { s.main_sectors = ~0ull; },
		[](S &s) { std::memset(s.name, 'x', sizeof(s.name)); },
		[](S &s) { std::memset(s.main_identity, 'x', sizeof(s.main_identity)); },
		[](S &s) { std::memset(s.main_disk, 'x', sizeof(s.main_disk)); },
		[](S &s) { std::memset(s.main_id, 'x', sizeof(s.main_id)); },
		[](S &s) { std::memset(s.members[0].identity, 'x', sizeof(s.members[0].identity)); },
		[](S &s) { s.members[0].uuid[3] ^= 1; },   [](S &s) { s.members[0].state = 4; },
		[](S &s) { s.members[0].unit_bytes = 0; }, [](S &s) { s.members[0].unit_bytes = 6000; },
		[](S &s) { s.members[0].data_start = 8; }, [](S &s) { s.members[0].data_start = ~0ull; },
		[](S &s) { s.members[0].sectors = ~0ull; },
		// Nobody is told that it is dropped, or gone; nobody else is told who joins.
		[](S &s) { s.members[0].state = DMR_MEMBER_DROPPED; }, [](S &s) { s.members[0].state = DMR_MEMBER_ABSENT; },
		[](S &s) { s.member_count = 2, s.members[1] = s.members[0], s.members[1].state = DMR_MEMBER_JOINING; },
		[](S &s) { s.member_count = 2, s.members[1].identity[95] = 1; },
		[](S &s) { s.ancestor_count = 33; },
	};
	set.format();
	DiskContent saved = set.disk().snapshot();
	for (auto c : changes) {
		falsify_superblock(c);
		EXPECT_EQ(set.load(), -ENODATA);
		EXPECT_EQ(set.probe.verdict, DMR_PROBE_DAMAGED) << &c - &changes[0];
		set.disk().restore(saved);
	}
	EXPECT_EQ(set.load(), 0) << set.reason;
}

// Nothing else of the set depends on it.
TEST_F(MetadataImpossible, APatrolThatCannotBeIsNone)
{
	using S = format::Superblock;
	static const std::vector<void (*)(S &)> changes = {
		[](S &s) { s.patrol_state = 3; },
		[](S &s) { s.patrol_at = uint64_t{s.main_sectors} + 1; },
	};
	set.format();
	const dmr_patrol_record kept = {8, 1700000000, 1600000000, 2048, DMR_PATROL_PAUSED};
	ASSERT_EQ(ops.keep_patrol(set.md, &kept), 0);
	ASSERT_EQ(set.load(), 0);
	const dmr_patrol_record &now = set.setup().patrol;
	EXPECT_EQ(std::tie(now.at, now.begun, now.ended, now.rate, now.state), std::tie(kept.at, kept.begun, kept.ended, kept.rate, kept.state));
	DiskContent saved = set.disk().snapshot();
	for (auto c : changes) {
		falsify_superblock(c);
		EXPECT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.setup().patrol.state, DMR_PATROL_NONE);
		EXPECT_EQ(set.setup().patrol.ended, 0u);
		set.disk().restore(saved);
	}
}

TEST_F(MetadataImpossible, SuperblockOfTheFuture)
{
	set.format();
	DiskContent saved = set.disk().snapshot();
	falsify(set.layout().superblock(Copy::a), [](format::Unit &unit) { header_of(unit).version = 2; });
	EXPECT_EQ(set.load(), -ENODATA);
	EXPECT_EQ(set.probe.verdict, DMR_PROBE_UNSUPPORTED);
	set.disk().restore(saved);
	falsify(set.layout().superblock(Copy::a), [](format::Unit &unit) { unit.sectors[0].content[96] = 4; });
	EXPECT_EQ(set.load(), -ENODATA);
	EXPECT_EQ(set.probe.verdict, DMR_PROBE_UNSUPPORTED);
	set.disk().restore(saved);
	falsify(set.layout().superblock(Copy::a), [](format::Unit &unit) { unit.sectors[0].content[96 + 7] = 0x80; });
	EXPECT_EQ(set.load(), -ENODATA);
	EXPECT_EQ(set.probe.verdict, DMR_PROBE_UNSUPPORTED);
}

TEST_F(MetadataImpossible, LogBlock)
{
	static const std::vector<void (*)(format::Unit &)> changes = {
		[](format::Unit &u) { header_of(u).count = 165; },
		[](format::Unit &u) { header_of(u).count = ~0u; },
		[](format::Unit &u) { header_of(u).count = 0; },
		[](format::Unit &u) { header_of(u).length = 25; },
		[](format::Unit &u) { record_of(u, 0).kind = 9; },
		[](format::Unit &u) { record_of(u, 0).main_block = ~0ull; },
		[](format::Unit &u) { record_of(u, 0).length = 0; },
	};

	set.format();
	ASSERT_EQ(set.append({{5, 0, 1, DMR_RECORD_PENDING, 0, 0}}), 0);
	DiskContent saved = set.disk().snapshot();
	for (auto change : changes) {
		falsify(set.layout().log(Copy::a, Slot::one), change);
		EXPECT_EQ(set.load(), -EUCLEAN);
		EXPECT_NE(std::string(set.reason).find("whole but impossible"), std::string::npos) << set.reason;
		EXPECT_EQ(set.loaded.size(), 0u);
		set.disk().restore(saved);
	}
}

TEST_F(MetadataImpossible, Checkpoint)
{
	using H = format::CheckpointHead;
	static const std::vector<void (*)(format::Unit &)> heads = {
		[](format::Unit &u) { payload_of<H>(u).entries = 165; },
		[](format::Unit &u) { payload_of<H>(u).entries = ~0ull; },
		[](format::Unit &u) { payload_of<H>(u).body_units = 2; },
		[](format::Unit &u) { payload_of<H>(u).body_units = ~0u; },
		[](format::Unit &u) { payload_of<H>(u).body_crc = 5; },
		[](format::Unit &u) { payload_of<H>(u).slot = 1; },
		[](format::Unit &u) { header_of(u).checkpoint = 9; },
		[](format::Unit &u) { header_of(u).length = 9; },
	};
	static const std::vector<void (*)(format::Unit &)> bodies = {
		[](format::Unit &u) { header_of(u).count = 2; },
		[](format::Unit &u) { header_of(u).length = 0; },
		[](format::Unit &u) { record_of(u, 0).kind = DMR_RECORD_CLEAR; },
		[](format::Unit &u) { record_of(u, 0).main_block = 1'000'000; },
		[](format::Unit &u) { record_of(u, 0).main_block = 6; },	// possible, but not what the head has summed up
	};

	set.format();
	set.map.apply({5, 0, 1, DMR_RECORD_PENDING, 0, 0});
	ASSERT_EQ(set.append({{5, 0, 1, DMR_RECORD_PENDING, 0, 0}}), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	DiskContent saved = set.disk().snapshot();
	auto expect_older = [&](UnitNumber unit, void (*change)(format::Unit &)) {
		falsify(unit, change);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
		EXPECT_EQ(set.report.checkpoint_entries, 0u) << "the older checkpoint";
		EXPECT_TRUE(set.report.needs_checkpoint);
		set.disk().restore(saved);
	};
	for (auto change : heads)
		expect_older(set.layout().head(Copy::a, Slot::zero), change);
	for (auto change : bodies)
		expect_older(set.layout().body(Copy::a, Slot::zero), change);
}

} // namespace
} // namespace dm_remap::metadata_test
