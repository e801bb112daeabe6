// SPDX-License-Identifier: GPL-2.0
// A guard on main, as it is told.
#ifndef DMREMAP_GUARD_TEXT_HH
#define DMREMAP_GUARD_TEXT_HH

#include "json_writer.hh"
#include "live_status.hh"

#include <optional>
#include <string>

namespace dm_remap::tool {

// One line, for `status`: "complete, 66 sectors".
std::string guard_text(const LiveGuard &guard);
// No value: null.
void write_guard(JsonWriter &out, const std::optional<LiveGuard> &guard);

} // namespace dm_remap::tool

#endif
