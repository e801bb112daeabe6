// SPDX-License-Identifier: GPL-2.0
// The pictures of a report: SVG within the page, with all that they show in words for those who do not see them.
#ifndef DMREMAP_REPORT_PICTURES_HH
#define DMREMAP_REPORT_PICTURES_HH

#include "health/history.hh"
#include "live_status.hh"
#include "main_cells.hh"
#include "report/html.hh"

#include <optional>

namespace dm_remap::tool {

// Main, cell by cell, with what the colours mean. scrub: how far the patrol is; none: older modules.
void draw_map(Html &out, const MainCells &main, const std::optional<LiveScrub> &scrub);

// A bar for each hour or day until `now` (seconds since 1970), `count` of them, each of `span` seconds.
struct Bars {
	const char *title;
	uint64_t Counts::*what;
	uint64_t span;
	size_t count;
};
void draw_bars(Html &out, const Bars &bars, const Series &series, uint64_t now);

} // namespace dm_remap::tool

#endif
