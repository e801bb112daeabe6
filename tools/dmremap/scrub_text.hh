// SPDX-License-Identifier: GPL-2.0
// A scrub, as it is told.
#ifndef DMREMAP_SCRUB_TEXT_HH
#define DMREMAP_SCRUB_TEXT_HH

#include "json_writer.hh"
#include "live_status.hh"

namespace dm_remap::tool {

// "8 sectors rescued, 16 cannot be read", or "nothing was amiss".
std::string scrub_numbers(const LiveScrub &scrub);
// One line, for `status`.
std::string scrub_text(const LiveScrub &scrub);
// No value: null.
void write_scrub(JsonWriter &out, const std::optional<LiveScrub> &scrub);

} // namespace dm_remap::tool

#endif
