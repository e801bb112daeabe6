// SPDX-License-Identifier: GPL-2.0
// What btrfs answers about its trees. All in bytes, and addresses of the filesystem unless it is said otherwise. The descriptors are of anything
// on the filesystem. Everything throws std::system_error.
#ifndef DMREMAP_FILES_BTRFS_TREES_HH
#define DMREMAP_FILES_BTRFS_TREES_HH

#include "files/btrfs_chunk.hh"

#include <functional>
#include <map>
#include <span>
#include <string>

namespace dm_remap::tool::btrfs {

struct Key {
	uint64_t object = 0;
	uint8_t type = 0;
	uint64_t offset = 0;
};
// Items from `first` to `last` in the order of keys, which goes by object, then by type, then by offset: others are between.
void search(int fd, uint64_t tree, Key first, const Key &last, const std::function<void(const Key &, std::span<const uint8_t>)> &f);

struct DeviceInfo {
	uint64_t id = 0;
	uint32_t sector_bytes = 0, node_bytes = 0;
};
// Of the device with this MAJOR:MINOR. No value: the filesystem is not on it.
std::optional<DeviceInfo> device_info(int fd, const std::string &number);

// A part of a device that belongs to a chunk.
struct DevicePart {
	Range bytes;	// of the device
	uint64_t chunk = 0;
};
std::vector<DevicePart> device_parts(int fd, uint64_t device);
BtrfsChunk chunk(int fd, uint64_t logical);

// What of this range extents have; sizes of tree blocks are not in their items.
RangeSet allocated(int fd, const Range &range, uint32_t node_bytes);

struct Reference {
	uint64_t inode = 0, offset = 0, subvolume = 0;

	bool operator==(const Reference &) const = default;
};
// Files that have what lies at this address of a data chunk. Empty: none has it any more.
std::vector<Reference> references(int fd, uint64_t logical);

// Paths from the root of the filesystem, which has all subvolumes in it.
class Names final {
public:
	explicit Names(int fd) : fd_(fd) {}

	// All names of an inode. Empty: it has none any more.
	std::vector<std::string> of(uint64_t subvolume, uint64_t inode);

private:
	const std::optional<std::string> &subvolume(uint64_t id);
	std::string folder(uint64_t subvolume, uint64_t inode) const;

	int fd_;
	std::map<uint64_t, std::optional<std::string>> subvolumes_;
};

} // namespace dm_remap::tool::btrfs

#endif
