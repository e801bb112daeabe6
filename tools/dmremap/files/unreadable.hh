// SPDX-License-Identifier: GPL-2.0
// What of a device cannot be read now.
#ifndef DMREMAP_FILES_UNREADABLE_HH
#define DMREMAP_FILES_UNREADABLE_HH

#include "files/blocks.hh"
#include "running.hh"

namespace dm_remap::tool {

// By its map, in order; what no table reaches any more is left out. It is a warning if the map changed meanwhile.
std::vector<BadRange> unreadable_on(Answer &answer, const Running &device);

} // namespace dm_remap::tool

#endif
