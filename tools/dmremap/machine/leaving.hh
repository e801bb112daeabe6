// SPDX-License-Identifier: GPL-2.0
// How a machine goes on when a disk takes the place of a mapped device, which will not be there any more.
#ifndef DMREMAP_MACHINE_LEAVING_HH
#define DMREMAP_MACHINE_LEAVING_HH

#include <string>
#include <vector>

namespace dm_remap::tool {

struct Step {
	std::string id, text;
};

// What in /etc/fstab and /etc/crypttab names the device by a path, and what to write instead: paths. A line with UUID= goes on to mean
// what it means.
std::vector<Step> lines_to_change(const std::string &device, const std::string &disk);

} // namespace dm_remap::tool

#endif
