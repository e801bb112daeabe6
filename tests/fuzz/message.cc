// SPDX-License-Identifier: GPL-2.0
// Messages about spares: what is accepted lies within its limits, and said again it is the same.
#include "argv.hh"

#include <dm_remap/engine.h>

#include <cerrno>

namespace {

using namespace dm_remap::fuzz;

constexpr uint64_t max_sectors = (uint64_t(1) << 54) - 1;

bool is_spare_message(Argv &argv)
{
	return argv.count() &&
	       (!std::strcmp(argv.words()[0], "add_spare") || !std::strcmp(argv.words()[0], "remove_spare"));
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
	std::string text = std::string(message.add ? "add_spare " : "remove_spare ") + message.path;

	if (message.sectors)
		text += " " + std::to_string(message.start) + " " + std::to_string(message.sectors);
	return text + (message.cancel ? " cancel" : "");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Argv argv(std::string(reinterpret_cast<const char *>(data), size));
	dmr_spare_message message;
	const int result = parse(argv, message);

	DMR_CHECK(is_spare_message(argv) == (result != 0));
	if (result <= 0)
		return 0;
	DMR_CHECK(message.path && argv.owns(message.path));
	DMR_CHECK(std::strcmp(message.path, "") && std::strcmp(message.path, "-"));
	DMR_CHECK(message.add == !std::strcmp(argv.words()[0], "add_spare"));
	DMR_CHECK(!(message.add && message.cancel));
	DMR_CHECK(message.start <= max_sectors && message.sectors <= max_sectors - message.start);
	DMR_CHECK(message.sectors || !message.start);
	DMR_CHECK(message.add || !message.sectors);

	Argv printed(print(message) + "\n");
	dmr_spare_message again;
	DMR_CHECK(parse(printed, again) == 1);
	DMR_CHECK(!std::strcmp(message.path, again.path));
	DMR_CHECK(message.start == again.start && message.sectors == again.sectors);
	DMR_CHECK(message.add == again.add && message.cancel == again.cancel);
	return 0;
}
