// SPDX-License-Identifier: GPL-2.0
// /etc/dm-remap/events.d: the programs that are told.
#ifndef DMREMAP_MONITOR_PROGRAMS_HH
#define DMREMAP_MONITOR_PROGRAMS_HH

#include <string>
#include <vector>

namespace dm_remap::tool {

struct Programs {
	struct Skipped {
		std::string path, why;

		bool operator==(const Skipped &) const = default;
	};

	std::vector<std::string> paths;	// to be run, in order
	std::vector<Skipped> skipped;
};

// In the order of their names, which are of letters, digits, '_' and '-', as run-parts wants them; others are nobody's business: "x.dpkg-old"
// and "README.txt" lie there unseen. What could be run is skipped unless it is a file, executable, and nobody but root (or the user who runs
// this) can have written it; the same goes for the folder. Without a folder there is none.
Programs programs_in(const std::string &folder);

} // namespace dm_remap::tool

#endif
