// SPDX-License-Identifier: GPL-2.0
// The few places of a range at which a superblock can be, whoever formatted it.
#ifndef DMR_METADATA_SUPERBLOCK_PLACES_HH
#define DMR_METADATA_SUPERBLOCK_PLACES_HH

#include "metadata/layout.hh"

namespace dm_remap::metadata {

// Where unit 0 may be: the start of the range, aligned to each of the strides that exist. One place in most cases.
class FirstPlaces final {
public:
	explicit FirstPlaces(const dmr_member_range &range) : start_(range.start) {}

	// The next different one, in sectors on the device; false at the end.
	bool next(Sectors &out)
	{
		while (unit_bytes_ <= format::max_unit_bytes) {
			Sectors place = area_start(start_, unit_bytes_);

			unit_bytes_ *= 2;
			if (any_ && place == last_)
				continue;
			any_ = true;
			out = last_ = place;
			return true;
		}
		return false;
	}

private:
	Sectors start_;
	Sectors last_;
	uint32_t unit_bytes_ = format::unit_content_bytes;
	bool any_ = false;
};

// Distances of copy B from unit 0. The product of a stride, a power of two, and a CopyUnitsChoice is again twice, or
// three times, a power of two.
class SecondDistances final {
public:
	bool next(Sectors &out)
	{
		constexpr uint64_t most = uint64_t{format::max_copy_units} * format::max_unit_bytes;

		if (bytes_ > most)
			return false;
		out = Sectors(bytes_ / format::sector_bytes);
		bytes_ = bytes_ & (bytes_ - 1) ? bytes_ / 3 * 4 : bytes_ / 2 * 3;
		return true;
	}

private:
	uint64_t bytes_ = uint64_t{format::min_copy_units} * format::unit_content_bytes;
};

// All of them, in sectors on the device, as far as they lie within the range. Some come twice.
class SuperblockPlaces final {
public:
	explicit SuperblockPlaces(const dmr_member_range &range)
		: firsts_(range), last_(range.start + range.sectors - format::sectors_per_unit),
		  any_(range.sectors >= format::sectors_per_unit && firsts_.next(first_)) {}

	bool next(Sectors &out)
	{
		while (any_) {
			Sectors place = first_ + distance_;
			bool fits = place.value <= last_;

			if (!fits || !distances_.next(distance_)) {
				distances_ = {};
				distance_ = Sectors(0);
				any_ = firsts_.next(first_);
			}
			if (fits) {
				out = place;
				return true;
			}
		}
		return false;
	}

private:
	FirstPlaces firsts_;
	SecondDistances distances_;
	Sectors first_, distance_;
	uint64_t last_;
	bool any_;
};

} // namespace dm_remap::metadata

#endif
