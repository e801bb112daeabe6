// SPDX-License-Identifier: GPL-2.0
// One bit per spare block, for pools of billions of blocks of which few are ever touched.
//
// Bits live in chunks of 4 KiB that are allocated when a bit in them is first set; an absent chunk is all zero. Each
// chunk's number of set bits is kept beside its pointer, so that a full or an empty chunk is passed without a look. These
// pairs lie in directories, which are allocated in the same way: what is never touched costs 8 bytes for 4 GiB of 512-byte
// blocks.
#ifndef DM_REMAP_SPARE_POOL_SPARSE_BITMAP_HH
#define DM_REMAP_SPARE_POOL_SPARSE_BITMAP_HH

#include <dm_remap/result.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap::pool {

inline constexpr size_t chunk_bytes = 4096;
inline constexpr uint64_t chunk_bits = chunk_bytes * 8;
inline constexpr uint64_t word_bits = 64;

// Zeroed memory for chunks and directories kept aside, so that a bit can be set when no page can be had. Owned by the
// pool, shared by its bitmaps.
class ChunkReserve final {
public:
	// Two for an allocation; four for the blocks of one allocation that turn out bad: a range that is shorter than a
	// chunk touches two at most, each perhaps in a directory of its own.
	static constexpr uint32_t for_bad = 4;
	static constexpr uint32_t capacity = 2 + for_bad;

	ChunkReserve() = default;
	ChunkReserve(const ChunkReserve &) = delete;
	ChunkReserve &operator=(const ChunkReserve &) = delete;

	// Fill up as far as memory allows. process, may block.
	void refill();
	// chunk_bytes of zeroes: new memory if there is any, else what was kept aside, of which `keep` stay. NULL if neither.
	void *take(uint32_t keep);
	void destroy();

	uint32_t available() const { return count_; }

private:
	void *chunks_[capacity] = {};
	uint32_t count_ = 0;
};

class SparseBitmap final {
public:
	// 2 PiB of 512-byte blocks: the array over the directories takes 4 MiB then.
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
	uint32_t count(uint64_t chunk) const
	{
		const Chunk *found = find(chunk);

		return found ? found->count : 0;
	}
	bool test(uint64_t bit) const { return (word(bit / word_bits) >> (bit % word_bits)) & 1; }
	// The 64 bits from index * 64.
	uint64_t word(uint64_t index) const;

	// The first bit set (clear) in [from, end), or end. end <= bits().
	uint64_t next_set(uint64_t from, uint64_t end) const;
	uint64_t next_clear(uint64_t from, uint64_t end) const;
	// The first bit in [from, end) that can be set without memory, or end.
	uint64_t next_provided(uint64_t from, uint64_t end) const;

	// Make sure that the chunks of [from, end) are present, taking from the reserve all but `keep`. Answers up to which
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
	static constexpr uint64_t directory_chunks = chunk_bytes / sizeof(Chunk);
	static constexpr uint64_t directory_bits = directory_chunks * chunk_bits;
	struct Directory {
		Chunk chunks[directory_chunks];
	};
	static_assert(sizeof(Directory) == chunk_bytes);

	uint64_t directory_total() const { return (bits_ + directory_bits - 1) / directory_bits; }
	// NULL: its directory is absent, and so are all chunks in that.
	Chunk *find(uint64_t chunk) const
	{
		Directory *directory = directories_[chunk / directory_chunks];

		return directory ? &directory->chunks[chunk % directory_chunks] : nullptr;
	}
	// The chunk of this bit; NULL if that is absent, and `bit` is the first one beyond what is absent there.
	const Chunk *find_or_pass(uint64_t &bit) const;
	Chunk *provide_chunk(uint64_t chunk, ChunkReserve &reserve, uint32_t keep);
	template <bool value>
	void assign(uint64_t from, uint64_t end);

	Directory **directories_ = nullptr;
	uint64_t bits_ = 0;
	uint64_t count_ = 0;
	uint64_t provided_end_ = 0;	// no chunk from this bit on is present
};

// The bits of a word from `bit` on.
constexpr uint64_t mask_from(uint64_t bit) { return ~uint64_t(0) << (bit % word_bits); }

} // namespace dm_remap::pool

#endif
