// SPDX-License-Identifier: GPL-2.0
// The words of remap, unremap, retry_pending and stop_job.
#include "core/engine/table_faults.hh"
#include "message_words.hh"

namespace dm_remap {
namespace {

auto parse(std::vector<std::string> words)
{
	return parse_words(dmr_hand_message_parse, std::move(words));
}

TEST(HandMessage, Accepted)
{
	auto p = parse({"remap", "1000"});

	EXPECT_EQ(p.result, 1);
	EXPECT_EQ(p.message.kind, DMR_HAND_REMAP);
	EXPECT_EQ(p.message.sector, 1000u);
	EXPECT_EQ(p.message.count, 1u);
	p = parse({"unremap", "0", "18014398509481983"});
	EXPECT_EQ(p.result, 1);
	EXPECT_EQ(p.message.kind, DMR_HAND_UNREMAP);
	EXPECT_EQ(p.message.count, 18014398509481983u);
	EXPECT_EQ(parse({"retry_pending"}).message.kind, DMR_HAND_RETRY);
	EXPECT_EQ(parse({"stop_job"}).message.kind, DMR_HAND_STOP);
	for (const auto &other : {std::vector<std::string>{}, {"status"}, {"remap2"}, {""}})
		EXPECT_EQ(parse(other).result, 0);
}

const RefusedWords refused[] = {
	{{"remap"}, "message 'remap': names no sector; give the 512-byte sector of main, and how many, if not 1"},
	{{"unremap", "x"}, "sector 'x': not a number of 512-byte sectors; give decimal digits only"},
	{{"remap", "8", "0"}, "count '0': names no sector; give how many 512-byte sectors, at least 1"},
	{{"remap", "8", "8", "8"}, "word '8': one word too many; give a sector, and how many, if not 1"},
	{{"remap", "18014398509481983", "1"},
	 "count '1': too large; with its start it goes beyond 18014398509481983 sectors, more than any device has"},
	{{"retry_pending", "now"}, "word 'now': one word too many; this message takes none"},
};

TEST(HandMessage, RefusesWithTheReason)
{
	expect_refused(parse, refused);
}

} // namespace
} // namespace dm_remap
