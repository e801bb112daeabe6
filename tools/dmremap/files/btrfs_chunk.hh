// SPDX-License-Identifier: GPL-2.0
// How btrfs lays a chunk on devices, the other way round: which addresses of the filesystem a piece of a device holds.
#ifndef DMREMAP_FILES_BTRFS_CHUNK_HH
#define DMREMAP_FILES_BTRFS_CHUNK_HH

#include "files/range.hh"

#include <optional>
#include <string>

namespace dm_remap::tool {

// All in bytes.
struct BtrfsChunk {
	struct Stripe {
		uint64_t device = 0, offset = 0;
	};
	uint64_t logical = 0, length = 0, type = 0; // type: BTRFS_BLOCK_GROUP_…
	uint64_t stripe_length = 0;
	uint32_t sub_stripes = 0;
	std::vector<Stripe> stripes;

	// Does another device, or another place of this one, have the same?
	bool has_copies() const;
	// "RAID1", "single"
	std::string profile() const;
};

struct BtrfsPiece {
	uint64_t physical = 0, logical = 0, length = 0;
};

// Of what the chunk's stripe with this number has of a range of its device, in order. No value: the profile is one with parity, or one that
// is not known, and it cannot be told.
std::optional<std::vector<BtrfsPiece>> pieces_of(const BtrfsChunk &chunk, size_t stripe, const Range &bytes);

} // namespace dm_remap::tool

#endif
