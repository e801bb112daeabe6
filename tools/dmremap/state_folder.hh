// SPDX-License-Identifier: GPL-2.0
#ifndef DMREMAP_STATE_FOLDER_HH
#define DMREMAP_STATE_FOLDER_HH

#include <cstdlib>
#include <string>

namespace dm_remap::tool {

// Where the tool keeps what is to outlast a reboot, and is about this machine's view of a set.
inline std::string state_folder()
{
	const char *given = std::getenv("DM_REMAP_STATE");

	return given ? given : "/var/lib/dm-remap";
}

} // namespace dm_remap::tool

#endif
