// SPDX-License-Identifier: GPL-2.0
// What lies on sectors of a filesystem's device.
#ifndef DMREMAP_FILES_FOUND_HH
#define DMREMAP_FILES_FOUND_HH

#include "files/range.hh"
#include "machine/mounts.hh"

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

enum class Kind : uint8_t { file, free, metadata, swap, unknown };

struct Found {
	Range sectors;			// of the device that the filesystem is on
	Kind kind = Kind::unknown;
	std::string what = {};		// "directory", "inode table of group 3"; of one that is unknown, why; may be empty of a file
	std::optional<uint64_t> inode = {}; // that has it
	std::optional<uint64_t> subvolume = {}; // of btrfs: that the inode is in
	std::optional<uint64_t> offset = {}; // in the file, of the first sector: bytes
	std::vector<std::string> paths = {}; // all names of the inode, from the root of the filesystem; none: it has none, or none is known
};

// A device with a filesystem on it.
struct FilesystemPlace {
	std::string type;		// as libblkid says
	std::string path, number;
	std::vector<Mount> mounts;	// empty: it is not mounted
};

// What was found: each sector that was asked for is there, and if several have it several times. `gaps`: what could not be read, and
// what therefore is not known; sentences. What is free by a report that is behind may belong to a file.
struct FilesystemReport {
	std::vector<Found> found;
	std::vector<std::string> gaps;
	std::string behind;	// a gap of its own: why what it says may be older than what is there; empty: it is not
};

// Each throws Failure if nothing can be looked at; a part that cannot be read is a gap. Nothing is written to the device.
FilesystemReport look_at_ext(const FilesystemPlace &place, const RangeSet &wanted);
FilesystemReport look_at_xfs(const FilesystemPlace &place, const RangeSet &wanted);
FilesystemReport look_at_btrfs(const FilesystemPlace &place, const RangeSet &wanted);

} // namespace dm_remap::tool

#endif
