// SPDX-License-Identifier: GPL-2.0
// What XFS tells of its blocks. In sectors of 512 bytes.
#ifndef DMREMAP_FILES_XFS_IOCTL_HH
#define DMREMAP_FILES_XFS_IOCTL_HH

#include "files/range.hh"

#include <functional>
#include <optional>
#include <string>

namespace dm_remap::tool::xfs {

struct Geometry {
	uint64_t block_sectors = 0, group_sectors = 0, data_sectors = 0;
	Range log;		// empty: it is on another device
	uint64_t header_sectors = 0;	// at the start of each allocation group
	bool knows_owners = false;	// it has a reverse map
	bool realtime = false;	// it has files on a device of their own
};

// Each takes a descriptor of anything on the filesystem; throws std::system_error.
Geometry geometry(int fd);

struct Owner {
	enum class Is : uint8_t { inode, free, log, inodes, metadata, nobody_knows };
	Range sectors;
	Is is = Is::nobody_knows;
	uint64_t inode = 0, offset = 0;	// of an inode: bytes in the file
	bool attributes = false, block_list = false; // of an inode
};
// Everything that lies within the range, which begins where an allocation group does: nothing reaches across that, and what begins before a
// range may be left out by the kernel. Shared blocks come once for each owner.
void each_owner(int fd, const Range &range, const std::string &device_number, const std::function<void(const Owner &)> &f);

struct Mapped {
	Range sectors;
	uint64_t offset = 0;	// bytes in the file
};
// Of the open file or folder itself. False: it cannot be told.
bool each_mapped(int file, bool attributes, const std::function<void(const Mapped &)> &f);

} // namespace dm_remap::tool::xfs

#endif
