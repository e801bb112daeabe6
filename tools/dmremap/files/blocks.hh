// SPDX-License-Identifier: GPL-2.0
// Blocks of a device, each with all that is known of it.
#ifndef DMREMAP_FILES_BLOCKS_HH
#define DMREMAP_FILES_BLOCKS_HH

#include "answer.hh"
#include "files/place.hh"

#include <memory>

namespace dm_remap::tool {

struct BadRange {
	Range sectors;		// of the device
	std::string cause;	// pending, lost, in_doubt, spare_missing; asked
};

struct Block {
	Range sectors;		// of the device
	std::string cause;
	std::shared_ptr<const Place> place;
	Found found;		// its sectors are those of the place
};

// In the order of the device. What cannot be known is a block of kind unknown, or a warning "incomplete" if it is more than these blocks.
// bad: in order, none overlaps another. Throws Failure.
std::vector<Block> blocks_on(const dm::Device &device, const std::vector<BadRange> &bad, Answer &answer);

// Where a path of a filesystem is now; no value: it is not mounted, or that part of it is not.
std::optional<std::string> mounted_path(const Place &place, const std::string &path);

} // namespace dm_remap::tool

#endif
