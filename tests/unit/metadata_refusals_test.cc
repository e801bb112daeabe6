// SPDX-License-Identifier: GPL-2.0
// What is refused is refused with a sentence, and just so where nobody wants to read one.
#include "metadata_fixture.hh"

#include "metadata/codec.hh"

namespace dm_remap::metadata_test {
namespace {

class MetadataRefusals : public testing::Test {
protected:
	// Twice: with a place for the reason, which must then say `part`, and without.
	template <typename Call>
	void expect_refused(int rc, const std::string &part, const Call &call)
	{
		char reason[DMR_REASON_SIZE] = "";

		EXPECT_EQ(call(reason), rc) << reason;
		EXPECT_NE(std::string(reason).find(part), std::string::npos) << "'" << reason << "' instead of " << part;
		EXPECT_EQ(call(nullptr), rc) << part;
	}
	void expect_not_opened(int rc, const std::string &part, const dmr_setup &setup, uint32_t ranges)
	{
		dmr_metadata_params params = {nullptr, ranges_, ranges, false, &setup};

		expect_refused(rc, part, [&](char *reason) { return ops.open(&params, &md_, reason); });
	}
	void expect_not_loaded(int rc, const std::string &part)
	{
		expect_refused(rc, part, [&](char *reason) {
			return ops.load(set.md, [](void *, const dmr_record *) { return 0; }, nullptr, &set.report, reason);
		});
	}
	dmr_setup formatted()
	{
		set.format();
		set.commits(3);
		ranges_[0] = set.range(0), ranges_[1] = set.range(1);
		return *ops.setup(set.md);
	}

	Set set{{.members = 2, .others = 1, .max_extents = 164}};
	dmr_member_range ranges_[DMR_MAX_MEMBERS + 1] = {};
	dmr_metadata *md_ = nullptr;
};

TEST_F(MetadataRefusals, Layout)
{
	dmr_setup laid_out;
	dmr_member_range range = set.range();
	auto layout = [&](uint32_t block, uint64_t extents) {
		return [&, block, extents](char *reason) { return lay_out(range, block, extents, laid_out, reason); };
	};

	expect_refused(-EINVAL, "512 and 4096", layout(1024, 0));
	expect_refused(-EINVAL, "too large", layout(512, ~0ull));
	expect_refused(-ENOSPC, "does not fit into a quarter", layout(512, 1u << 24));
	range.sectors = 10;
	expect_refused(-ENOSPC, "too few", layout(512, 0));
	range = {set.range().dev, 4, 4096};
	expect_refused(-EINVAL, "start 4 is not a multiple of main's logical block of 8 sectors", layout(4096, 0));
	range = set.range();
	range.sectors = ~0ull;
	expect_refused(-EINVAL, "beyond any disk", layout(512, 0));
	dmr_setup setup = set.setup();
	setup.member_count = 0;
	expect_refused(-EINVAL, "", [&](char *reason) { return ops.lay_out(&range, 0, &setup, reason); });
	range.dev = nullptr;
	setup.member_count = 1;
	expect_refused(-EINVAL, "missing", [&](char *reason) { return ops.lay_out(&range, 0, &setup, reason); });
}

TEST_F(MetadataRefusals, Probe)
{
	dmr_probe probe;
	dmr_member_range range = set.range();
	auto call = [&](char *reason) { return ops.probe(&range, &probe, reason); };

	range.sectors = ~0ull;
	expect_refused(-EINVAL, "does not fit a device", call);
	range = {set.range().dev, ~0ull, 100};
	expect_refused(-EINVAL, "does not fit a device", call);
	host::SimDisk native(set.world, {.name = "9:0", .sectors = 8192, .logical_block_bytes = 4096});
	range = {&native, 4, 4096};
	expect_refused(-EINVAL, "logical blocks of 4096", call);
	range = set.range();
	set.disk().fail(range.start, 1);
	expect_refused(-EIO, "cannot be read", call);
	set.world.memory().fail_nth(1);
	EXPECT_EQ(call(nullptr), -ENOMEM);
	set.world.memory().fail_nth(2);
	EXPECT_EQ(call(nullptr), -ENOMEM);
}

TEST_F(MetadataRefusals, Open)
{
	const dmr_setup good = formatted();
	dmr_setup bad = good;
	auto with = [&](auto &&change) {
		bad = good;
		change(bad);
		return bad;
	};

	expect_not_opened(-EINVAL, "3 spares were given for a set of 2", good, 3);
	expect_not_opened(-EINVAL, "for a set of 0", with([](dmr_setup &s) { s.member_count = 0; }), 0);
	expect_not_opened(-EINVAL, "for a set of 17", with([](dmr_setup &s) { s.member_count = 17; }), 17);
	expect_not_opened(-EINVAL, "for a set of 17", with([](dmr_setup &s) { s.member_count = 17, s.copy_units = 0; }), 17);
	expect_not_opened(-EINVAL, "1 spares", with([](dmr_setup &s) { s.copy_units = 0; }), 1);
	expect_not_opened(-EINVAL, "blocks of 1024", with([](dmr_setup &s) { s.main.block_bytes = 1024; }), 2);
	expect_not_opened(-EINVAL, "layout", with([](dmr_setup &s) { s.max_extents = 0; }), 2);
	expect_not_opened(-EINVAL, "layout", with([](dmr_setup &s) { s.max_extents = 1u << 25; }), 2);
	expect_not_opened(-EINVAL, "layout", with([](dmr_setup &s) { s.log_half_units = 0; }), 2);
	expect_not_opened(-EINVAL, "units of 5000 bytes", with([](dmr_setup &s) { s.members[1].unit_bytes = 5000; }), 2);
	expect_not_opened(-EINVAL, "name the range as it was formatted", with([](dmr_setup &s) { s.members[1].sectors++; }), 2);
	expect_not_opened(-EINVAL, "begin at its sector", with([](dmr_setup &s) { s.members[1].data_start = 8; }), 2);
	expect_not_opened(-EINVAL, "begin at its sector", with([](dmr_setup &s) { s.members[1].data_start = 1u << 20; }), 2);
	expect_not_opened(-EINVAL, "the set has no spare 1", with([](dmr_setup &s) { s.members[1] = {}; }), 2);
	expect_not_opened(-EINVAL, "spare 1: spare blocks are to begin at sector 8",
			  with([](dmr_setup &s) { s.copy_units = 0, s.members[1].data_start = 8; }), 2);
	expect_not_opened(-ENOSPC, "does not fit into a quarter", with([](dmr_setup &s) { s.copy_units = 0, s.max_extents = 1u << 24; }), 2);
	dmr_setup joining = with([](dmr_setup &s) { s.member_count = 3, s.members[2].state = DMR_MEMBER_JOINING; });
	expect_not_opened(-EINVAL, "spare 2 is to join the set and is missing", joining, 3);
	ranges_[2] = {set.range(2).dev, set.range(2).start, 100};
	expect_not_opened(-ENOSPC, "100 sectors are too few", joining, 3);
	ranges_[1].start = ~0ull;
	expect_not_opened(-EINVAL, "are not possible", good, 2);
	ranges_[1] = set.range(1);
	for (uint64_t k = 1; k <= 3; k++) {
		dmr_metadata_params params = {nullptr, ranges_, 2, false, &good};

		set.world.memory().fail_nth(k);
		EXPECT_EQ(ops.open(&params, &md_, nullptr), -ENOMEM) << k;
	}
	set.world.memory().fail_nth(0);
	// A setup without a layout gets the one it had.
	bad = good;
	bad.copy_units = bad.checkpoint_units = bad.log_half_units = 0;
	dmr_metadata_params params = {nullptr, ranges_, 2, false, &bad};
	ASSERT_EQ(ops.open(&params, &md_, set.reason), 0) << set.reason;
	EXPECT_EQ(ops.setup(md_)->copy_units, good.copy_units);
	ops.close(md_);
}

TEST_F(MetadataRefusals, Load)
{
	formatted();
	std::vector<DiskContent> saved = {set.disk(0).snapshot(), set.disk(1).snapshot()};
	auto restore = [&] {
		for (uint32_t i = 0; i < 2; i++) {
			set.disk(i).heal_all();
			set.disk(i).restore(saved[i]);
		}
	};
	auto lose = [&](UnitNumber unit) { set.lose(unit, 0), set.lose(unit, 1); };
	Layout layout = set.layout();

	lose(layout.head(Copy::a, Slot::zero)), lose(layout.head(Copy::a, Slot::one));
	expect_not_loaded(-EUCLEAN, "no checkpoint verifies");
	restore();
	lose(layout.log(Copy::a, Slot::one));
	expect_not_loaded(-EUCLEAN, "may be lost");
	restore();
	set.lose(layout.superblock(Copy::a), 1);
	expect_not_loaded(-EUCLEAN, "no copy of its superblock verifies");
	restore();
	set.disk(0).set_gone(true);
	expect_not_loaded(-EUCLEAN, "one is unreadable");
	restore();
	expect_refused(-ENOMEM, "cannot be taken over", [&](char *reason) {
		return ops.load(set.md, [](void *, const dmr_record *) { return -ENOMEM; }, nullptr, &set.report, reason);
	});
	EXPECT_EQ(set.reload(), 0) << set.reason;
	set.disk(0).set_gone(true), set.disk(1).set_gone(true);
	EXPECT_EQ(set.append({set.next_record()}), -EIO);
	expect_not_loaded(-EIO, "has failed before");
	expect_refused(-EIO, "has failed before", [&](char *reason) { return ops.format(set.md, reason); });
	dmr_member_entry entry = set.entry_of(2);
	expect_refused(-EIO, "cannot be written",
		       [&](char *reason) { return ops.add_member(set.md, &set.range(2), &entry, &set.added, reason); });
}

TEST_F(MetadataRefusals, FormatAndAdd)
{
	const dmr_setup good = formatted();

	set.disk(2).set_gone(true);
	dmr_member_entry entry = set.entry_of(2);
	dmr_member_range range = set.range(2);
	auto add = [&](char *reason) { return ops.add_member(set.md, &range, &entry, &set.added, reason); };
	expect_refused(-EIO, "cannot be written", add);
	range.sectors = 100;
	expect_refused(-ENOSPC, "too few", add);
	set.take_away(2);
	ASSERT_EQ(set.load(true), 0) << set.reason;
	expect_refused(-EROFS, "cannot be written", add);
	expect_refused(-EROFS, "read-only", [&](char *reason) { return ops.format(set.md, reason); });
	for (char *reason : {set.reason, static_cast<char *>(nullptr)}) {
		set.setup() = good;
		ASSERT_EQ(set.open(), 0);
		set.disk(1).set_gone(true);
		EXPECT_EQ(ops.format(set.md, reason), -EIO);
		set.disk(1).set_gone(false);
		set.take_away(1);
		ASSERT_EQ(set.open(), 0);
		EXPECT_EQ(ops.format(set.md, reason), -EINVAL);
		set.give_back(1);
	}
}

// What is written after the start must be readable, too.
TEST_F(MetadataRefusals, AGenerationBeyondAllUse)
{
	dmr_setup setup = formatted();
	format::Superblock scratch;

	for (bool beyond : {false, true}) {
		setup.generation = format::max_start_generation + beyond;
		for (uint32_t i = 0; i < 2; i++) {
			for (Copy copy : format::copies) {
				format::Unit unit;
				UnitNumber where = set.layout().superblock(copy);

				metadata::encode_superblock(setup, i, scratch, unit);
				metadata::seal(unit, {setup.set_uuid, setup.members[i].uuid, metadata::Kind::superblock, copy, where},
					       {Generation(setup.generation), Generation(0)});
				set.write_unit(where, unit, i);
			}
		}
		ASSERT_EQ(set.assemble(), 0) << set.reason;
		EXPECT_EQ(set.load(), beyond ? -EUCLEAN : 0) << set.reason;
	}
	EXPECT_NE(std::string(set.reason).find("is not possible"), std::string::npos) << set.reason;
}

} // namespace
} // namespace dm_remap::metadata_test
