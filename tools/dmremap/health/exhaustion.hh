// SPDX-License-Identifier: GPL-2.0
// When the spares will be used up, by how they were taken so far. docs/health.md says by which model, and how often it was right.
#ifndef DMREMAP_HEALTH_EXHAUSTION_HH
#define DMREMAP_HEALTH_EXHAUSTION_HH

#include <cstdint>
#include <span>

namespace dm_remap::tool {

// A stretch of time that was watched, and how many sectors of the spares were taken in it.
struct Watched {
	double hours = 0;
	uint64_t taken = 0;
};

// Hours from now on. With a chance of 90 in 100 it is between soonest and latest, if that can be told.
struct Exhaustion {
	enum class Kind : uint8_t {
		interval,	// soonest, likely and latest are known
		not_before,	// soonest alone: with a chance of 95 in 100 it is later; how much later cannot be told
		too_short,	// too little was watched
		nothing_taken,
		too_few,	// what was taken came in too few bursts
		now,		// they are used up
	};

	Kind kind = Kind::too_short;
	double soonest = 0, likely = 0, latest = 0;

	bool answered() const { return kind == Kind::interval; }
};

// past: in order, the newest last; those of no length count for the next. free: sectors. block: sectors that are taken at a time, at least 1.
// The same of the same.
Exhaustion time_to_exhaustion(std::span<const Watched> past, uint64_t free, uint64_t block);

} // namespace dm_remap::tool

#endif
