// SPDX-License-Identifier: GPL-2.0
// What is built upon a device, down to who has its sectors: partitions, logical volumes, encrypted containers, filesystems.
#ifndef DMREMAP_FILES_PLACE_HH
#define DMREMAP_FILES_PLACE_HH

#include "dm.hh"
#include "files/found.hh"

#include <algorithm>

namespace dm_remap::tool {

// Sectors of the lowest device, and where they are found again.
struct Part {
	uint64_t bottom = 0, here = 0, sectors = 0;
};

// What parts have of a range of the device here. They are in its order, and none overlaps another.
template <typename F>
void each_part(const std::vector<Part> &parts, const Range &here, F f)
{
	auto at = std::upper_bound(parts.begin(), parts.end(), here.start, [](uint64_t sector, const Part &part) { return sector < part.here + part.sectors; });

	for (; at != parts.end() && at->here < here.end(); ++at)
		if (const Range found = common({at->here, at->sectors}, here); found.count)
			f(Part{at->bottom + (found.start - at->here), found.start, found.count});
}

// A device of the stack, and those of its parts that no other device is built upon.
struct Place {
	std::vector<std::string> layers;	// names of the devices from the lowest to this one
	std::string number, path;
	std::vector<Part> parts;
	std::optional<Found> all;	// what all of them are; no value: a filesystem has to be asked
	std::string type;		// of the filesystem; or of whatever else is there, as libblkid calls it; empty: nobody knows
	std::vector<Mount> mounts;
};

// Of these sectors of the device each is in one place, and in several if several devices above show it. Reads signatures, no filesystem.
// Throws Failure.
std::vector<Place> places_of(const dm::Device &device, const RangeSet &wanted);

} // namespace dm_remap::tool

#endif
