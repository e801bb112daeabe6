// SPDX-License-Identifier: GPL-2.0
// What is shown of a snapshot: figures that are not in it as they stand.
#ifndef DM_REMAP_STATS_VALUES_HH
#define DM_REMAP_STATS_VALUES_HH

#include <dm_remap/stats.h>

namespace dm_remap::stats {

constexpr uint64_t total_errors(const dmr_snapshot &s)
{
	return s.read_errors + s.write_errors;
}

// Mean duration of the reads and writes that completed, in nanoseconds; 0 before the first one.
constexpr uint64_t average_latency_ns(const dmr_snapshot &s)
{
	const uint64_t count = s.reads + s.writes;

	return count ? (s.read_ns + s.write_ns) / count : 0;
}

} // namespace dm_remap::stats

#endif
