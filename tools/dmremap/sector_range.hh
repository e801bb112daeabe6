// SPDX-License-Identifier: GPL-2.0
// A run of sectors of 512 bytes.
#ifndef DMREMAP_SECTOR_RANGE_HH
#define DMREMAP_SECTOR_RANGE_HH

#include <cstdint>

namespace dm_remap::tool {

struct SectorRange {
	uint64_t start = 0, sectors = 0;

	uint64_t end() const { return start + sectors; }
	bool operator==(const SectorRange &) const = default;
};

} // namespace dm_remap::tool

#endif
