// SPDX-License-Identifier: GPL-2.0
#include "core/index/region_filter.hh"

#include <dm_remap/kernel_api.h>

namespace dm_remap {

Error RegionFilter::init(Blocks main_blocks)
{
	const uint64_t last = main_blocks.value - 1;

	shift_ = 0;
	while ((last >> shift_) >= max_regions)
		shift_++;
	regions_ = (last >> shift_) + 1;
	set_ = 0;
	words_ = static_cast<uint64_t *>(dmr_alloc(words() * sizeof(uint64_t)));
	if (words_ != nullptr)
		return Error::none();
	regions_ = 0;
	return Error(ENOMEM);
}

void RegionFilter::destroy()
{
	dmr_free(words_);
	words_ = nullptr;
	regions_ = 0;
	set_ = 0;
}

bool RegionFilter::maybe_far(uint64_t first, uint64_t last) const
{
	if (first > last || last >= regions_ || last / word_bits - first / word_bits >= max_words_read)
		return true;
	for (uint64_t word = first / word_bits; word <= last / word_bits; word++) {
		uint64_t bits = __atomic_load_n(&words_[word], __ATOMIC_RELAXED);

		if (word == first / word_bits)
			bits &= ~0ull << (first % word_bits);
		if (word == last / word_bits)
			bits &= ~0ull >> (word_bits - 1 - last % word_bits);
		if (bits != 0)
			return true;
	}
	return false;
}

// There is one writer, so a load and a store do for the read-modify-write.
void RegionFilter::add(MainBlock start, Blocks n)
{
	if (n.value == 0)
		return;
	uint64_t last = (start + n).value - 1;

	last = last < start.value ? ~0ull : last;
	for (uint64_t region = start.value >> shift_; region < regions_ && region <= last >> shift_; region++) {
		const uint64_t bit = 1ull << (region % word_bits);
		uint64_t *word = &words_[region / word_bits];
		const uint64_t bits = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (bits & bit)
			continue;
		__atomic_store_n(word, bits | bit, __ATOMIC_RELAXED);
		__atomic_store_n(&set_, set_ + 1, __ATOMIC_RELAXED);
	}
}

void RegionFilter::reset()
{
	for (uint64_t i = 0; i < words(); i++)
		__atomic_store_n(&words_[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&set_, 0, __ATOMIC_RELAXED);
}

} // namespace dm_remap
