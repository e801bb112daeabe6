// SPDX-License-Identifier: GPL-2.0
// Where sectors of a device are found again on one that is built upon it.
#ifndef DMREMAP_FILES_PASSAGE_HH
#define DMREMAP_FILES_PASSAGE_HH

#include "dm.hh"
#include "files/range.hh"

namespace dm_remap::tool {

// The same sectors on both.
struct Passage {
	uint64_t below = 0, above = 0, sectors = 0;
};

struct Passages {
	std::vector<Passage> parts;	// in the table's order
	std::string opaque;		// a target that uses the lower device in a way of its own: what it put where nobody can tell; empty: none
};

// table: of the upper device. lower: MAJOR:MINOR of the one below, of which this range is looked for. Segments of targets linear and crypt
// are followed, as both keep each sector as one. A segment that uses other devices alone is none of its business.
Passages through(const dm::Table &table, const std::string &lower, const Range &range);

} // namespace dm_remap::tool

#endif
