// SPDX-License-Identifier: GPL-2.0
// The messages that add and remove a spare. Looks at nothing but their words, as table.cc does.
#include "core/engine/words.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

namespace {

bool parse_add(unsigned int argc, char **argv, dmr_spare_message &out, const Words &words)
{
	static constexpr const char *names[2] = {"start", "sectors"};

	if (argc < 2)
		return words.fail("message", argv[0], TableFault::add_device_missing);
	if (!words.device("spare", argv[1], TableFault::no_device))
		return false;
	out.path = argv[1];
	if (argc == 2)
		return true;
	if (argc == 3)
		return words.fail("sectors", "", TableFault::add_sectors_missing);
	if (argc > 4)
		return words.fail("word", argv[4], TableFault::add_too_many);
	return words.range(names, argv[2], argv[3], false, out.start, out.sectors);
}

bool parse_remove(unsigned int argc, char **argv, dmr_spare_message &out, const Words &words)
{
	if (argc < 2)
		return words.fail("message", argv[0], TableFault::remove_device_missing);
	if (!words.device("spare", argv[1], TableFault::no_device))
		return false;
	out.path = argv[1];
	if (argc == 2)
		return true;
	if (!same_text(argv[2], "cancel"))
		return words.fail("word", argv[2], TableFault::remove_unknown);
	if (argc > 3)
		return words.fail("word", argv[3], TableFault::remove_too_many);
	out.cancel = true;
	return true;
}

} // namespace

} // namespace dm_remap

int dmr_spare_message_parse(unsigned int argc, char **argv, struct dmr_spare_message *out, char *reason)
{
	using namespace dm_remap;
	const Words words(reason);
	const bool add = argc && same_text(argv[0], "add_spare");

	__builtin_memset(out, 0, sizeof(*out));
	if (!add && !(argc && same_text(argv[0], "remove_spare")))
		return 0;
	out->add = add;
	return (add ? parse_add : parse_remove)(argc, argv, *out, words) ? 1 : -EINVAL;
}
