// SPDX-License-Identifier: GPL-2.0
// Where main may hold anything but its own blocks, by two bitmaps. One bit a region of main, so that I/O to a healthy region costs
// one load; on a large disk regions are large, and disks fail in places. So within a region there is one bit for each 4 KiB: a
// gibibyte of them, and beyond that the same bits again. Bits are set and, but for a reset, never cleared: a set bit means "look
// closer", and at last "ask the index", no more.
#ifndef DM_REMAP_CORE_REGION_FILTER_HH
#define DM_REMAP_CORE_REGION_FILTER_HH

#include <dm_remap/gate.h>
#include <dm_remap/result.hh>
#include <dm_remap/units.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap {

class RegionFilter final {
public:
	// Each bitmap takes 32 KiB at most.
	static constexpr uint64_t max_regions = 1u << 18;
	static constexpr uint64_t max_near = 1u << 18;
	static constexpr uint32_t near_bytes = 4096;

	RegionFilter() = default;
	RegionFilter(const RegionFilter &) = delete;
	RegionFilter &operator=(const RegionFilter &) = delete;

	// For a main of so many blocks, at least one; the region is the smallest power of two of blocks that does. All
	// bits are clear. map looks at the regions through the gate. Once in a life; ENOMEM. process, may block.
	Error init(Blocks main_blocks, BlockSize block_size, dmr_gate &gate);
	// Frees the bitmaps: no reader is left. process.
	void destroy();

	// False: the index says nothing of the n blocks, at least one, from `start` on. True for blocks that the filter
	// does not cover, and for a range so long that a lookup in the index is cheaper. Not before init(). any.
	bool maybe(MainBlock start, Blocks n) const
	{
		const uint64_t first = start.value >> shift_;
		const uint64_t last = (start.value + n.value - 1) >> shift_;

		if (first <= last && last < regions_ && dmr_bits_clear(words_, first, last))
			return false;
		return maybe_far(first, last) && maybe_near(start, n);
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

	struct Part {
		uint64_t *word;
		uint64_t bits;
		uint64_t count;
	};

	bool maybe_far(uint64_t first, uint64_t last) const;
	bool maybe_near(MainBlock start, Blocks n) const;
	Part near_part(uint64_t at, uint64_t last) const;
	void add_near(uint64_t first, uint64_t last);
	static void set_bits(uint64_t &word, uint64_t bits);
	uint64_t words() const { return (regions_ + word_bits - 1) / word_bits; }

	dmr_gate *gate_ = nullptr;
	uint64_t *words_ = nullptr;
	uint64_t *near_ = nullptr;	// behind them; null where regions are no larger than what has a bit here
	uint64_t regions_ = 0;
	uint64_t near_bits_ = 0;	// a power of two
	uint64_t set_ = 0;
	uint32_t shift_ = 0;
	uint32_t near_shift_ = 0;
};

} // namespace dm_remap

#endif
