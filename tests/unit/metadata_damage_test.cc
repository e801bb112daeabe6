// SPDX-License-Identifier: GPL-2.0
// What cannot be trusted is not believed: the other copy, the older checkpoint, or a refusal that says what is lost.
#include "metadata_fixture.hh"

#include "host/random.hh"

namespace dm_remap::metadata_test {
namespace {

// A set in the middle of its life: a checkpoint in slot 1 with some entries, and log blocks behind it.
class MetadataDamage : public testing::Test {
protected:
	MetadataDamage()
	{
		set.format();
		formatted = set.disk().snapshot();
		while (ops.generation(set.md) < 2 + 2 * (half() + 1) + blocks)
			set.commits(1);
		newest = ops.generation(set.md) - blocks;
		EXPECT_EQ(generation_of(layout().head(Copy::a, Slot::one)), newest);
	}

	uint32_t half() const { return set.layout().log_half_units; }
	Layout layout() const { return set.layout(); }
	uint64_t generation_of(UnitNumber unit)
	{
		format::Unit u = set.read_unit(unit);

		return metadata::header_of(u).generation;
	}
	UnitNumber log(uint32_t block, Slot slot = Slot::one) const { return layout().log(Copy::a, slot) + block; }

	void expect_exact(bool needs_checkpoint, const std::string &what = "")
	{
		ASSERT_EQ(set.load(), 0) << what << ": " << set.reason;
		EXPECT_EQ(set.loaded, set.map) << what;
		EXPECT_EQ(set.report.needs_checkpoint, needs_checkpoint) << what;
	}
	void expect_refused(const std::string &part)
	{
		ASSERT_EQ(set.load(), -EUCLEAN) << set.reason;
		EXPECT_NE(std::string(set.reason).find(part), std::string::npos) << set.reason;
		EXPECT_NE(std::string(set.reason).find("see docs/administration.md"), std::string::npos) << set.reason;
	}
	// Whatever was found, the next checkpoint restores the redundancy, and life goes on.
	void expect_mended()
	{
		EXPECT_EQ(set.append({set.next_record()}), -EINVAL) << "before the checkpoint";
		ASSERT_EQ(set.checkpoint(set.map), 0);
		set.commits(2);
		expect_exact(false, "mended");
	}
	// Everything, as it is now, both on disk and in the mind.
	struct Saved {
		DiskContent content;
		Map map;
	};
	Saved save() { return {set.disk().snapshot(), set.map}; }
	void restore(const Saved &saved)
	{
		set.disk().restore(saved.content);
		set.map = saved.map;
	}

	// What formatting left there.
	format::Unit first_content(UnitNumber unit) const
	{
		format::Unit content;

		formatted.read(set.sector(unit) * 512, &content, sizeof(content));
		return content;
	}

	static constexpr uint32_t blocks = 5;
	Set set{{.max_extents = 164 * 3}};
	DiskContent formatted = set.disk().snapshot();
	uint64_t newest = 0;	// generation of the newest checkpoint
};

TEST_F(MetadataDamage, NothingIsWrongAtFirst)
{
	ASSERT_GT(half(), blocks + 1);
	expect_exact(false);
	EXPECT_EQ(set.report.generation, newest + blocks);
	EXPECT_GT(set.report.checkpoint_entries, 10u);
}

TEST_F(MetadataDamage, AnyFlippedBitOfAnyUnitIsSeenAndTheOtherCopyUsed)
{
	const UnitNumber units[] = {layout().superblock(Copy::a), layout().head(Copy::a, Slot::one),
				    layout().body(Copy::a, Slot::one), log(0), log(blocks - 1)};

	for (UnitNumber unit : units) {
		for (bool b : {false, true}) {
			UnitNumber where = b ? set.in_copy_b(unit) : unit;

			for (uint32_t byte = 0; byte < 4096; byte += byte < 96 ? 1 : 97) {
				uint8_t mask = static_cast<uint8_t>(1u << byte % 8);

				set.rot(where, byte, mask);
				expect_exact(true, "unit " + std::to_string(where.value) + " byte " + std::to_string(byte));
				set.rot(where, byte, mask);
			}
		}
	}
	expect_exact(false, "all flipped back");
}

TEST_F(MetadataDamage, OneLostCopyIsMended)
{
	const Saved saved = save();
	const UnitNumber units[] = {layout().superblock(Copy::a), layout().head(Copy::a, Slot::one),
				    layout().head(Copy::a, Slot::zero), layout().body(Copy::a, Slot::one), log(0), log(blocks - 1)};

	for (UnitNumber unit : units) {
		for (bool b : {false, true}) {
			restore(saved);
			set.rot(b ? set.in_copy_b(unit) : unit);
			expect_exact(true);
			expect_mended();
		}
	}
}

TEST_F(MetadataDamage, AnUnreadableUnitIsALostCopyAndNoMore)
{
	for (uint32_t block = 0; block <= blocks; block++) {
		for (bool b : {false, true}) {
			set.disk().fail(set.sector(b ? set.in_copy_b(log(block)) : log(block)) + block, 1);
			expect_exact(true, std::to_string(block));
			set.disk().heal_all();
		}
	}
}

TEST_F(MetadataDamage, LogBlockLostInBothCopiesIsRefused)
{
	for (uint32_t block = 0; block < blocks; block++) {
		Saved saved = save();

		set.lose(log(block));
		expect_refused("generation " + std::to_string(newest + 1 + block) + " may be lost: all copies of block " +
			       std::to_string(block) + " of log half 1 (spare 8:16 sector " +
			       std::to_string(set.sector(log(block))) + ") are gone, one is rotten");
		restore(saved);
	}
}

TEST_F(MetadataDamage, TornTailEndsTheLog)
{
	const Saved saved = save();
	format::Unit older_a = set.read_unit(log(blocks)), older_b = set.read_unit(set.in_copy_b(log(blocks)));
	dmr_record record = set.next_record();
	Map before = set.map;

	set.commit({record});
	format::Unit written = set.read_unit(log(blocks));
	Map after = set.map;
	set.write_unit(set.in_copy_b(log(blocks)), older_b);

	// Copy A alone: it may be believed, and it is.
	expect_exact(true);
	for (uint32_t mask = 0; mask < 256; mask += 5) {
		format::Unit torn = older_a;

		for (uint32_t i = 0; i < 8; i++)
			if (mask & 1u << i)
				torn.sectors[i] = written.sectors[i];
		set.write_unit(log(blocks), torn);
		set.map = mask == 255 ? after : before;
		expect_exact(mask != 0, std::to_string(mask));
	}
	expect_mended();
}

// What a power cut tore long ago, and the log has left behind, is no lost copy when the other one rots.
TEST_F(MetadataDamage, AnOldTearBehindTheEndOfTheLogIsNoLoss)
{
	const Saved saved = save();
	const UnitNumber next = log(blocks), after = log(blocks + 1);

	for (UnitNumber unit : {next, after}) {
		format::Unit torn = set.read_unit(unit), rotten = set.read_unit(set.in_copy_b(unit));

		torn.sectors[2].stamp = 1;
		torn.sectors[5].stamp = 2;
		rotten.sectors[4].content[100] ^= 1;
		set.write_unit(unit, torn);
		set.write_unit(set.in_copy_b(unit), rotten);
	}
	expect_exact(true);
}

TEST_F(MetadataDamage, MissingBlockBeforeLaterOnesIsRefused)
{
	const Saved saved = save();

	// Both copies of a block in the middle hold what an older lap left there.
	for (Copy copy : format::copies)
		set.write_unit(layout().log(copy, Slot::one) + 2, first_content(layout().log(copy, Slot::one) + 2));
	expect_refused("generation " + std::to_string(newest + 3) + " is lost, but block 3 of log half 1");
	EXPECT_NE(std::string(set.reason).find("is of generation " + std::to_string(newest + 4)), std::string::npos);

	// Torn in A and older in B would be an end, were there nothing behind it.
	restore(saved);
	set.rot(log(2));
	set.write_unit(set.in_copy_b(log(2)), first_content(set.in_copy_b(log(2))));
	expect_refused("generation " + std::to_string(newest + 3) + " is lost");
}

TEST_F(MetadataDamage, ZeroedLogIsRefused)
{
	const format::Unit zero = {};

	for (uint32_t block = 0; block < half(); block++)
		for (UnitNumber unit : {log(block), set.in_copy_b(log(block))})
			set.write_unit(unit, zero);
	expect_refused("one is zeroed");
}

TEST_F(MetadataDamage, SwappedUnitsAreMisplaced)
{
	const Saved saved = save();
	auto swap = [&](UnitNumber a, UnitNumber b) {
		format::Unit x = set.read_unit(a), y = set.read_unit(b);

		set.write_unit(a, y);
		set.write_unit(b, x);
	};

	swap(log(0), log(1));
	expect_exact(true);
	expect_mended();
	restore(saved);
	swap(log(0), set.in_copy_b(log(0)));
	expect_refused("one is meant for another place");
	restore(saved);
	swap(layout().head(Copy::a, Slot::zero), layout().head(Copy::a, Slot::one));
	expect_exact(true);
}

TEST_F(MetadataDamage, UnitsOfOthersAreStrangers)
{
	for (bool same_set : {true, false}) {
		const Saved saved = save();

		for (Copy copy : format::copies) {
			UnitNumber where = layout().log(copy, Slot::one) + 1;
			format::Unit unit = set.read_unit(where);
			uint8_t uuid[DMR_UUID_SIZE], other[DMR_UUID_SIZE];

			fill_uuid(uuid, 0x5e);
			fill_uuid(other, 0x77);
			metadata::Place place = {same_set ? uuid : other, other, metadata::Kind::log, copy, where};
			metadata::seal(unit, place, {Generation(newest + 2), Generation(newest)});
			set.write_unit(where, unit);
		}
		expect_refused("one is of another set or spare");
		restore(saved);
	}
}

TEST_F(MetadataDamage, LostCheckpointIsMadeUpForByTheOlderOneAndBothHalves)
{
	const Saved saved = save();

	for (UnitNumber unit : {layout().head(Copy::a, Slot::one), layout().body(Copy::a, Slot::one)}) {
		restore(saved);
		set.lose(unit);
		expect_exact(true);
		EXPECT_EQ(set.report.generation, newest + blocks);
		expect_mended();

		// And once more, whichever checkpoint is the newest now.
		for (Slot slot : metadata::slots) {
			Saved now = save();

			set.lose(layout().head(Copy::a, slot));
			expect_exact(true);
			restore(now);
		}
	}
}

TEST_F(MetadataDamage, LostCheckpointWithoutALogBehindIt)
{
	ASSERT_EQ(set.checkpoint(set.map), 0);
	set.lose(layout().head(Copy::a, Slot::zero));
	expect_exact(true);
	expect_mended();
}

TEST_F(MetadataDamage, LostCheckpointAndALostBlockOfItsLogIsRefused)
{
	const Saved saved = save();

	set.lose(layout().head(Copy::a, Slot::one));
	set.lose(log(half() - 1, Slot::zero));
	expect_refused("generation " + std::to_string(newest - 1) + " may be lost");
	restore(saved);
	set.lose(layout().body(Copy::a, Slot::one));
	set.lose(log(0, Slot::one));
	expect_refused("generation " + std::to_string(newest + 1) + " may be lost");
}

TEST_F(MetadataDamage, CheckpointThatCannotBeReachedIsRefused)
{
	// The last block before the newest checkpoint is torn in A and an older one in B, and that checkpoint has lost
	// its body.
	UnitNumber last = log(half() - 1, Slot::zero);

	set.rot(last);
	set.write_unit(set.in_copy_b(last), first_content(set.in_copy_b(last)));
	expect_exact(false, "the newest checkpoint does not need it");
	set.lose(layout().body(Copy::a, Slot::one));
	expect_refused("generation " + std::to_string(newest - 1) + " is lost: the checkpoint of generation " +
		       std::to_string(newest) + " in slot 1");
}

TEST_F(MetadataDamage, NoCheckpointAtAllIsRefused)
{
	set.lose(layout().head(Copy::a, Slot::zero));
	set.lose(layout().body(Copy::a, Slot::one));
	expect_refused("no checkpoint verifies");
}

TEST_F(MetadataDamage, BothSuperblocksLostIsDamageForTheProbe)
{
	set.lose(layout().superblock(Copy::a));
	EXPECT_EQ(set.load(), -ENODATA);
	EXPECT_EQ(set.probe.verdict, DMR_PROBE_DAMAGED);
	// Between the constructor and the resume.
	ASSERT_EQ(set.open(), 0);
	EXPECT_EQ(set.reload(), -EUCLEAN);
	EXPECT_NE(std::string(set.reason).find("no copy of its superblock verifies any more"), std::string::npos);
}

// One copy of each unit may be anything at all, in any mixture: nothing is lost, and nothing is made up.
TEST_F(MetadataDamage, AnyOneCopyOfEverythingMayBeLost)
{
	host::Random random(7);

	for (int round = 0; round < 150; round++) {
		const Saved saved = save();
		uint32_t units = layout().copy_units;

		for (uint32_t u = 0; u < units; u++) {
			UnitNumber unit = random.chance(1, 2) ? UnitNumber(u) : set.in_copy_b(UnitNumber(u));
			format::Unit content = set.read_unit(unit);

			switch (random.below(6)) {
			case 0:
				set.rot(unit, static_cast<uint32_t>(random.below(4096)), 0x10);
				break;
			case 1:
				set.write_unit(unit, {});
				break;
			case 2:
				random.fill(&content, sizeof(content));
				set.write_unit(unit, content);
				break;
			case 3:
				set.disk().fail(set.sector(unit) + random.below(8), 1);
				break;
			case 4:
				set.write_unit(unit, set.read_unit(UnitNumber(random.below(2 * units))));
				break;
			}
		}
		ASSERT_EQ(set.load(), 0) << round << ": " << set.reason;
		ASSERT_EQ(set.loaded, set.map) << round;
		set.disk().heal_all();
		restore(saved);
		// Another moment of its life.
		ASSERT_EQ(set.load(), 0);
		set.commits(static_cast<uint32_t>(random.below(4)));
	}
}

// Rot of whatever it pleases: the exact state, or a refusal, and never another state.
TEST_F(MetadataDamage, RotOfBothCopiesIsNeverBelieved)
{
	host::Random random(11);
	int refused = 0, exact = 0;

	for (int round = 0; round < 300; round++) {
		const Saved saved = save();
		uint64_t faults = random.between(2, 12);

		for (uint64_t i = 0; i < faults; i++) {
			UnitNumber unit(random.between(1, layout().copy_units - 1));

			random.chance(1, 2) ? set.lose(unit) : set.rot(unit);
		}
		int rc = set.load();
		if (rc) {
			ASSERT_EQ(rc, -EUCLEAN) << set.reason;
			refused++;
		} else {
			ASSERT_EQ(set.loaded, set.map) << round;
			exact++;
		}
		restore(saved);
		ASSERT_EQ(set.load(), 0);
		set.commits(static_cast<uint32_t>(random.below(3)));
	}
	EXPECT_GT(refused, 20);
	EXPECT_GT(exact, 20);
}

} // namespace
} // namespace dm_remap::metadata_test
