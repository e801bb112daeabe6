// SPDX-License-Identifier: GPL-2.0
// What of a device cannot be read now.
#ifndef DMREMAP_FILES_UNREADABLE_HH
#define DMREMAP_FILES_UNREADABLE_HH

#include "files/blocks.hh"
#include "running.hh"

#include <functional>

namespace dm_remap::tool {

// By its map, in order; what no table reaches any more is left out. It is a warning if the map changed meanwhile. f: is called with each extent on the way,
// for whoever wants to know of all at the same moment.
std::vector<BadRange> unreadable_on(Answer &answer, const Running &device, const std::function<void(const LiveExtent &)> &f = [](const LiveExtent &) {});

} // namespace dm_remap::tool

#endif
