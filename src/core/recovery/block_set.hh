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
		for (uint32_t i = start; i < start + length; i++)
			add(i);
	}
	void remove(uint32_t i) { words_[i / 64] &= ~(uint64_t(1) << i % 64); }
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
		while (from < capacity && !has(from))
			from++;
		uint32_t end = from;

		while (end < capacity && has(end))
			end++;
		return { from, end - from };
	}

private:
	std::array<uint64_t, 2> words_{};
};

} // namespace dm_remap

#endif
