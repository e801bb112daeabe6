// SPDX-License-Identifier: GPL-2.0
// Messages about spares, the one that lists extents, and those that move blocks by hand: what is accepted lies within its limits, and said again it is the same.
#include "argv.hh"

#include <dm_remap/engine.h>

#include <cerrno>

namespace {

using namespace dm_remap::fuzz;

constexpr uint64_t max_sectors = (uint64_t(1) << 54) - 1;

bool is_spare_message(Argv &argv)
{
	for (const char *name : {"add_spare", "remove_spare", "forget_spare"})
		if (argv.count() && !std::strcmp(argv.words()[0], name))
			return true;
	return false;
}

int parse(Argv &argv, dmr_spare_message &message)
{
	Reason reason;

	std::memset(&message, 0xee, sizeof(message));
	const int result = dmr_spare_message_parse(argv.count(), argv.words(), &message, reason.buffer());
	DMR_CHECK(result == 0 || result == 1 || result == -EINVAL);
	reason.check(result < 0);
	DMR_CHECK(argv.unchanged());
	return result;
}

std::string print(const dmr_spare_message &message)
{
	if (message.change == DMR_SPARE_FORGET)
		return "forget_spare " + std::to_string(message.number) + (message.force ? " force" : "");
	std::string text = std::string(message.change == DMR_SPARE_ADD ? "add_spare " : "remove_spare ") + message.path;

	if (message.sectors)
		text += " " + std::to_string(message.start) + " " + std::to_string(message.sectors);
	return text + (message.change == DMR_SPARE_CANCEL ? " cancel" : message.force ? " force" : "");
}

void check_list(Argv &argv)
{
	const bool list = argv.count() && !std::strcmp(argv.words()[0], "list");
	dmr_list_message message, again;
	Reason reason;
	const int result = dmr_list_message_parse(argv.count(), argv.words(), &message, reason.buffer());

	DMR_CHECK(list ? result == 1 || result == -EINVAL : result == 0);
	reason.check(result < 0);
	DMR_CHECK(argv.unchanged());
	if (result <= 0)
		return;
	DMR_CHECK(argv.count() <= 3);
	DMR_CHECK(message.from <= max_sectors && message.count >= 1 && message.count <= 65536);
	Argv printed("list " + std::to_string(message.from) + " " + std::to_string(message.count) + "\n");

	DMR_CHECK(dmr_list_message_parse(printed.count(), printed.words(), &again, reason.buffer()) == 1);
	DMR_CHECK(message.from == again.from && message.count == again.count);
}

void check_hand(Argv &argv)
{
	const char *const word = argv.count() ? argv.words()[0] : "";
	const bool range = !std::strcmp(word, "remap") || !std::strcmp(word, "unremap");
	const bool hand = range || !std::strcmp(word, "retry_pending") || !std::strcmp(word, "stop_job");
	dmr_hand_message message, again;
	Reason reason;
	const int result = dmr_hand_message_parse(argv.count(), argv.words(), &message, reason.buffer());

	DMR_CHECK(hand ? result == 1 || result == -EINVAL : result == 0);
	reason.check(result < 0);
	DMR_CHECK(argv.unchanged());
	if (result <= 0)
		return;
	DMR_CHECK(range ? message.count >= 1 && message.count <= max_sectors - message.sector : !message.count && !message.sector);
	Argv printed(word + (range ? " " + std::to_string(message.sector) + " " + std::to_string(message.count) : std::string()) + "\n");

	DMR_CHECK(dmr_hand_message_parse(printed.count(), printed.words(), &again, reason.buffer()) == 1);
	DMR_CHECK(message.kind == again.kind && message.sector == again.sector && message.count == again.count);
}

void check_guard(Argv &argv)
{
	const char *const word = argv.count() ? argv.words()[0] : "";
	const bool guard = !std::strcmp(word, "guard"), off = !std::strcmp(word, "unguard");
	dmr_guard_message message, again;
	Reason reason;
	const int result = dmr_guard_message_parse(argv.count(), argv.words(), &message, reason.buffer());

	DMR_CHECK(guard || off ? result == 1 || result == -EINVAL : result == 0);
	reason.check(result < 0);
	DMR_CHECK(argv.unchanged());
	if (result <= 0)
		return;
	DMR_CHECK(off ? message.off && !message.count : message.count >= 1 && message.count <= DMR_GUARD_RANGES);
	std::string text = word;

	for (uint32_t i = 0; i < message.count; i++) {
		DMR_CHECK(message.ranges[i].count >= 1 && message.ranges[i].count <= max_sectors - message.ranges[i].sector);
		text += " " + std::to_string(message.ranges[i].sector) + " " + std::to_string(message.ranges[i].count);
	}
	Argv printed(text + "\n");

	DMR_CHECK(dmr_guard_message_parse(printed.count(), printed.words(), &again, reason.buffer()) == 1);
	DMR_CHECK(message.off == again.off && message.count == again.count);
	for (uint32_t i = 0; i < message.count; i++)
		DMR_CHECK(message.ranges[i].sector == again.ranges[i].sector && message.ranges[i].count == again.ranges[i].count);
}

void check_scrub(Argv &argv)
{
	static const char *const names[] = {"start", "stop", "pause", "resume", "status", "rate"};
	const bool scrub = argv.count() && !std::strcmp(argv.words()[0], "scrub");
	dmr_scrub_message message, again;
	Reason reason;
	const int result = dmr_scrub_message_parse(argv.count(), argv.words(), &message, reason.buffer());

	DMR_CHECK(scrub ? result == 1 || result == -EINVAL : result == 0);
	reason.check(result < 0);
	DMR_CHECK(argv.unchanged());
	if (result <= 0)
		return;
	DMR_CHECK(message.kind == DMR_SCRUB_RATE || message.rate == 0);
	Argv printed("scrub " + std::string(names[message.kind]) + (message.kind == DMR_SCRUB_RATE ? " " + std::to_string(message.rate) : "") + "\n");

	DMR_CHECK(dmr_scrub_message_parse(printed.count(), printed.words(), &again, reason.buffer()) == 1);
	DMR_CHECK(message.kind == again.kind && message.rate == again.rate);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Argv argv(std::string(reinterpret_cast<const char *>(data), size));
	dmr_spare_message message;
	const int result = parse(argv, message);

	check_list(argv);
	check_hand(argv);
	check_guard(argv);
	check_scrub(argv);
	DMR_CHECK(is_spare_message(argv) == (result != 0));
	if (result <= 0)
		return 0;
	const bool add = message.change == DMR_SPARE_ADD, forget = message.change == DMR_SPARE_FORGET;

	DMR_CHECK(forget == !message.path && (forget || argv.owns(message.path)));
	DMR_CHECK(forget || (std::strcmp(message.path, "") && std::strcmp(message.path, "-")));
	DMR_CHECK(add == !std::strcmp(argv.words()[0], "add_spare"));
	DMR_CHECK(forget == !std::strcmp(argv.words()[0], "forget_spare"));
	DMR_CHECK(message.start <= max_sectors && message.sectors <= max_sectors - message.start);
	DMR_CHECK(message.sectors || !message.start);
	DMR_CHECK(add || !message.sectors);
	DMR_CHECK(message.number < DMR_MAX_MEMBERS && (forget || !message.number));
	DMR_CHECK(!message.force || forget || message.change == DMR_SPARE_REMOVE);

	Argv printed(print(message) + "\n");
	dmr_spare_message again;
	DMR_CHECK(parse(printed, again) == 1);
	DMR_CHECK(forget || !std::strcmp(message.path, again.path));
	DMR_CHECK(message.start == again.start && message.sectors == again.sectors);
	DMR_CHECK(message.change == again.change && message.number == again.number && message.force == again.force);
	return 0;
}
