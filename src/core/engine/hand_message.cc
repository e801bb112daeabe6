// SPDX-License-Identifier: GPL-2.0
// The words of the messages that move blocks by hand.
#include "core/engine/words.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

namespace {

bool parse_range(unsigned int argc, char **argv, dmr_hand_message &out, const Words &words)
{
	static constexpr const char *names[2] = {"sector", "count"};

	if (argc < 2)
		return words.fail("message", argv[0], TableFault::hand_sector_missing);
	if (argc > 3)
		return words.fail("word", argv[3], TableFault::hand_too_many);
	if (!words.range(names, argv[1], argc > 2 ? argv[2] : "1", true, out.sector, out.count))
		return false;
	return out.count > 0 || words.fail(names[1], argv[2], TableFault::hand_no_count);
}

struct HandMessage final {
	const char *name;
	dmr_hand_kind kind;
	bool of_range;
};

constexpr HandMessage hand_messages[] = {
	{"remap", DMR_HAND_REMAP, true},
	{"unremap", DMR_HAND_UNREMAP, true},
	{"retry_pending", DMR_HAND_RETRY, false},
	{"stop_job", DMR_HAND_STOP, false},
};

} // namespace

} // namespace dm_remap

int dmr_hand_message_parse(unsigned int argc, char **argv, struct dmr_hand_message *out, char *reason)
{
	using namespace dm_remap;
	const Words words(reason);

	const HandMessage *message = find_message(hand_messages, argc, argv);

	if (!message)
		return 0;
	*out = {message->kind, 0, 0};
	if (message->of_range)
		return parse_range(argc, argv, *out, words) ? 1 : -EINVAL;
	if (argc == 1)
		return 1;
	words.fail("word", argv[1], TableFault::hand_no_words);
	return -EINVAL;
}
