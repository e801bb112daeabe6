// SPDX-License-Identifier: GPL-2.0
// The life of a set on healthy disks: what was acknowledged is what is loaded.
#include "metadata_fixture.hh"

namespace dm_remap::metadata_test {
namespace {

TEST(MetadataStore, FormattedSetIsEmpty)
{
	Set set;

	set.format();
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded.size(), 0u);
	EXPECT_EQ(set.report.generation, 2u);
	EXPECT_EQ(set.report.records, 0u);
	EXPECT_FALSE(set.report.needs_checkpoint);
	EXPECT_FALSE(ops.wants_checkpoint(set.md));
}

TEST(MetadataStore, SetupComesBackAsItWas)
{
	Set set;

	set.setup().read_retries = 9;
	set.format();
	dmr_setup written = *ops.setup(set.md);
	ASSERT_EQ(set.load(), 0) << set.reason;
	written.own_index = 0;
	EXPECT_EQ(std::memcmp(&written, &set.setup(), sizeof(written)), 0);
	EXPECT_EQ(set.setup().generation, 1u);
}

TEST(MetadataStore, EveryKindOfRecordComesBack)
{
	Set set({.max_extents = 164});
	uint64_t spare = set.data_blocks();

	set.format();
	ASSERT_EQ(set.append({{10, spare, 8, DMR_RECORD_MAP, 0, 0}, {30, 0, 2, DMR_RECORD_PENDING, 0, 0}}), 0);
	ASSERT_EQ(set.append({{12, 0, 1, DMR_RECORD_CLEAR, 0, 0}, {0, spare + 9, 3, DMR_RECORD_BAD_SPARE, 0, 0}}), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	EXPECT_EQ(set.report.generation, 4u);
	EXPECT_EQ(set.report.records, 4u);
	EXPECT_EQ(ops.generation(set.md), 4u);
}

TEST(MetadataStore, FullUnitKeepsOrderAndValue)
{
	Set set({.max_extents = 400});
	uint64_t spare = set.data_blocks();
	std::vector<dmr_record> records;

	ASSERT_EQ(ops.records_per_commit(nullptr), 164u);
	for (uint64_t i = 0; i < 164; i++)
		records.push_back({999'836 + i, spare + i, 1, DMR_RECORD_MAP, 0, 0});
	set.format();
	ASSERT_EQ(ops.append(set.md, records.data(), 164), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;

	std::vector<dmr_record> got;
	ASSERT_EQ(ops.load(set.md,
			   [](void *c, const dmr_record *r) {
				   static_cast<std::vector<dmr_record> *>(c)->push_back(*r);
				   return 0;
			   },
			   &got, &set.report, set.reason),
		  0);
	ASSERT_EQ(got.size(), records.size());
	EXPECT_EQ(std::memcmp(got.data(), records.data(), sizeof(dmr_record) * got.size()), 0);
}

TEST(MetadataStore, ManyLaps)
{
	Set set({.max_extents = 328});
	uint32_t half = 0;

	set.format();
	half = set.layout().log_half_units;
	for (uint32_t lap = 0; lap < 7; lap++) {
		set.commits(half / 2 + lap % 3);
		Map acknowledged = set.map;
		ASSERT_EQ(set.load(), 0) << set.reason;
		ASSERT_EQ(set.loaded, acknowledged) << lap;
		ASSERT_FALSE(set.report.needs_checkpoint);
	}
	EXPECT_GT(set.report.generation, 3 * half);
}

TEST(MetadataStore, CheckpointOfSeveralBatchesOfUnits)
{
	// 20 body units: more than one transfer, the last unit not full.
	Set set({.sectors = 8192, .max_extents = 20 * 164 - 10, .main_sectors = 1'000'000});
	Map state;

	set.format();
	for (uint64_t i = 0; i < 20 * 164 - 10; i++)
		state.apply({i * 7, set.data_blocks() + i, 1, DMR_RECORD_MAP, 0, 0});
	ASSERT_EQ(set.checkpoint(state), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, state);
	EXPECT_EQ(set.report.checkpoint_entries, 20u * 164 - 10);
	EXPECT_EQ(set.report.generation, 3u);
}

TEST(MetadataStore, FullHalfWantsACheckpoint)
{
	Set set({.max_extents = 164});

	set.format();
	for (uint32_t i = 0; i < set.layout().log_half_units; i++) {
		EXPECT_FALSE(ops.wants_checkpoint(set.md));
		ASSERT_EQ(set.append({set.next_record()}), 0);
	}
	EXPECT_TRUE(ops.wants_checkpoint(set.md));
	EXPECT_EQ(set.append({set.next_record()}), -ENOSPC);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_TRUE(ops.wants_checkpoint(set.md));
	EXPECT_EQ(set.loaded, set.map);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	EXPECT_EQ(set.append({set.next_record()}), 0);
}

TEST(MetadataStore, CheckpointLargerThanASlotIsRefusedAndHarmless)
{
	Set set({.max_extents = 100});
	Map state;

	set.format();
	for (uint64_t i = 0; i < 101; i++)
		state.apply({i, 0, 1, DMR_RECORD_PENDING, 0, 0});
	EXPECT_EQ(set.checkpoint(state), -ENOSPC);
	EXPECT_EQ(set.append({set.next_record()}), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
}

TEST(MetadataStore, SourceThatLiesAboutItsCountLeavesTheOldState)
{
	Set set({.max_extents = 100});
	Map state;

	set.format();
	ASSERT_EQ(set.append({set.next_record()}), 0);
	state.apply({1, 0, 1, DMR_RECORD_PENDING, 0, 0});
	for (uint64_t count : {0, 2}) {
		Source source(state.records());
		dmr_record_source table = source.table();

		table.count = count;
		EXPECT_EQ(ops.checkpoint(set.md, &table), -EINVAL);
		EXPECT_EQ(set.append({set.next_record()}), -EIO);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
	}
}

TEST(MetadataStore, BadArgumentsOfAppend)
{
	Set set;

	ASSERT_EQ(set.open(), 0) << set.reason;
	EXPECT_EQ(set.append({set.next_record()}), -EINVAL) << "neither formatted nor loaded";
	ASSERT_EQ(ops.format(set.md, set.reason), 0);
	EXPECT_EQ(ops.append(set.md, nullptr, 0), -EINVAL);
	std::vector<dmr_record> many(165, set.next_record());
	EXPECT_EQ(ops.append(set.md, many.data(), 165), -EINVAL);
}

TEST(MetadataStore, ReadOnlyHandleWritesNothing)
{
	Set set({.max_extents = 164});

	set.format();
	set.commits(3);
	// A torn tail asks for a checkpoint, and even that is not written.
	set.rot(set.layout().log(Copy::b, Slot::one));
	uint64_t before = set.disk().counts().writes, flushes = set.disk().counts().flushes;
	ASSERT_EQ(set.load(true), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	EXPECT_TRUE(set.report.needs_checkpoint);
	EXPECT_EQ(set.append({set.next_record()}), -EROFS);
	EXPECT_EQ(set.checkpoint(set.map), -EROFS);
	EXPECT_EQ(ops.format(set.md, set.reason), -EROFS);
	EXPECT_EQ(ops.update_setup(set.md, ops.setup(set.md)), -EROFS);
	EXPECT_EQ(set.disk().counts().writes, before);
	EXPECT_EQ(set.disk().counts().flushes, flushes);
}

TEST(MetadataStore, FailedWriteEndsAppendsForGood)
{
	for (Copy copy : format::copies) {
		Set set({.max_extents = 164});

		set.format();
		ASSERT_EQ(set.append({set.next_record()}), 0);
		Map sure = set.map;
		set.disk().fail(set.sector(set.layout().log(copy, Slot::one) + 1), 1, host::Fault::unwritable());
		dmr_record doubtful = set.next_record();
		EXPECT_EQ(set.append({doubtful}), -EIO);
		set.disk().heal_all();
		EXPECT_EQ(set.append({set.next_record()}), -EIO);
		EXPECT_EQ(set.checkpoint(set.map), -EIO);
		EXPECT_EQ(set.reload(), -EIO);

		Map both = sure;
		both.apply(doubtful);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, copy == Copy::a ? sure : both);
	}
}

TEST(MetadataStore, FailedCheckpointLeavesTheOldState)
{
	for (int what = 0; what < 4; what++) {
		Set set({.max_extents = 164});
		Layout layout = set.layout();

		set.format();
		set.commits(2);
		UnitNumber bad[] = {layout.body(Copy::a, Slot::zero), layout.body(Copy::b, Slot::zero),
				    layout.head(Copy::a, Slot::zero)};
		if (what < 3)
			set.disk().fail(set.sector(bad[what]), 8, host::Fault::unwritable());
		else
			set.disk().fail_flushes(1);
		EXPECT_EQ(set.checkpoint(set.map), -EIO);
		set.disk().heal_all();
		EXPECT_EQ(set.append({set.next_record()}), -EIO);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map) << what;
	}
}

TEST(MetadataStore, UpdatedSetupComesBack)
{
	Set set;

	set.format();
	ASSERT_EQ(set.append({set.next_record()}), 0);
	dmr_setup changed = *ops.setup(set.md);
	changed.read_retries = 77;
	std::strcpy(changed.name, "other");
	std::strcpy(changed.main.identity, "partuuid:9");
	std::strcpy(changed.main.disk, "wwid:9");
	std::strcpy(changed.main.id, "what udev says");
	changed.main.sectors += 1000;
	ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
	EXPECT_EQ(ops.setup(set.md)->generation, 2u);
	ASSERT_EQ(set.append({set.next_record()}), 0) << "the log goes on";
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.setup().read_retries, 77u);
	EXPECT_STREQ(set.setup().name, "other");
	EXPECT_STREQ(set.setup().main.identity, "partuuid:9");
	EXPECT_STREQ(set.setup().main.disk, "wwid:9");
	EXPECT_STREQ(set.setup().main.id, "what udev says");
	EXPECT_EQ(set.setup().main.sectors, 1'001'000u);
	EXPECT_EQ(set.setup().generation, 2u);
	EXPECT_EQ(set.loaded, set.map);

	const dmr_setup now = set.setup();
	auto refused = [&](auto &&change) {
		changed = now;
		change(changed);
		return ops.update_setup(set.md, &changed) == -EINVAL;
	};
	EXPECT_TRUE(refused([](dmr_setup &s) { s.max_extents++; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.set_uuid[0]++; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.branch[0]++; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.main.block_bytes = 4096; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.copy_units++; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.members[0].uuid[0]++; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.members[0].sectors++; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.members[0].data_start++; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.members[0].unit_bytes *= 2; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.members[0].state = DMR_MEMBER_DROPPED; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.members[1].state = DMR_MEMBER_ACTIVE; }));
	// What no superblock could be read for.
	EXPECT_TRUE(refused([](dmr_setup &s) { s.main.sectors = 0; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { s.main.sectors = ~0ull; }));
	EXPECT_TRUE(refused([](dmr_setup &s) { std::memset(s.name, 'x', sizeof(s.name)); }));
	EXPECT_TRUE(refused([](dmr_setup &s) { std::memset(s.main.disk, 'x', sizeof(s.main.disk)); }));
	EXPECT_TRUE(refused([](dmr_setup &s) { std::memset(s.main.id, 'x', sizeof(s.main.id)); }));
	EXPECT_EQ(ops.setup(set.md)->generation, 2u);
}

// What a module that knew no more has written: nothing behind the 3000 bytes, which is all that it reads of ours.
TEST(MetadataStore, ASuperblockWithoutTheDiskIsOneWhereItIsNotKnown)
{
	Set set;

	std::strcpy(set.setup().main.identity, "partuuid:9");
	std::strcpy(set.setup().main.disk, "wwid:9");
	std::strcpy(set.setup().main.id, "what udev says");
	set.format();
	for (Copy copy : format::copies) {
		const UnitNumber where = set.layout().superblock(copy);
		format::Unit unit = set.read_unit(where);
		format::Superblock all;

		EXPECT_EQ(metadata::header_of(unit).length, 3000u);
		metadata::gather_payload(unit, &all, sizeof(all));
		std::memset(all.main_disk, 0, sizeof(all.main_disk) + sizeof(all.main_id));
		metadata::scatter_payload(unit, &all, sizeof(all));
		metadata::seal(unit, {set.setup().set_uuid, set.setup().members[0].uuid, metadata::Kind::superblock, copy, where},
			       {Generation(1), Generation(0)});
		set.write_unit(where, unit);
	}
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_STREQ(set.setup().main.identity, "partuuid:9");
	EXPECT_STREQ(set.setup().main.disk, "");
	EXPECT_STREQ(set.setup().main.id, "");
}

TEST(MetadataStore, AMainThatGrowsAndShrinks)
{
	const uint64_t end = 1'000'000;
	Set set({.max_extents = 164});
	const dmr_record beyond = {end, 0, 8, DMR_RECORD_PENDING, 0, 0};

	set.format();
	set.commits(2);
	dmr_setup changed = *ops.setup(set.md);
	changed.main.sectors = end + 8;
	ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
	ASSERT_EQ(set.append({beyond}), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);

	// Back again, when neither log nor checkpoints speak of that part any more.
	ASSERT_EQ(set.append({{end, 0, 8, DMR_RECORD_CLEAR, 0, 0}}), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	changed = *ops.setup(set.md);
	changed.main.sectors = end;
	ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
	set.commits(2);
	// Nor would they be needed if the newer checkpoint were lost.
	set.lose(set.layout().head(Copy::a, Slot::one));
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	EXPECT_EQ(set.setup().main.sectors, end);
}

TEST(MetadataStore, AFeatureIsInEverySuperblockBeforeItIsUsed)
{
	Set set{{.members = 3, .others = 1, .max_extents = 164}};
	const dmr_record lost = {5, 0, 3, DMR_RECORD_LOST, 0, 0};

	set.format();
	set.commits(2);
	EXPECT_EQ(ops.setup(set.md)->features, 0u);
	ASSERT_EQ(ops.use_features(set.md, DMR_FEATURE_LOST), 0);
	EXPECT_EQ(ops.setup(set.md)->generation, 2u);
	const uint64_t written = set.disk().counts().writes;
	ASSERT_EQ(ops.use_features(set.md, DMR_FEATURE_LOST), 0);
	EXPECT_EQ(set.disk().counts().writes, written) << "once";
	for (uint32_t i = 0; i < 3; i++) {
		dmr_probe probe;

		ASSERT_EQ(ops.probe(&set.range(i), &probe, set.reason), 0);
		EXPECT_EQ(probe.setup.features, uint64_t{DMR_FEATURE_LOST});
		EXPECT_FALSE(probe.copy_lost);
	}
	ASSERT_EQ(set.append({lost}), 0);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.commits(2);
	ASSERT_EQ(set.add(3), 0) << set.reason;
	ASSERT_EQ(set.checkpoint(set.map), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	EXPECT_EQ(set.setup().features, uint64_t{DMR_FEATURE_LOST});
	EXPECT_EQ(set.probe_of(3).setup.features, uint64_t{DMR_FEATURE_LOST}) << "who comes later says it too";
	ASSERT_EQ(set.load(true), 0);
	EXPECT_EQ(ops.use_features(set.md, 2), -EROFS);
}

TEST(MetadataStore, ARecordOfAFeatureThatIsNotInUseIsNotBelieved)
{
	Set set;

	set.format();
	ASSERT_EQ(set.append({{5, 0, 3, DMR_RECORD_LOST, 0, 0}}), 0);
	EXPECT_EQ(set.load(), -EUCLEAN);
}

TEST(MetadataStore, MainsUuidAndItsMarksAreKept)
{
	Set set{{.members = 2, .max_extents = 164}};

	set.format();
	dmr_setup with_uuid = *ops.setup(set.md);
	std::memset(with_uuid.main_uuid, 0xb7, sizeof(with_uuid.main_uuid));
	ASSERT_EQ(ops.update_setup(set.md, &with_uuid), 0);
	ASSERT_EQ(ops.use_features(set.md, DMR_FEATURE_GUARD), 0);
	const uint64_t first = set.setup().members[0].data_start;
	ASSERT_EQ(set.append({{5, first, 3, DMR_RECORD_MAP, 0, DMR_RECORD_GUARDED}}), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	ASSERT_EQ(set.checkpoint(set.map), 0);
	ASSERT_EQ(set.load(), 0) << set.reason;
	EXPECT_EQ(set.loaded, set.map);
	for (uint32_t i = 0; i < 2; i++) {
		const dmr_setup setup = set.probe_of(i).setup;

		EXPECT_EQ(std::memcmp(setup.main_uuid, with_uuid.main_uuid, sizeof(setup.main_uuid)), 0);
		EXPECT_EQ(setup.features, uint64_t{DMR_FEATURE_GUARD});
	}
}

TEST(MetadataStore, SetupUpdatedByAnotherTableIsTakenOver)
{
	Set set;

	set.format();
	dmr_setup old = *ops.setup(set.md), changed = old;
	changed.read_retries = 77;
	ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
	set.setup() = old;
	ASSERT_EQ(set.open(), 0) << set.reason;
	ASSERT_EQ(set.reload(), 0) << set.reason;
	EXPECT_EQ(ops.setup(set.md)->read_retries, 77u);
	EXPECT_EQ(ops.setup(set.md)->generation, 2u);
}

TEST(MetadataStore, ReformattedSpareIsStale)
{
	Set set;

	set.format();
	dmr_setup old = *ops.setup(set.md);
	set.fresh_setup(0x33);
	set.format();
	set.setup() = old;
	ASSERT_EQ(set.open(), 0) << set.reason;
	EXPECT_EQ(set.reload(), -ESTALE);
	EXPECT_NE(std::string(set.reason).find("formatted for another set"), std::string::npos) << set.reason;
}

TEST(MetadataStore, SinkErrorStopsTheLoad)
{
	Set set;

	set.format();
	set.commits(2);
	int rc = ops.load(set.md, [](void *, const dmr_record *) { return -ENOMEM; }, nullptr, &set.report, set.reason);
	EXPECT_EQ(rc, -ENOMEM);
	EXPECT_EQ(set.append({set.next_record()}), -EINVAL);
}

TEST(MetadataStore, EveryAllocationMayFail)
{
	Set set;

	set.format();
	set.close();
	for (uint64_t k = 1;; k++) {
		uint64_t live = set.world.memory().live();

		set.world.memory().fail_nth(k);
		int rc = set.load();
		set.world.memory().fail_nth(0);
		if (!rc)
			break;
		ASSERT_EQ(rc, -ENOMEM) << k;
		EXPECT_NE(set.reason[0], '\0');
		EXPECT_EQ(set.world.memory().live(), live);
		ASSERT_LT(k, 20u);
	}
	set.close();
	set.world.check_no_leaks();
}

TEST(MetadataStore, TwoMembersEachHaveEverything)
{
	Set set({.members = 2, .max_extents = 164});

	set.format();
	set.commits(5);
	for (uint32_t lost = 0; lost < 2; lost++) {
		Set other({.members = 2, .max_extents = 164});

		for (uint32_t i = 0; i < 2; i++)
			if (i != lost)
				other.disk(i).restore(set.disk(i).snapshot());
		other.setup() = *ops.setup(set.md);
		other.range(lost).dev = nullptr;
		ASSERT_EQ(other.open(), 0) << other.reason;
		ASSERT_EQ(other.reload(), 0) << other.reason;
		EXPECT_EQ(other.loaded, set.map);
	}
}

TEST(MetadataStore, StridesOfDifferentMembersMayDiffer)
{
	for (uint32_t physical : {4096u, 16384u, 65536u}) {
		Set set({.sectors = 16384, .start = 24, .physical_bytes = physical, .max_extents = 164});

		ASSERT_EQ(set.setup().members[0].unit_bytes, physical);
		set.format();
		set.commits(set.layout().log_half_units + 3);
		ASSERT_EQ(set.load(), 0) << set.reason;
		EXPECT_EQ(set.loaded, set.map);
	}
}

} // namespace
} // namespace dm_remap::metadata_test
