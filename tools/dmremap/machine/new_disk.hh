// SPDX-License-Identifier: GPL-2.0
// The disk that takes a device's place: what is looked at before anything is written to it.
#ifndef DMREMAP_MACHINE_NEW_DISK_HH
#define DMREMAP_MACHINE_NEW_DISK_HH

#include "answer.hh"
#include "running.hh"

#include <string>

namespace dm_remap::tool {

struct NewDisk {
	std::string path;	// as it was named
	std::string number;	// MAJOR:MINOR
	std::string identity;	// what tells it from others; empty: nothing does
	uint64_t sectors = 0;
	std::string content;	// what it holds, in words; empty: nothing that is known
};

// Throws Failure: it is no block device, used, too small, part of the set or on main's disk, a spare of another set, or its blocks are
// larger than the device's. Warns if it is on a spare's disk.
NewDisk look_at_new_disk(const std::string &path, const Running &device, Answer &answer);

} // namespace dm_remap::tool

#endif
