// SPDX-License-Identifier: GPL-2.0
// A job that moves blocks by hand, as it is told.
#ifndef DMREMAP_JOB_TEXT_HH
#define DMREMAP_JOB_TEXT_HH

#include "json_writer.hh"
#include "live_status.hh"
#include "sector_range.hh"

namespace dm_remap::tool {

// "sectors 8 to 15", or "sector 8".
std::string range_text(const SectorRange &range);
// "remap of sectors 8 to 15"; kind: as the message is called. No range: all that is pending, or guarded. Of what is guarded the range
// goes from the first to the last of it.
std::string job_name(std::string_view kind, const std::optional<SectorRange> &range);
std::string job_name(const LiveJob &job);
// "8 sectors moved, 1 unreadable"
std::string job_numbers(const LiveJob &job);
// One line, for `status`.
std::string job_text(const LiveJob &job);
// No value: null.
void write_job(JsonWriter &out, const std::optional<LiveJob> &job);

} // namespace dm_remap::tool

#endif
