// SPDX-License-Identifier: GPL-2.0
// What on this machine would go past the mapped device and use main itself, and what to write instead.
#ifndef DMREMAP_MACHINE_ADVICE_HH
#define DMREMAP_MACHINE_ADVICE_HH

#include <string>
#include <vector>

namespace dm_remap::tool {

struct Advice {
	std::string id, text;	// id: fstab, crypttab, lvm, md
};

// main, and the device that serves it: paths. Reads signatures, and files in /etc.
std::vector<Advice> advice_for(const std::string &main, const std::string &device);

} // namespace dm_remap::tool

#endif
