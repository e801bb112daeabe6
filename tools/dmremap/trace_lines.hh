// SPDX-License-Identifier: GPL-2.0
// Which sectors were written, out of the kernel's trace as text.
#ifndef DMREMAP_TRACE_LINES_HH
#define DMREMAP_TRACE_LINES_HH

#include "sector_range.hh"

#include <optional>
#include <string_view>
#include <vector>

namespace dm_remap::tool {

// The writes that lines of the events block_bio_queue and block_bio_remap tell of. No value: the trace says that some of it is lost, or
// a line is not understood, so nobody knows what else was written. A task's name stands in the lines, and may be anything: it is no more
// than 15 bytes, too few to look like the name of an event.
std::optional<std::vector<SectorRange>> parse_trace(std::string_view text);

} // namespace dm_remap::tool

#endif
