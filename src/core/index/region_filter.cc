// SPDX-License-Identifier: GPL-2.0
#include "core/index/region_filter.hh"

#include <dm_remap/kernel_api.h>

namespace dm_remap {

Error RegionFilter::init(Blocks main_blocks, BlockSize block_size, dmr_gate &gate)
{
	const uint64_t last = main_blocks.value - 1;

	gate_ = &gate;
	shift_ = 0;
	while ((last >> shift_) >= max_regions)
		shift_++;
	regions_ = (last >> shift_) + 1;
	set_ = 0;
	near_shift_ = static_cast<uint32_t>(__builtin_ctz(near_bytes / block_size.bytes()));
	near_bits_ = word_bits;
	while (near_bits_ < max_near && near_bits_ <= last >> near_shift_)
		near_bits_ *= 2;
	if (shift_ <= near_shift_)
		near_bits_ = 0;
	words_ = static_cast<uint64_t *>(dmr_alloc((words() + near_bits_ / word_bits) * sizeof(uint64_t)));
	if (words_ == nullptr) {
		regions_ = near_bits_ = 0;
		return Error(ENOMEM);
	}
	near_ = near_bits_ > 0 ? words_ + words() : nullptr;
	gate.regions = words_;
	gate.region_count = regions_;
	const uint32_t block_shift = static_cast<uint32_t>(__builtin_ctz(block_size.sectors()));
	gate.region_shift = shift_ + block_shift;
	gate.near = near_;
	gate.near_mask = near_bits_ - 1;
	gate.near_shift = near_shift_ + block_shift;
	return Error::none();
}

void RegionFilter::destroy()
{
	dmr_free(words_);
	words_ = near_ = nullptr;
	regions_ = near_bits_ = 0;
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

// Of the bits from `at` to `last` those in the word of the first.
RegionFilter::Part RegionFilter::near_part(uint64_t at, uint64_t last) const
{
	const uint64_t bit = at & (near_bits_ - 1), left = word_bits - bit % word_bits;
	const uint64_t count = last - at < left ? last - at + 1 : left;

	return { &near_[bit / word_bits], (~0ull >> (word_bits - count)) << bit % word_bits, count };
}

bool RegionFilter::maybe_near(MainBlock start, Blocks n) const
{
	const uint64_t end = start.value + n.value;
	const uint64_t last = (end - 1) >> near_shift_;
	uint64_t at = start.value >> near_shift_;

	if (near_ == nullptr || end <= start.value || end > regions_ << shift_ || last - at >= max_words_read * word_bits)
		return true;
	while (at <= last) {
		const Part part = near_part(at, last);

		if (__atomic_load_n(part.word, __ATOMIC_RELAXED) & part.bits)
			return true;
		at += part.count;
	}
	return false;
}

// There is one writer, so a load and a store do for the read-modify-write.
void RegionFilter::set_bits(uint64_t &word, uint64_t bits)
{
	__atomic_store_n(&word, __atomic_load_n(&word, __ATOMIC_RELAXED) | bits, __ATOMIC_RELAXED);
}

void RegionFilter::add(MainBlock start, Blocks n)
{
	const uint64_t end = regions_ << shift_; // of what the bits speak of

	if (n.value == 0 || start.value >= end)
		return;
	const uint64_t last = n.value < end - start.value ? (start + n).value - 1 : end - 1;

	if (near_ != nullptr)
		add_near(start.value >> near_shift_, last >> near_shift_);
	for (uint64_t region = start.value >> shift_; region <= last >> shift_; region++) {
		const uint64_t bit = 1ull << (region % word_bits);
		uint64_t &word = words_[region / word_bits];

		if (__atomic_load_n(&word, __ATOMIC_RELAXED) & bit)
			continue;
		set_bits(word, bit);
		__atomic_store_n(&set_, set_ + 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&gate_->any_region, 1, __ATOMIC_RELAXED);
}

void RegionFilter::add_near(uint64_t first, uint64_t last)
{
	if (last - first >= near_bits_)
		last = first + near_bits_ - 1;
	for (uint64_t at = first; at <= last;) {
		const Part part = near_part(at, last);

		set_bits(*part.word, part.bits);
		at += part.count;
	}
}

void RegionFilter::reset()
{
	for (uint64_t i = 0; i < words() + near_bits_ / word_bits; i++)
		__atomic_store_n(&words_[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&set_, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&gate_->any_region, 0, __ATOMIC_RELAXED);
}

} // namespace dm_remap
