// SPDX-License-Identifier: GPL-2.0
// The words of scrub.
#include "core/engine/table_faults.hh"
#include "message_words.hh"

namespace dm_remap {
namespace {

auto parse(std::vector<std::string> words)
{
	return parse_words(dmr_scrub_message_parse, std::move(words));
}

TEST(ScrubMessage, Accepted)
{
	const std::pair<const char *, dmr_scrub_kind> words[] = {
		{"start", DMR_SCRUB_START},   {"stop", DMR_SCRUB_STOP},	  {"pause", DMR_SCRUB_PAUSE},
		{"resume", DMR_SCRUB_RESUME}, {"status", DMR_SCRUB_STATUS},
	};

	for (const auto &[word, kind] : words) {
		const auto p = parse({"scrub", word});

		EXPECT_EQ(p.result, 1);
		EXPECT_EQ(p.message.kind, kind);
		EXPECT_EQ(p.message.rate, 0u);
	}
	EXPECT_EQ(parse({"scrub", "rate", "0"}).result, 1);
	const auto p = parse({"scrub", "rate", "4294967295"});

	EXPECT_EQ(p.result, 1);
	EXPECT_EQ(p.message.kind, DMR_SCRUB_RATE);
	EXPECT_EQ(p.message.rate, 4294967295u);
	for (const auto &other : {std::vector<std::string>{}, {"status"}, {"scrubs", "start"}, {""}})
		EXPECT_EQ(parse(other).result, 0);
}

const RefusedWords refused[] = {
	{{"scrub"}, "message 'scrub': incomplete; the message is scrub start|stop|pause|resume|status, or scrub rate <sectors per second>"},
	{{"scrub", "now"}, "word 'now': unknown; the message is scrub start|stop|pause|resume|status, or scrub rate <sectors per second>"},
	{{"scrub", "start", "0"}, "word '0': one word too many; only 'scrub rate' takes another one"},
	{{"scrub", "rate"}, "word 'rate': has no value; give 512-byte sectors per second after it, 0 for no limit"},
	{{"scrub", "rate", "4294967296"}, "rate '4294967296': not a rate; give 512-byte sectors per second, at most 4294967295, 0 for no limit"},
	{{"scrub", "rate", "10M"}, "rate '10M': not a rate; give 512-byte sectors per second, at most 4294967295, 0 for no limit"},
	{{"scrub", "rate", "1", "2"}, "word '2': one word too many; only 'scrub rate' takes another one"},
};

TEST(ScrubMessage, RefusesWithTheReason)
{
	expect_refused(parse, refused);
}

} // namespace
} // namespace dm_remap
