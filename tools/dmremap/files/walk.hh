// SPDX-License-Identifier: GPL-2.0
// All names of a filesystem, from its root folder.
#ifndef DMREMAP_FILES_WALK_HH
#define DMREMAP_FILES_WALK_HH

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dm_remap::tool {

struct WalkedName {
	int folder;		// its descriptor
	const std::string &name;	// in it
	const std::string &path;	// from the root
	uint64_t inode;
	unsigned char type;	// DT_DIR, DT_REG, …
};

// Calls f for each name but "." and ".."; folders before what is in them; the root itself not. gaps: folders that cannot be read.
void walk(int root, const std::function<void(const WalkedName &)> &f, std::vector<std::string> &gaps);

} // namespace dm_remap::tool

#endif
