// SPDX-License-Identifier: GPL-2.0
// When something last happened to a set that runs: the kernel tells of events as they come, and remembers none.
#ifndef DMREMAP_BOOT_LAST_EVENT_HH
#define DMREMAP_BOOT_LAST_EVENT_HH

#include <cstdint>
#include <optional>
#include <string>

namespace dm_remap::tool {

struct LastEvent {
	uint64_t time = 0;	// seconds since 1970
	std::string name;	// as DM_REMAP_EVENT has it: docs/reference.md
};

// It has happened now. By the set's UUID. Throws std::system_error.
void note_event(const std::string &set, const std::string &name);
// No value: none was since the machine has started, or udev has not told of it.
std::optional<LastEvent> last_event(const std::string &set);

} // namespace dm_remap::tool

#endif
