// SPDX-License-Identifier: GPL-2.0
// A block that the log has not reached yet may be lost in all copies without harm, and stays without harm.
#include "metadata_fixture.hh"

namespace dm_remap::metadata_test {
namespace {

// What was accepted is accepted again, at whatever commit it stops.
void expect_life_goes_on(Set &set, const std::string &what)
{
	for (uint32_t i = 0; i < 3 * set.layout().log_half_units; i++) {
		ASSERT_EQ(set.load(), 0) << what << ", " << i << " commits later: " << set.reason;
		ASSERT_EQ(set.loaded, set.map) << what;
		ASSERT_FALSE(set.report.needs_checkpoint) << what;
		set.commits(1);
	}
}

class MetadataLogEnd : public testing::TestWithParam<uint32_t> {};

TEST_P(MetadataLogEnd, BlockThatIsLostBehindItIsMadeEmpty)
{
	for (Slot half : metadata::slots) {
		for (uint32_t block = 0;; block++) {
			Set set({.sectors = 1024, .members = GetParam()});
			const std::string what = "half " + std::to_string(static_cast<uint32_t>(half)) + " block " +
						 std::to_string(block);

			set.format();
			if (block == set.layout().log_half_units)
				break;
			// Blocks 0 and 1 of half 1; half 0 belongs to the older checkpoint.
			set.commits(2);
			const bool acknowledged = half == Slot::one && block < 2;
			// Unreadable, and well again when it is written.
			for (uint32_t member = 0; member < GetParam(); member++) {
				const UnitNumber unit = set.layout().log(Copy::a, half) + block;

				for (UnitNumber copy : {unit, set.in_copy_b(unit)})
					set.disk(member).fail(set.sector(copy, member), 8, host::Fault::until_written());
			}
			ASSERT_EQ(set.load(), acknowledged ? -EUCLEAN : 0) << what << ": " << set.reason;
			if (acknowledged)
				continue;
			ASSERT_EQ(set.loaded, set.map) << what;
			EXPECT_TRUE(set.report.needs_checkpoint) << what;
			ASSERT_EQ(set.checkpoint(set.map), 0);
			expect_life_goes_on(set, what);
		}
	}
}

// A whole unit of later than its place allows is no accident: refused at once, and not when the log has gone on.
TEST(MetadataLogEnd, LaterGenerationBesideAGoodCopyIsRefused)
{
	Set set;

	set.format();
	set.commits(2);
	const UnitNumber block = set.layout().log(Copy::a, Slot::one);
	format::Unit unit = set.read_unit(block);
	const format::Header said = metadata::header_of(unit);

	metadata::seal(unit, {said.set, said.member, format::Kind::log, Copy::a, block},
		       {Generation(1000), Generation(said.checkpoint)});
	set.write_unit(block, unit);
	EXPECT_EQ(set.load(), -EUCLEAN);
	EXPECT_NE(std::string(set.reason).find("is of generation 1000"), std::string::npos) << set.reason;
}

INSTANTIATE_TEST_SUITE_P(OneAndTwo, MetadataLogEnd, testing::Values(1, 2));

} // namespace
} // namespace dm_remap::metadata_test
