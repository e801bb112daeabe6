// SPDX-License-Identifier: GPL-2.0
// By which blocks the world knows what is on a device: superblocks with their copies, partition tables, labels, headers.
#ifndef DMREMAP_MACHINE_GUARD_PLACES_HH
#define DMREMAP_MACHINE_GUARD_PLACES_HH

#include "files/range.hh"
#include "machine/signature.hh"

#include <string>
#include <vector>

namespace dm_remap::tool {

struct GuardPlace {
	Range sectors;
	std::string what;	// "ext4", "ext4, copy"

	bool operator==(const GuardPlace &) const = default;
};

struct GuardPlaces {
	std::vector<GuardPlace> all;	// in the order of the device, each once; they may overlap
	std::vector<DiskSignature> found; // whose they are
	std::vector<std::string> gaps;	// what could not be looked at; sentences

	RangeSet ranges() const;
};

// Of a block device, or an image of one: what libblkid finds, and where what it finds keeps copies of it. Nothing is written. Throws
// std::system_error if it cannot be opened.
GuardPlaces places_to_guard(const std::string &path);

} // namespace dm_remap::tool

#endif
