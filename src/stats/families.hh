// SPDX-License-Identifier: GPL-2.0
// The metrics of a device that both the file all_stats of sysfs and `dmremap metrics` have: names, types and HELP are here, and nowhere else, as
// of two texts that describe one metric differently a collector drops the second without a word. They are a promise to those who alert on
// them: docs/statistics.md.
#ifndef DM_REMAP_STATS_FAMILIES_HH
#define DM_REMAP_STATS_FAMILIES_HH

#include "stats/values.hh"

#include <cstddef>
#include <cstdint>

namespace dm_remap::stats {

enum class Unit { number, bytes, seconds };

// One metric; the family is its samples of all devices.
struct Family {
	const char *name;	// without the prefix
	const char *help;
	Unit unit;
	uint64_t (*value)(const dmr_snapshot &s); // number as it is, bytes from sectors, seconds from nanoseconds
	bool in_messages = true; // the answers to `status` and `stats` tell it, too
};

inline constexpr char family_prefix[] = "dm_remap_";

// In order of importance: what does not fit into a file of sysfs is left out from the end.
inline constexpr Family families[] = {
	{"health_score", "Health, 0 (replace now) to 100.", Unit::number,
	 [](const dmr_snapshot &s) { return uint64_t(s.health); }},
	{"mode", "0 ok, 1 read-only; from 2 on it needs a person.", Unit::number,
	 [](const dmr_snapshot &s) { return uint64_t(s.mode); }},
	{"pending_bytes", "Unreadable, not yet rewritten.", Unit::bytes,
	 [](const dmr_snapshot &s) { return s.pending_sectors; }},
	{"lost_bytes", "Lost with a spare, not yet rewritten.", Unit::bytes,
	 [](const dmr_snapshot &s) { return s.lost_sectors; }},
	{"spare_bytes", "Size of the pool.", Unit::bytes, [](const dmr_snapshot &s) { return s.spare_sectors_total; }},
	{"spare_used_bytes", "Of the pool, in use.", Unit::bytes,
	 [](const dmr_snapshot &s) { return s.spare_sectors_used; }},
	{"spare_bad_bytes", "Of the pool, bad.", Unit::bytes, [](const dmr_snapshot &s) { return s.spare_sectors_bad; }},
	{"remapped_bytes", "Served by the pool.", Unit::bytes, [](const dmr_snapshot &s) { return s.remapped_sectors; }},
	{"active_mappings", "Extents served by the pool.", Unit::number,
	 [](const dmr_snapshot &s) { return s.active_mappings; }},
	{"remaps_total", "Blocks remapped.", Unit::number, [](const dmr_snapshot &s) { return s.remaps; }},
	{"remaps_last_hour", "Blocks remapped in 60 minutes.", Unit::number,
	 [](const dmr_snapshot &s) { return s.remaps_last_hour; }},
	{"read_errors_total", "Reads that a disk failed.", Unit::number,
	 [](const dmr_snapshot &s) { return s.read_errors; }},
	{"write_errors_total", "Writes that a disk failed.", Unit::number,
	 [](const dmr_snapshot &s) { return s.write_errors; }},
	{"errors_last_hour", "I/Os that a disk failed in 60 minutes.", Unit::number,
	 [](const dmr_snapshot &s) { return s.errors_last_hour; }},
	{"unrecovered_total", "I/Os failed to the user.", Unit::number,
	 [](const dmr_snapshot &s) { return s.unrecovered; }},
	{"last_remap_timestamp_seconds", "Unix time, 0 for never.", Unit::number,
	 [](const dmr_snapshot &s) { return s.last_remap_time; }},
	{"last_error_timestamp_seconds", "Unix time, 0 for never.", Unit::number,
	 [](const dmr_snapshot &s) { return s.last_error_time; }},
	{"reads_total", "Reads completed.", Unit::number, [](const dmr_snapshot &s) { return s.reads; }, false},
	{"writes_total", "Writes completed.", Unit::number, [](const dmr_snapshot &s) { return s.writes; }, false},
	{"avg_latency_seconds", "Mean since creation.", Unit::seconds,
	 [](const dmr_snapshot &s) { return average_latency_ns(s); }, false},
	{"read_seconds_total", "Time spent in reads.", Unit::seconds, [](const dmr_snapshot &s) { return s.read_ns; }, false},
	{"write_seconds_total", "Time spent in writes.", Unit::seconds, [](const dmr_snapshot &s) { return s.write_ns; }, false},
	{"map_extents", "Map entries.", Unit::number, [](const dmr_snapshot &s) { return s.extents; }},
	{"map_max_extents", "Limit of map entries.", Unit::number, [](const dmr_snapshot &s) { return s.max_extents; }},
	{"commits_total", "Metadata commits.", Unit::number, [](const dmr_snapshot &s) { return s.commits; }},
	{"checkpoints_total", "Metadata checkpoints.", Unit::number,
	 [](const dmr_snapshot &s) { return s.checkpoints; }},
	{"slow_path_total", "Reads and writes that workers served.", Unit::number,
	 [](const dmr_snapshot &s) { return s.pending_hits; }},
	{"untested_total", "Blocks remapped without a trial.", Unit::number,
	 [](const dmr_snapshot &s) { return s.untested; }},
	{"main_bytes", "Size of main.", Unit::bytes, [](const dmr_snapshot &s) { return s.main_sectors; }},
};

inline constexpr uint32_t family_count = sizeof(families) / sizeof(families[0]);

// A name in _total is a counter, any other a gauge.
constexpr bool is_counter(const char *name)
{
	constexpr char suffix[] = "_total";
	const size_t length = __builtin_strlen(name), n = sizeof(suffix) - 1;

	return length > n && !__builtin_memcmp(name + length - n, suffix, n);
}

} // namespace dm_remap::stats

#endif
