// SPDX-License-Identifier: GPL-2.0
// Work that may hang in the kernel, where no signal reaches it: it is done by a process of its own.
#ifndef DMREMAP_OS_DEADLINE_HH
#define DMREMAP_OS_DEADLINE_HH

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace dm_remap::tool {

// What the work returns; no value: it was not done in time, and is killed, or goes on in vain until it can be. It must not throw, and what it
// writes to stdout and stderr is lost. Throws std::system_error: there is no process for it.
std::optional<std::string> within(std::chrono::seconds time, const std::function<std::string()> &work);

} // namespace dm_remap::tool

#endif
