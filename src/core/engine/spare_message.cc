// SPDX-License-Identifier: GPL-2.0
// The messages that add and remove spares. Looks at nothing but their words, as table.cc does.
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
	out.force = same_text(argv[2], "force");
	if (!out.force && !same_text(argv[2], "cancel"))
		return words.fail("word", argv[2], TableFault::remove_unknown);
	if (argc > 3)
		return words.fail("word", argv[3], TableFault::remove_too_many);
	if (!out.force)
		out.change = DMR_SPARE_CANCEL;
	return true;
}

bool parse_forget(unsigned int argc, char **argv, dmr_spare_message &out, const Words &words)
{
	static constexpr NumberWord number = {0, DMR_MAX_MEMBERS - 1, TableFault::not_spare_number, TableFault::not_spare_number};
	uint64_t value = 0;

	if (argc < 2)
		return words.fail("message", argv[0], TableFault::forget_number_missing);
	if (!words.number("number", argv[1], number, value))
		return false;
	out.number = static_cast<uint32_t>(value);
	if (argc == 2)
		return true;
	if (!same_text(argv[2], "force"))
		return words.fail("word", argv[2], TableFault::forget_unknown);
	if (argc > 3)
		return words.fail("word", argv[3], TableFault::forget_too_many);
	out.force = true;
	return true;
}

struct SpareMessage final {
	const char *name;
	dmr_spare_change change;
	bool (*parse)(unsigned int argc, char **argv, dmr_spare_message &out, const Words &words);
};

constexpr SpareMessage spare_messages[] = {
	{"add_spare", DMR_SPARE_ADD, parse_add},
	{"remove_spare", DMR_SPARE_REMOVE, parse_remove},
	{"forget_spare", DMR_SPARE_FORGET, parse_forget},
};

} // namespace

} // namespace dm_remap

int dmr_spare_message_parse(unsigned int argc, char **argv, struct dmr_spare_message *out, char *reason)
{
	using namespace dm_remap;
	const Words words(reason);

	__builtin_memset(out, 0, sizeof(*out));
	const SpareMessage *message = find_message(spare_messages, argc, argv);

	if (!message)
		return 0;
	out->change = message->change;
	return message->parse(argc, argv, *out, words) ? 1 : -EINVAL;
}
