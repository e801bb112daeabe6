// SPDX-License-Identifier: GPL-2.0
// The words of the messages that put guard blocks on main, and take them off.
#include "core/engine/words.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

namespace {

bool parse_ranges(unsigned int argc, char **argv, dmr_guard_message &out, const Words &words)
{
	static constexpr const char *names[2] = {"sector", "count"};

	if (argc < 2)
		return words.fail("message", argv[0], TableFault::guard_sector_missing);
	for (unsigned int i = 1; i < argc; i += 2) {
		if (out.count == DMR_GUARD_RANGES)
			return words.fail("sector", argv[i], TableFault::guard_too_many);
		if (i + 1 == argc)
			return words.fail("count", "", TableFault::guard_count_missing);
		auto &range = out.ranges[out.count++];

		if (!words.range(names, argv[i], argv[i + 1], true, range.sector, range.count))
			return false;
		if (range.count == 0)
			return words.fail("count", argv[i + 1], TableFault::hand_no_count);
	}
	return true;
}

} // namespace

} // namespace dm_remap

int dmr_guard_message_parse(unsigned int argc, char **argv, struct dmr_guard_message *out, char *reason)
{
	using namespace dm_remap;
	const Words words(reason);

	const bool off = argc > 0 && same_text(argv[0], "unguard");

	if (!off && (!argc || !same_text(argv[0], "guard")))
		return 0;
	out->off = off;
	out->count = 0;
	if (off ? argc == 1 : parse_ranges(argc, argv, *out, words))
		return 1;
	if (off)
		words.fail("word", argv[1], TableFault::hand_no_words);
	return -EINVAL;
}
