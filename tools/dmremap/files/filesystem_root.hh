// SPDX-License-Identifier: GPL-2.0
// The root folder of a filesystem, where nothing that is mounted above it hides anything, and whether or not it is mounted itself.
#ifndef DMREMAP_FILES_FILESYSTEM_ROOT_HH
#define DMREMAP_FILES_FILESYSTEM_ROOT_HH

#include "files/found.hh"
#include "os/fd.hh"

namespace dm_remap::tool {

// One way to have a filesystem mounted that changes nothing on its device.
struct QuietMount {
	std::vector<std::pair<std::string, std::string>> options; // an option without a value has an empty one
	std::string gap;	// what is to be told if this way was taken
};

// Of a mounted filesystem the mount with the whole of it, if there is one, once more; of another one a read-only mount of its own, by the
// first of these ways that the kernel takes. Neither is anywhere in the tree of mounts: it goes with the descriptor, also if this process
// is killed. What was written and is not on the disk yet goes there first. Throws Failure.
Fd filesystem_root(const FilesystemPlace &place, const std::vector<QuietMount> &ways, std::vector<std::string> &gaps);

} // namespace dm_remap::tool

#endif
