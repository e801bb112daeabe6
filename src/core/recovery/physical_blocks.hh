// SPDX-License-Identifier: GPL-2.0
// Main's physical blocks: what fails as one, and so what is tried as one. A sector of a bad physical block cannot be
// written by itself, as the drive would have to read the block first; the whole block often can.
#ifndef DM_REMAP_CORE_RECOVERY_PHYSICAL_BLOCKS_HH
#define DM_REMAP_CORE_RECOVERY_PHYSICAL_BLOCKS_HH

#include "core/recovery/block_set.hh"

#include <dm_remap/kernel_api.h>
#include <dm_remap/units.hh>

namespace dm_remap {

class PhysicalBlocks final {
public:
	// What a worker keeps to move one.
	static constexpr uint32_t most_bytes = 65536;

	// Each block by itself.
	constexpr PhysicalBlocks() = default;
	// As main says of itself; each block by itself if that is nothing one could work with.
	constexpr PhysicalBlocks(const dmr_device_info &main, BlockSize block_size)
	{
		uint32_t bytes = main.physical_block_bytes, block = block_size.bytes();

		if (bytes <= block || (bytes & (bytes - 1)) != 0 || bytes > most_bytes || main.alignment_bytes < 0 ||
		    static_cast<uint32_t>(main.alignment_bytes) % block != 0)
			return;
		size_ = bytes / block;
		start_ = static_cast<uint32_t>(main.alignment_bytes) / block % size_;
	}

	// Of each: a power of two.
	constexpr Blocks size() const { return Blocks(size_); }

	// What is tried as one at `at`, if all up to `end` is to be tried: the physical block that begins there, or a block if none
	// does, or not all of it is asked for.
	constexpr Blocks unit(MainBlock at, MainBlock end) const
	{
		return begins(at) && end - at >= size() ? size() : Blocks(1);
	}

	// The end of a part of [at, end) that is no longer than `most`, at a physical block's end where there is one.
	constexpr MainBlock cut(MainBlock at, Blocks most, MainBlock end) const
	{
		if (end - at <= most)
			return end;
		MainBlock stop = at + most;
		MainBlock boundary(stop.value - (stop.value + size_ - start_) % size_);

		return boundary > at && boundary <= stop ? boundary : stop;
	}

	// To whole ones, as far as they lie before `limit`.
	constexpr void widen(MainBlock &from, MainBlock &end, MainBlock limit) const
	{
		uint64_t before = (from.value + size_ - start_) % size_, behind = (end.value + size_ - start_) % size_;

		from = MainBlock(from.value < before ? 0 : from.value - before);
		if (behind > 0)
			end = end + Blocks(size_ - behind);
		if (end > limit)
			end = limit;
	}

private:
	static_assert(most_bytes / 512 <= BlockSet::capacity, "a piece of a request holds a whole one");

	constexpr bool begins(MainBlock at) const { return (at.value + size_ - start_) % size_ == 0; }

	uint32_t size_ = 1;	// in blocks
	uint32_t start_ = 0;	// the first whole one, in blocks
};

} // namespace dm_remap

#endif
