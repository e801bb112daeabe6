// SPDX-License-Identifier: GPL-2.0
#include "files/btrfs_chunk.hh"

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>

#include <algorithm>

namespace dm_remap::tool {

namespace {

constexpr uint64_t mirrors = BTRFS_BLOCK_GROUP_DUP | BTRFS_BLOCK_GROUP_RAID1 | BTRFS_BLOCK_GROUP_RAID1C3 | BTRFS_BLOCK_GROUP_RAID1C4;

uint64_t profile_bits(const BtrfsChunk &chunk)
{
	return chunk.type & BTRFS_BLOCK_GROUP_PROFILE_MASK;
}

} // namespace

bool BtrfsChunk::has_copies() const
{
	return profile_bits(*this) & (mirrors | BTRFS_BLOCK_GROUP_RAID10 | BTRFS_BLOCK_GROUP_RAID56_MASK);
}

std::string BtrfsChunk::profile() const
{
	switch (profile_bits(*this)) {
	case 0:
		return "single";
	case BTRFS_BLOCK_GROUP_DUP:
		return "DUP";
	case BTRFS_BLOCK_GROUP_RAID0:
		return "RAID0";
	case BTRFS_BLOCK_GROUP_RAID1:
		return "RAID1";
	case BTRFS_BLOCK_GROUP_RAID1C3:
		return "RAID1C3";
	case BTRFS_BLOCK_GROUP_RAID1C4:
		return "RAID1C4";
	case BTRFS_BLOCK_GROUP_RAID10:
		return "RAID10";
	case BTRFS_BLOCK_GROUP_RAID5:
		return "RAID5";
	case BTRFS_BLOCK_GROUP_RAID6:
		return "RAID6";
	}
	return "a profile that is not known";
}

std::optional<std::vector<BtrfsPiece>> pieces_of(const BtrfsChunk &chunk, size_t stripe, const Range &bytes)
{
	const uint64_t profile = profile_bits(chunk);
	// How many stripes lie side by side, and which of them this one is.
	uint64_t columns = 1, column = 0;

	if (profile == BTRFS_BLOCK_GROUP_RAID0) {
		columns = chunk.stripes.size(), column = stripe;
	} else if (profile == BTRFS_BLOCK_GROUP_RAID10 && chunk.sub_stripes) {
		columns = chunk.stripes.size() / chunk.sub_stripes, column = stripe / chunk.sub_stripes;
	} else if (profile & ~mirrors) {
		return {};
	}
	if (stripe >= chunk.stripes.size() || !columns || (columns > 1 && !chunk.stripe_length))
		return {};
	const uint64_t begin = chunk.stripes[stripe].offset;
	const Range part = common(bytes, {begin, chunk.length / columns});
	std::vector<BtrfsPiece> out;

	for (uint64_t at = part.start; at < part.end();) {
		const uint64_t offset = at - begin;
		const uint64_t row = columns > 1 ? offset / chunk.stripe_length : 0;
		const uint64_t end = columns > 1 ? std::min(part.end(), begin + (row + 1) * chunk.stripe_length) : part.end();
		const uint64_t logical = columns > 1 ? chunk.logical + (row * columns + column) * chunk.stripe_length + offset % chunk.stripe_length
						     : chunk.logical + offset;

		out.push_back({at, logical, end - at});
		at = end;
	}
	return out;
}

} // namespace dm_remap::tool
