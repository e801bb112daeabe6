// SPDX-License-Identifier: GPL-2.0
// Which regions of main may hold anything but main's own blocks: one bit a region, so that I/O to a healthy region
// costs one load. Bits are set and, but for a reset, never cleared: a set bit means "ask the index", no more.
#ifndef DM_REMAP_CORE_REGION_FILTER_HH
#define DM_REMAP_CORE_REGION_FILTER_HH

#include <dm_remap/result.hh>
#include <dm_remap/units.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap {

class RegionFilter final {
public:
	// The bitmap takes 32 KiB at most.
	static constexpr uint64_t max_regions = 1u << 18;

	RegionFilter() = default;
	RegionFilter(const RegionFilter &) = delete;
	RegionFilter &operator=(const RegionFilter &) = delete;

	// For a main of so many blocks, at least one; the region is the smallest power of two of blocks that does. All
	// bits are clear. Once in a life; ENOMEM. process, may block.
	Error init(Blocks main_blocks);
	// Frees the bitmap: no reader is left. process.
	void destroy();

	// False: the index says nothing of the n blocks, at least one, from `start` on. True for blocks that the filter
	// does not cover, and for a range so long that a lookup in the index is cheaper. Not before init(). any.
	bool maybe(MainBlock start, Blocks n) const
	{
		const uint64_t first = start.value >> shift_;
		const uint64_t last = (start.value + n.value - 1) >> shift_;

		// Not in one word, or last has wrapped around.
		if (last - first >= word_bits - first % word_bits || last >= regions_)
			return maybe_far(first, last);
		const uint64_t mask = (~0ull >> (word_bits - 1 - (last - first))) << (first % word_bits);
		return (__atomic_load_n(&words_[first / word_bits], __ATOMIC_RELAXED) & mask) != 0;
	}

	// ---- the writer ----

	// The index will say something of these blocks: called before it is published. Blocks beyond main are left out.
	void add(MainBlock start, Blocks n);
	// Clears all bits: the index is empty, and no reader is under way.
	void reset();

	// ---- for the statistics; any ----

	uint64_t regions() const { return regions_; }
	uint64_t regions_set() const { return __atomic_load_n(&set_, __ATOMIC_RELAXED); }
	Blocks region_length() const { return Blocks(1ull << shift_); }

private:
	static constexpr uint64_t word_bits = 64;
	static constexpr uint64_t max_words_read = 16;

	bool maybe_far(uint64_t first, uint64_t last) const;
	uint64_t words() const { return (regions_ + word_bits - 1) / word_bits; }

	uint64_t *words_ = nullptr;
	uint64_t regions_ = 0;
	uint64_t set_ = 0;
	uint32_t shift_ = 0;
};

} // namespace dm_remap

#endif
