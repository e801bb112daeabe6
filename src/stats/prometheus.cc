// SPDX-License-Identifier: GPL-2.0
// The Prometheus text exposition. Names, types and units are a promise to those who alert on them: docs/statistics.md.
#include "stats/text.hh"
#include "stats/values.hh"

namespace dm_remap::stats {

namespace {

enum class Unit { number, bytes, seconds };

// One metric; the family is its samples of all devices.
struct Metric {
	const char *name;	// without "dm_remap_"
	const char *help;
	Unit unit;
	uint64_t (*value)(const dmr_snapshot &s); // number as it is, bytes from sectors, seconds from nanoseconds
};

// In order of importance: what does not fit is left out from the end. A name in _total is a counter, else a gauge.
constexpr Metric metrics[] = {
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
	{"spare_bad_bytes", "Of the pool, "
			    "bad.", Unit::bytes, [](const dmr_snapshot &s) { return s.spare_sectors_bad; }},
	{"remapped_bytes", "Served by the "
			   "pool.", Unit::bytes, [](const dmr_snapshot &s) { return s.remapped_sectors; }},
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
	{"reads_total", "Reads completed.", Unit::number, [](const dmr_snapshot &s) { return s.reads; }},
	{"writes_total", "Writes completed.", Unit::number, [](const dmr_snapshot &s) { return s.writes; }},
	{"avg_latency_seconds", "Mean since creation.", Unit::seconds,
	 [](const dmr_snapshot &s) { return average_latency_ns(s); }},
	{"read_seconds_total", "Time spent in reads.", Unit::seconds, [](const dmr_snapshot &s) { return s.read_ns; }},
	{"write_seconds_total", "Time spent in "
				"writes.", Unit::seconds, [](const dmr_snapshot &s) { return s.write_ns; }},
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

constexpr uint32_t metric_count = sizeof(metrics) / sizeof(metrics[0]);

bool is_counter(const char *name)
{
	constexpr char suffix[] = "_total";
	const size_t length = __builtin_strlen(name), n = sizeof(suffix) - 1;

	return length > n && !__builtin_memcmp(name + length - n, suffix, n);
}

void put_heading(Text &text, const char *name, const char *help)
{
	text.put("# HELP dm_remap_");
	text.put(name);
	text.put(' ');
	text.put(help);
	text.put("\n# TYPE dm_remap_");
	text.put(name);
	text.put(is_counter(name) ? " counter\n" : " gauge\n");
}

// The sample's name and labels; device nullptr: without.
void put_series(Text &text, const char *name, const char *device)
{
	text.put("dm_remap_");
	text.put(name);
	if (device) {
		text.put("{device=\"");
		text.put_label(device);
		text.put("\"}");
	}
	text.put(' ');
}

void put_family(Text &text, const Metric &m, const dmr_snapshot *devices, uint32_t count)
{
	put_heading(text, m.name, m.help);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t value = m.value(devices[i]);

		put_series(text, m.name, devices[i].name);
		if (m.unit == Unit::seconds)
			text.put_seconds(value);
		else
			text.put(m.unit == Unit::bytes ? value * DMR_SECTOR_SIZE : value);
		text.put('\n');
	}
}

// Says that the text is not whole. With one device it carries its label, so that the files of several can be collected.
void put_omitted(Text &text, uint32_t omitted, const dmr_snapshot *devices, uint32_t count)
{
	put_heading(text, "omitted_metrics", "Left out for want of space.");
	put_series(text, "omitted_metrics", count == 1 ? devices[0].name : nullptr);
	text.put(uint64_t(omitted));
	text.put('\n');
}

} // namespace

} // namespace dm_remap::stats

extern "C" int dmr_stats_prometheus(const dmr_snapshot *devices, uint32_t count, char *buf, size_t size)
{
	using namespace dm_remap::stats;

	Text text(buf, size);

	if (!count)
		return 0;
	// How long the closing family is is found by writing it; any number of omissions has at most two digits.
	static_assert(metric_count < 100);
	put_omitted(text, 99, devices, count);
	const size_t closing = text.length();
	text.rewind(0);

	// The text up to here, and the metrics in it, still leave room to say that there are more.
	size_t closable = 0;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < metric_count && !text.overflowed(); i++) {
		put_family(text, metrics[i], devices, count);
		if (!text.overflowed() && text.length() + closing < size) {
			closable = text.length();
			kept = i + 1;
		}
	}
	if (text.overflowed()) {
		text.rewind(closable);
		put_omitted(text, metric_count - kept, devices, count);
	}
	// Not even room for that.
	if (text.overflowed())
		text.rewind(0);
	return static_cast<int>(text.length());
}

static bool named_before(const dmr_snapshot *devices, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!__builtin_strcmp(devices[i].name, name))
			return true;
	return false;
}

extern "C" void dmr_stats_tell_apart(dmr_snapshot *devices, uint32_t count)
{
	using namespace dm_remap::stats;

	for (uint32_t i = 0; i < count; i++) {
		char *name = devices[i].name;
		const size_t length = __builtin_strlen(name), kept = length < 100 ? length : 100;

		for (uint64_t n = 1; named_before(devices, i, name); n++) {
			Text text(name + kept, sizeof(devices[i].name) - kept);

			text.put('.');
			text.put(n);
		}
	}
}
