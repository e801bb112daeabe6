// SPDX-License-Identifier: GPL-2.0
// What is on a range, and what is not.
#include "metadata_fixture.hh"

namespace dm_remap::metadata_test {
namespace {

class MetadataProbe : public testing::Test {
protected:
	dmr_probe_verdict probe()
	{
		result = {};
		EXPECT_EQ(ops.probe(&set.range(), &result, set.reason), 0) << set.reason;
		return result.verdict;
	}
	void put(uint64_t byte_of_range, const void *data, size_t size)
	{
		uint8_t sectors[8192] = {};
		uint64_t first = byte_of_range / 512, n = (byte_of_range % 512 + size + 511) / 512;

		set.disk().peek(set.range().start + first, sectors, static_cast<uint32_t>(n));
		std::memcpy(sectors + byte_of_range % 512, data, size);
		set.disk().poke(set.range().start + first, sectors, static_cast<uint32_t>(n));
	}
	// The mark of a formatting that was cut off at the very beginning.
	void mark()
	{
		ASSERT_EQ(set.open(), 0);
		set.world.cut_after(2);
		set.world.run_fiber("format", [&] { ops.format(set.md, set.reason); });
		set.world.reboot();
		set.forget();
	}

	Set set{{.sectors = 8192, .start = 72, .max_extents = 164}};
	dmr_probe result = {};
};

TEST_F(MetadataProbe, ZeroesAreBlank)
{
	EXPECT_EQ(probe(), DMR_PROBE_BLANK);
}

TEST_F(MetadataProbe, OneByteInTheFirstOrLastMibIsForeign)
{
	for (uint64_t at : {uint64_t{0}, uint64_t{511}, uint64_t{1024}, uint64_t{4096}, uint64_t{65536 + 64}, uint64_t{(1 << 20) - 1},
			    uint64_t{8192 * 512 - 1}, uint64_t{8192 * 512 - (1 << 20)}}) {
		DiskContent saved = set.disk().snapshot();

		put(at, "x", 1);
		EXPECT_EQ(probe(), DMR_PROBE_FOREIGN) << at;
		EXPECT_EQ(result.first_nonzero_sector, at / 512);
		set.disk().restore(saved);
	}
	put(2 << 20, "x", 1);
	EXPECT_EQ(probe(), DMR_PROBE_BLANK) << "the middle is not looked at";
}

TEST_F(MetadataProbe, OutsideTheRangeIsNobodysBusiness)
{
	uint8_t noise[512];

	std::memset(noise, 0xff, sizeof(noise));
	set.disk().poke(set.range().start - 1, noise, 1);
	set.disk().poke(set.range().start + set.range().sectors, noise, 1);
	EXPECT_EQ(probe(), DMR_PROBE_BLANK);
}

TEST_F(MetadataProbe, MemberIsFoundByEitherCopy)
{
	set.format();
	EXPECT_EQ(probe(), DMR_PROBE_MEMBER);
	EXPECT_FALSE(result.copy_lost);
	EXPECT_FALSE(result.formatting);
	EXPECT_EQ(std::memcmp(&result.setup, ops.setup(set.md), sizeof(dmr_setup)), 0);
	for (UnitNumber lost : {set.layout().superblock(Copy::a), set.layout().superblock(Copy::b)}) {
		set.disk().fail(set.sector(lost), 1);
		EXPECT_EQ(probe(), DMR_PROBE_MEMBER);
		EXPECT_TRUE(result.copy_lost);
		EXPECT_EQ(std::memcmp(&result.setup, ops.setup(set.md), sizeof(dmr_setup)), 0);
		set.disk().heal_all();
		set.rot(lost);
		EXPECT_EQ(probe(), DMR_PROBE_MEMBER);
		EXPECT_TRUE(result.copy_lost);
		set.rot(lost);
	}
}

TEST_F(MetadataProbe, SecondCopyIsFoundForEveryStrideAndSize)
{
	for (uint32_t physical : {512u, 8192u, 16384u, 65536u}) {
		for (uint64_t max_extents : {164u, 600u, 2000u, 5000u}) {
			Set other({.sectors = 200'000, .start = 24, .physical_bytes = physical, .max_extents = max_extents});

			other.format();
			uint8_t zero[512] = {};
			other.disk().poke(other.sector(UnitNumber(0)), zero, 1);
			EXPECT_EQ(other.load(), 0) << other.reason;
			EXPECT_TRUE(other.probe.copy_lost);
			EXPECT_TRUE(other.report.needs_checkpoint);
			ASSERT_EQ(other.checkpoint(other.map), 0);
			EXPECT_EQ(other.load(), 0) << other.reason;
			EXPECT_FALSE(other.probe.copy_lost);
			EXPECT_FALSE(other.report.needs_checkpoint);
		}
	}
}

TEST_F(MetadataProbe, NewerSuperblockWins)
{
	set.format();
	format::Unit old_b = set.read_unit(set.layout().superblock(Copy::b));
	format::Unit old_a = set.read_unit(set.layout().superblock(Copy::a));
	dmr_setup changed = *ops.setup(set.md);
	changed.read_retries = 8;
	ASSERT_EQ(ops.update_setup(set.md, &changed), 0);
	format::Unit new_a = set.read_unit(set.layout().superblock(Copy::a));
	format::Unit new_b = set.read_unit(set.layout().superblock(Copy::b));

	set.write_unit(set.layout().superblock(Copy::b), old_b);
	EXPECT_EQ(probe(), DMR_PROBE_MEMBER);
	EXPECT_EQ(result.setup.read_retries, 8u);
	EXPECT_TRUE(result.copy_lost);
	set.write_unit(set.layout().superblock(Copy::b), new_b);
	set.write_unit(set.layout().superblock(Copy::a), old_a);
	EXPECT_EQ(probe(), DMR_PROBE_MEMBER);
	EXPECT_EQ(result.setup.read_retries, 8u);
	EXPECT_TRUE(result.copy_lost);
	set.write_unit(set.layout().superblock(Copy::a), new_a);
	EXPECT_EQ(probe(), DMR_PROBE_MEMBER);
	EXPECT_FALSE(result.copy_lost);
}

TEST_F(MetadataProbe, MovedSuperblocksAreNotBelieved)
{
	set.format();
	std::vector<uint8_t> area(4096 * 2 * set.layout().copy_units);
	set.disk().peek(set.sector(UnitNumber(0)), area.data(), static_cast<uint32_t>(area.size() / 512));
	// The same range, found 4 KiB further on.
	set.range().start += 8;
	EXPECT_NE(probe(), DMR_PROBE_MEMBER);
	set.range().start -= 8;
	format::Unit a = set.read_unit(UnitNumber(0)), b = set.read_unit(set.layout().superblock(Copy::b));
	set.write_unit(UnitNumber(0), b);
	set.write_unit(set.layout().superblock(Copy::b), a);
	EXPECT_EQ(probe(), DMR_PROBE_DAMAGED);
}

TEST_F(MetadataProbe, MarkAloneIsBlank)
{
	mark();
	EXPECT_EQ(probe(), DMR_PROBE_BLANK);
	set.rot(UnitNumber(0), 100);
	EXPECT_EQ(probe(), DMR_PROBE_DAMAGED);
}

TEST_F(MetadataProbe, ImpossibleMarksAreRemains)
{
	using metadata::header_of;
	using Mark = format::Formatting;
	static const std::vector<void (*)(format::Unit &)> changes = {
		[](format::Unit &u) { header_of(u).unit = 1; },
		[](format::Unit &u) { header_of(u).length = 9; },
		[](format::Unit &u) { metadata::payload_of<Mark>(u).unit_bytes = 5000; },
		[](format::Unit &u) { metadata::payload_of<Mark>(u).unit_bytes = 65536; },
		[](format::Unit &u) { metadata::payload_of<Mark>(u).copy_units = 13; },
		[](format::Unit &u) { header_of(u).kind = 5; },
	};

	mark();
	const format::Unit good = set.read_unit(UnitNumber(0));
	for (auto change : changes) {
		format::Unit unit = good;

		change(unit);
		header_of(unit).crc = 0;
		header_of(unit).crc = metadata::crc32c(&unit, header_of(unit).kind == 1 ? 512 : 4096);
		set.write_unit(UnitNumber(0), unit);
		EXPECT_EQ(probe(), DMR_PROBE_DAMAGED) << &change - &changes[0];
	}
}

// Copies of the superblock that are each whole, and not of one member.
TEST_F(MetadataProbe, SecondCopyOfAnotherMemberDoesNotCount)
{
	set.format();
	const UnitNumber b = set.layout().superblock(Copy::b);
	for (int what = 0; what < 2; what++) {
		format::Unit unit = set.read_unit(b);
		format::Superblock s;

		metadata::gather_payload(unit, &s, sizeof(s));
		if (what)
			s.members[0].uuid[0] ^= 1;
		metadata::scatter_payload(unit, &s, sizeof(s));
		(what ? metadata::header_of(unit).member[0] : metadata::header_of(unit).set[0]) ^= 1;
		metadata::header_of(unit).crc = 0;
		metadata::header_of(unit).crc = metadata::crc32c(&unit, sizeof(unit));
		set.write_unit(b, unit);
		EXPECT_EQ(probe(), DMR_PROBE_MEMBER);
		EXPECT_TRUE(result.copy_lost);
		format::Unit alone = {};
		set.write_unit(UnitNumber(0), alone);
		EXPECT_EQ(probe(), DMR_PROBE_MEMBER) << "by itself it is one";
		set.format();
	}
}

// Somebody made something else of the disk after a formatting that was cut off, and did not touch its first sector.
TEST_F(MetadataProbe, SignaturesBesideAMarkAreForeign)
{
	const uint8_t md[4] = {0xfc, 0x4e, 0x2b, 0xa9}, ext4[2] = {0x53, 0xef};

	mark();
	struct {
		uint64_t at;
		const void *data;
		size_t size;
	} signatures[] = {{4096, md, 4}, {1024 + 56, ext4, 2}, {512, "LABELONE", 8}, {65536 + 64, "_BHRfS_M", 8}};
	for (const auto &s : signatures) {
		DiskContent saved = set.disk().snapshot();
		uint64_t pad = metadata::area_start(Sectors(set.range().start), 4096).value - set.range().start;

		put(pad * 512 + s.at, s.data, s.size);
		EXPECT_EQ(probe(), DMR_PROBE_FOREIGN) << s.at;
		set.disk().restore(saved);
	}
}

TEST_F(MetadataProbe, FormattingForgetsOlderSuperblocks)
{
	// A larger area before, whose copy B lies in what are spare blocks now.
	Set first({.sectors = 65536, .start = 64, .max_extents = 60'000});
	uint32_t larger = first.layout().copy_units;

	first.format();
	dmr_setup old = *ops.setup(first.md);
	first.fresh_setup(0x31);
	dmr_setup now = first.setup();
	now.max_extents = 164;
	now.copy_units = 0;
	ASSERT_EQ(ops.lay_out(&first.range(), 164, &now, first.reason), 0);
	ASSERT_LT(now.copy_units, larger);
	first.setup() = now;
	first.format();
	format::Unit remains = first.read_unit(UnitNumber(larger));
	EXPECT_EQ(metadata::header_of(remains).magic[0], 0);
	uint8_t zero[512] = {};
	first.disk().poke(first.sector(UnitNumber(0)), zero, 1);
	ASSERT_EQ(first.load(), 0) << first.reason;
	EXPECT_NE(first.setup().set_uuid[0], old.set_uuid[0]);
}

TEST_F(MetadataProbe, TwoSetsThatBothVerifyAreAmbiguous)
{
	Set first({.sectors = 65536, .start = 64, .max_extents = 60'000});

	first.format();
	UnitNumber old_place(first.layout().copy_units);
	format::Unit old_b = first.read_unit(old_place);
	first.fresh_setup(0x31);
	ASSERT_EQ(ops.lay_out(&first.range(), 164, &first.setup(), first.reason), 0);
	first.format();
	first.write_unit(old_place, old_b);
	EXPECT_EQ(first.load(), 0) << "copy A is there, and says what it is";
	uint8_t zero[512] = {};
	first.disk().poke(first.sector(UnitNumber(0)), zero, 1);
	EXPECT_EQ(first.load(), -ENODATA);
	EXPECT_EQ(first.probe.verdict, DMR_PROBE_AMBIGUOUS);
}

TEST_F(MetadataProbe, UnreadableAreaIsAnErrorThatSaysWhere)
{
	set.disk().fail(set.range().start + 200, 1);
	EXPECT_EQ(ops.probe(&set.range(), &result, set.reason), -EIO);
	EXPECT_NE(std::string(set.reason).find("spare 8:16: sector 192 of its range, or one of the next 63"), std::string::npos)
		<< set.reason;
}

TEST_F(MetadataProbe, TinyRangesAreLookedAtWhole)
{
	for (uint64_t sectors : {uint64_t{0}, uint64_t{1}, uint64_t{8}, uint64_t{100}}) {
		set.range().sectors = sectors;
		EXPECT_EQ(probe(), DMR_PROBE_BLANK) << sectors;
	}
	put(0, "x", 1);
	EXPECT_EQ(probe(), DMR_PROBE_FOREIGN);
}

TEST_F(MetadataProbe, WritesNothing)
{
	uint64_t writes = set.disk().counts().writes;

	probe();
	EXPECT_EQ(set.disk().counts().writes, writes);
}

// Rounded up to whole blocks, several starts would have the spare blocks in one place.
TEST_F(MetadataProbe, OpenRefusesAStartThatIsNoMultipleOfABlock)
{
	Set first({.sectors = 8192, .start = 72, .block_bytes = 4096, .max_extents = 164});

	first.format();
	ASSERT_EQ(first.open(), 0) << first.reason;
	first.range().start = 68;
	EXPECT_EQ(first.open(), -EINVAL);
	EXPECT_NE(std::string(first.reason).find("name the range as it was formatted"), std::string::npos) << first.reason;
}

TEST_F(MetadataProbe, OpenRefusesARangeThatTheSetDoesNotFit)
{
	// All starts in (64, 72] have the superblock in one place.
	Set first({.sectors = 8192, .start = 65, .max_extents = 164});

	first.format();
	ASSERT_EQ(first.open(), 0) << first.reason;
	first.range().sectors -= 8;
	EXPECT_EQ(first.open(), -EINVAL);
	EXPECT_NE(std::string(first.reason).find("a range of 8192 sectors, 8184 were given"), std::string::npos) << first.reason;
	first.range().sectors += 8;
	for (uint64_t start = 66; start <= 72; start++) {
		first.range().start = start;
		ASSERT_EQ(ops.probe(&first.range(), &result, first.reason), 0);
		ASSERT_EQ(result.verdict, DMR_PROBE_MEMBER);
		EXPECT_EQ(first.open(), -EINVAL) << start;
		EXPECT_NE(std::string(first.reason).find("begin at its sector"), std::string::npos) << first.reason;
	}
}

} // namespace
} // namespace dm_remap::metadata_test
