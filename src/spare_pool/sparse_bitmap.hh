// SPDX-License-Identifier: GPL-2.0
// One bit per spare block, for pools of billions of blocks of which few are ever touched.
//
// Bits live in chunks of 4 KiB that are allocated when a bit in them is first set; an absent chunk is all zero. Each
// chunk's number of set bits is kept beside its pointer, so that a full or an empty chunk is passed without a look.
#ifndef DM_REMAP_SPARE_POOL_SPARSE_BITMAP_HH
#define DM_REMAP_SPARE_POOL_SPARSE_BITMAP_HH

#include <dm_remap/result.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap::pool {

inline constexpr size_t chunk_bytes = 4096;
inline constexpr uint64_t chunk_bits = chunk_bytes * 8;
inline constexpr uint64_t word_bits = 64;

// Zeroed chunks kept aside, so that a bit can be set when no page can be had. Owned by the pool, shared by its bitmaps.
class ChunkReserve final {
public:
	// One for an allocation, two for the blocks of one allocation that turn out bad: as many as a range that is
	// shorter than a chunk can touch.
	static constexpr uint32_t for_bad = 2;
	static constexpr uint32_t capacity = 1 + for_bad;

	ChunkReserve() = default;
	ChunkReserve(const ChunkReserve &) = delete;
	ChunkReserve &operator=(const ChunkReserve &) = delete;

	// Fill up as far as memory allows. process, may block.
	void refill();
	// A zeroed chunk: new memory if there is any, else one of those kept aside, of which `keep` stay. NULL if
	// neither.
	uint64_t *take(uint32_t keep);
	void destroy();

	uint32_t available() const { return count_; }

private:
	uint64_t *chunks_[capacity] = {};
	uint32_t count_ = 0;
};

class SparseBitmap final {
public:
	// 2 PiB of 512-byte blocks: the array over the chunks stays below the 2 GiB that a kernel allocates at most.
	static constexpr uint64_t max_bits = uint64_t(1) << 42;

	SparseBitmap() = default;
	SparseBitmap(const SparseBitmap &) = delete;
	SparseBitmap &operator=(const SparseBitmap &) = delete;

	// bits is 1 to max_bits. ENOMEM. process, may block.
	Error init(uint64_t bits);
	void destroy();

	uint64_t bits() const { return bits_; }
	// How many are set.
	uint64_t count() const { return count_; }
	// How many are set in a chunk.
	uint32_t count(uint64_t chunk) const { return chunks_[chunk].count; }
	bool present(uint64_t chunk) const { return chunks_[chunk].words != nullptr; }
	bool test(uint64_t bit) const { return (word(bit / word_bits) >> (bit % word_bits)) & 1; }
	// The 64 bits from index * 64.
	uint64_t word(uint64_t index) const;

	// The first bit set (clear) in [from, end), or end. end <= bits().
	uint64_t next_set(uint64_t from, uint64_t end) const;
	uint64_t next_clear(uint64_t from, uint64_t end) const;

	// Make sure that the chunks of [from, end) are present, taking from the reserve all but `keep`. Answers up to
	// which
	// bit that succeeded: end, or the first bit of the first chunk that could not be had (but at least `from`).
	uint64_t provide(uint64_t from, uint64_t end, ChunkReserve &reserve, uint32_t keep);
	// All bits of [from, end) must be clear, and their chunks provided.
	void set(uint64_t from, uint64_t end);
	// All bits of [from, end) must be set.
	void clear(uint64_t from, uint64_t end);

private:
	struct Chunk {
		uint64_t *words;
		uint32_t count;
		uint32_t reserved;
	};

	uint64_t chunk_total() const { return (bits_ + chunk_bits - 1) / chunk_bits; }
	template <bool value>
	void assign(uint64_t from, uint64_t end);

	Chunk *chunks_ = nullptr;
	uint64_t bits_ = 0;
	uint64_t count_ = 0;
	uint64_t chunks_end_ = 0;	// none from here on is present
};

// The bits of a word from `bit` on.
constexpr uint64_t mask_from(uint64_t bit) { return ~uint64_t(0) << (bit % word_bits); }

} // namespace dm_remap::pool

#endif
