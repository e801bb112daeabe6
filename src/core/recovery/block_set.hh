// SPDX-License-Identifier: GPL-2.0
// A set of blocks of one piece of a request, by their number within the piece.
#ifndef DM_REMAP_CORE_BLOCK_SET_HH
#define DM_REMAP_CORE_BLOCK_SET_HH

#include <array>
#include <cstdint>

namespace dm_remap {

class BlockSet final {
public:
	static constexpr uint32_t capacity = 128;

	struct Run {
		uint32_t start;
		uint32_t length;	// 0: there is none
	};

	void clear() { words_ = {}; }
	bool empty() const { return (words_[0] | words_[1]) == 0; }
	bool has(uint32_t i) const { return words_[i / 64] >> i % 64 & 1; }
	void add(uint32_t i) { words_[i / 64] |= uint64_t(1) << i % 64; }
	void add(uint32_t start, uint32_t length)
	{
		words_[0] |= part(0, start, length);
		words_[1] |= part(64, start, length);
	}
	void remove(uint32_t i) { words_[i / 64] &= ~(uint64_t(1) << i % 64); }
	void remove(uint32_t start, uint32_t length)
	{
		words_[0] &= ~part(0, start, length);
		words_[1] &= ~part(64, start, length);
	}
	uint32_t count() const
	{
		uint32_t n = 0;

		for (Run run = run_from(0); run.length > 0; run = run_from(run.start + run.length))
			n += run.length;
		return n;
	}

	// The first run of members at or after `from`.
	Run run_from(uint32_t from) const
	{
		const uint32_t start = next(from, 0);

		return { start, next(start, ~uint64_t(0)) - start };
	}

private:
	// Those of the word that begins at `first` which lie in the range.
	static uint64_t part(uint32_t first, uint32_t start, uint32_t length)
	{
		const uint32_t from = start < first ? first : start, end = start + length < first + 64 ? start + length : first + 64;

		return from < end ? (~uint64_t(0) >> (64 - (end - from))) << (from - first) : 0;
	}
	// The first from `from` on that is a member; with ~0 the first that is none.
	uint32_t next(uint32_t from, uint64_t flip) const
	{
		for (; from < capacity; from = (from / 64 + 1) * 64) {
			const uint64_t rest = (words_[from / 64] ^ flip) >> from % 64;

			if (rest != 0)
				return from + static_cast<uint32_t>(__builtin_ctzll(rest));
		}
		return capacity;
	}

	std::array<uint64_t, 2> words_{};
};

} // namespace dm_remap

#endif
