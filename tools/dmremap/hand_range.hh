// SPDX-License-Identifier: GPL-2.0
// Which sectors of main somebody means who names them by hand.
#ifndef DMREMAP_HAND_RANGE_HH
#define DMREMAP_HAND_RANGE_HH

#include "sector_range.hh"

#include <dm_remap/format.hh>

namespace dm_remap::tool {

// No disk has more sectors; no sum of two overflows.
inline constexpr uint64_t most_sectors = format::max_sectors - 1;

// Of a device with so many. Throws Failure: there are no such sectors.
SectorRange hand_range(SectorRange named, uint64_t device_sectors);
// named counts from the start of the disk on which main lies there. Throws Failure: they are not all in it.
SectorRange from_start_of(const SectorRange &main, SectorRange named);

} // namespace dm_remap::tool

#endif
