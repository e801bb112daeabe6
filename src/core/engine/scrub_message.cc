// SPDX-License-Identifier: GPL-2.0
// The words of the message scrub.
#include "core/engine/words.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

namespace {

struct ScrubMessage final {
	const char *name;
	dmr_scrub_kind kind;
};

constexpr ScrubMessage scrub_messages[] = {
	{"start", DMR_SCRUB_START},	{"stop", DMR_SCRUB_STOP},     {"pause", DMR_SCRUB_PAUSE},
	{"resume", DMR_SCRUB_RESUME},	{"status", DMR_SCRUB_STATUS}, {"rate", DMR_SCRUB_RATE},
};

bool parse_scrub(unsigned int argc, char **argv, dmr_scrub_message &out, const Words &words)
{
	static constexpr NumberWord rate = {0, UINT32_MAX, TableFault::scrub_not_rate, TableFault::scrub_not_rate};
	uint64_t value = 0;

	if (argc < 2)
		return words.fail("message", argv[0], TableFault::scrub_word_missing);
	const ScrubMessage *message = find_message(scrub_messages, argc - 1, argv + 1);

	if (!message)
		return words.fail("word", argv[1], TableFault::scrub_unknown);
	out.kind = message->kind;
	const unsigned int most = out.kind == DMR_SCRUB_RATE ? 3 : 2;

	if (argc > most)
		return words.fail("word", argv[most], TableFault::scrub_too_many);
	if (out.kind != DMR_SCRUB_RATE)
		return true;
	if (argc < most)
		return words.fail("word", argv[1], TableFault::scrub_rate_missing);
	if (!words.number("rate", argv[2], rate, value))
		return false;
	out.rate = static_cast<uint32_t>(value);
	return true;
}

} // namespace

} // namespace dm_remap

int dmr_scrub_message_parse(unsigned int argc, char **argv, struct dmr_scrub_message *out, char *reason)
{
	using namespace dm_remap;
	const Words words(reason);

	*out = {};
	if (argc == 0 || !same_text(argv[0], "scrub"))
		return 0;
	return parse_scrub(argc, argv, *out, words) ? 1 : -EINVAL;
}
