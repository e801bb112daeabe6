// SPDX-License-Identifier: GPL-2.0
// From a list to what of main is to be moved.
#ifndef DMREMAP_LISTS_PLAN_HH
#define DMREMAP_LISTS_PLAN_HH

#include "files/range.hh"
#include "lists/block_list.hh"
#include "sector_range.hh"

#include <string>

namespace dm_remap::tool {

// What the numbers of a list count on: main, or the disk that it is a part of. In sectors.
struct ListedDevice {
	std::string path;
	uint64_t sectors = 0;
	SectorRange main;	// of it, as far as it is served
	uint32_t name_space = 0;	// of an NVMe drive; 0: it is none
};

struct ImportPlan {
	RangeSet ranges;	// of main, in whole blocks of main, in order, and none touches another
	uint64_t sectors = 0;	// in all of them
	uint64_t elsewhere = 0;	// runs that lie on the disk, and outside of main
	uint64_t cut_off = 0;	// runs whose numbers may lack their upper part, as the disk has more blocks
	uint64_t other_space = 0;	// runs of other namespaces
};

// unit: bytes of the list's blocks. block_bytes: of main's. Throws Failure "list" if something is beyond the device, whatever else there
// is; advice: what may have gone wrong then.
ImportPlan plan_import(const BlockList &list, uint64_t unit, uint32_t block_bytes, const ListedDevice &device, const std::string &advice);

} // namespace dm_remap::tool

#endif
