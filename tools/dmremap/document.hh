// SPDX-License-Identifier: GPL-2.0
// A dump, read back. Nothing in it is believed: each field is held against the format's limits and against what was said before, by
// the product's own code, and a refusal names its place as a JSON path.
#ifndef DMREMAP_DOCUMENT_HH
#define DMREMAP_DOCUMENT_HH

#include "map_state.hh"

#include <cstdio>
#include <memory>

namespace dm_remap::tool {

struct Document {
	dmr_setup setup = {};		// whole; own_index is of no meaning
	uint64_t generation = 0;
	std::unique_ptr<MapState> map;	// takes as much memory as the map itself, however long the document is
};

// Throws Failure "document".
std::unique_ptr<Document> read_document(std::FILE *file);

} // namespace dm_remap::tool

#endif
