// SPDX-License-Identifier: GPL-2.0
// Where a block device is mounted, as this process sees it.
#ifndef DMREMAP_MACHINE_MOUNTS_HH
#define DMREMAP_MACHINE_MOUNTS_HH

#include <string>
#include <vector>

namespace dm_remap::tool {

struct Mount {
	std::string type;	// ext4
	std::string target;	// the folder
	std::string root;	// what of the filesystem is seen there: "/", or a folder or subvolume in it
};

// By MAJOR:MINOR, in the order in which they were mounted. Of a btrfs on several devices: whichever of them this is.
std::vector<Mount> mounts_of(const std::string &number);
bool used_as_swap(const std::string &number);

} // namespace dm_remap::tool

#endif
