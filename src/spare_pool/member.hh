// SPDX-License-Identifier: GPL-2.0
// The spare blocks of one pool member: which serve, which are bad, which is given out next.
#ifndef DM_REMAP_SPARE_POOL_MEMBER_HH
#define DM_REMAP_SPARE_POOL_MEMBER_HH

#include "spare_pool/sparse_bitmap.hh"

#include <dm_remap/units.hh>

namespace dm_remap::pool {

// Consecutive blocks of one member; end is the first that no longer belongs.
struct Run {
	SpareBlock start;
	SpareBlock end;

	constexpr Blocks length() const { return end - start; }
	constexpr bool empty() const { return start == end; }
};

// Law: no block is used and bad at once. Bit n of both bitmaps is block first + n.
class Member final {
public:
	Member() = default;
	Member(const Member &) = delete;
	Member &operator=(const Member &) = delete;

	// The data area is [first, end), end - first is 1 to SparseBitmap::max_bits. ENOMEM.
	Error init(SpareBlock first, SpareBlock end);
	void destroy();

	// The first free run at or after the cursor, wrapping once, of at most `wanted` blocks; it is used then. When no
	// memory can be had it is shorter, or lies where memory is there already. ENOSPC: nothing is free, or it is closed.
	Result<Run> allocate(Blocks wanted, ChunkReserve &reserve);
	// EINVAL outside the data area, EEXIST if a block is used or bad, ENOMEM; then nothing has changed.
	Error reserve(Run run, ChunkReserve &reserve);
	// EINVAL, and nothing has changed, unless all of it is used.
	Error release(Run run);
	// EINVAL outside the data area, ENOMEM; then nothing has changed.
	Error prepare_bad(Run run, ChunkReserve &reserve);
	Error mark_bad(Run run, ChunkReserve &reserve);
	// The first run of bad blocks at or after `from`, at most UINT32_MAX long; empty if there is none.
	Run next_bad(SpareBlock from) const;

	uint64_t total() const { return used_.bits(); }
	uint64_t used() const { return used_.count(); }
	uint64_t bad() const { return bad_.count(); }
	// What allocate() can give: nothing while it is closed.
	uint64_t free() const { return open_ ? total() - used() - bad() : 0; }
	void set_open(bool open) { open_ = open; }

private:
	enum class Where { anywhere, memory_present };

	bool contains(Run run) const;
	uint64_t bit(SpareBlock block) const { return (block - first_).value; }
	Run run(uint64_t from, uint64_t end) const { return {first_ + Blocks(from), first_ + Blocks(end)}; }
	// The first free bit in [from, end), or end.
	uint64_t next_free(uint64_t from, uint64_t end, Where where) const;
	// As next_free(), over the whole member, from the cursor and then from its start; total() if there is none.
	uint64_t find_free(Where where) const;
	// The first bit in [from, end) that is used or bad, or end.
	uint64_t next_taken(uint64_t from, uint64_t end) const;

	SparseBitmap used_;
	SparseBitmap bad_;
	SpareBlock first_;
	uint64_t cursor_ = 0;	// the bit after the last allocation, less than total()
	bool open_ = true;
};

} // namespace dm_remap::pool

#endif
