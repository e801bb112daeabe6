// SPDX-License-Identifier: GPL-2.0
// The health score, 0 (replace the disk now) to 100, as docs/health.md defines it. Integers only, no state: the same
// inputs give the same score in the kernel, in the tools and in the tests.
#ifndef DM_REMAP_HEALTH_HH
#define DM_REMAP_HEALTH_HH

#include <dm_remap/engine.h>

#include <bit>
#include <cstdint>

namespace dm_remap::health {

struct Inputs {
	uint32_t mode = DMR_MODE_OK;	// enum dmr_mode
	uint64_t errors_last_hour = 0;	// failed I/Os that main or a spare reported
	uint64_t spare_total = 0;	// sectors
	uint64_t spare_taken = 0;	// sectors, serving or bad
	uint64_t unreadable_sectors = 0; // pending or lost
};

inline constexpr uint32_t perfect = 100;
inline constexpr uint32_t spare_weight = 40;
inline constexpr uint32_t error_weight = 30;
inline constexpr uint32_t unreadable_weight = 20;

constexpr uint32_t at_most(uint64_t n, uint32_t limit)
{
	return n < limit ? static_cast<uint32_t>(n) : limit;
}

// In proportion to the part of the pool that is gone, rounded up: the first remap already shows.
constexpr uint32_t spare_penalty(uint64_t total, uint64_t taken)
{
	if (taken >= total)
		return spare_weight;
	return static_cast<uint32_t>((taken * spare_weight + total - 1) / total);
}

// 5 for the first error of the hour, 5 more each time their number doubles.
constexpr uint32_t error_penalty(uint64_t errors_last_hour)
{
	return at_most(5 * static_cast<uint64_t>(std::bit_width(errors_last_hour)), error_weight);
}

// Data that cannot be read: 10, and 1 more each time its amount doubles, from 4 KiB on.
constexpr uint32_t unreadable_penalty(uint64_t sectors)
{
	if (!sectors)
		return 0;
	return at_most(10 + static_cast<uint64_t>(std::bit_width(sectors / 8)), unreadable_weight);
}

// The best score that a mode allows.
constexpr uint32_t mode_cap(uint32_t mode)
{
	if (mode == DMR_MODE_OK || mode == DMR_MODE_READ_ONLY)
		return perfect;
	if (mode == DMR_MODE_SPARE_EXHAUSTED || mode == DMR_MODE_MAP_FULL)
		return 30;
	return mode == DMR_MODE_MAIN_GONE ? 0 : 10;
}

constexpr uint32_t score(const Inputs &in)
{
	const uint32_t left = perfect - spare_penalty(in.spare_total, in.spare_taken) -
			      error_penalty(in.errors_last_hour) - unreadable_penalty(in.unreadable_sectors);

	return at_most(left, mode_cap(in.mode));
}

// Of a snapshot that is complete but for its health.
constexpr uint32_t score(const dmr_snapshot &s)
{
	return score(Inputs{s.mode, s.errors_last_hour, s.spare_sectors_total,
			    s.spare_sectors_used + s.spare_sectors_bad, s.pending_sectors + s.lost_sectors});
}

// Errors per hour, of those counted within so many minutes; of less than an hour, as if it were one.
constexpr uint64_t errors_per_hour_hundredths(uint64_t errors, uint64_t minutes)
{
	return errors * 6000 / (minutes > 60 ? minutes : 60);
}

// The last hour against the mean of the hours before it, of the errors that were counted in so many minutes. Twice as many, or half, and 3 more
// or less: a single error is no trend.
constexpr const char *trend(uint64_t last_hour, uint64_t counted, uint64_t minutes)
{
	const uint64_t before = counted > last_hour ? counted - last_hour : 0;

	// Less than an hour of them.
	if (minutes < 120)
		return "unknown";
	minutes -= 60;
	if (last_hour * minutes >= 120 * before + 3 * minutes)
		return "rising";
	return (2 * last_hour + 3) * minutes <= 60 * before ? "falling" : "steady";
}

static_assert(spare_weight + error_weight + unreadable_weight <= perfect);

} // namespace dm_remap::health

#endif
