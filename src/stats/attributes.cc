// SPDX-License-Identifier: GPL-2.0
// The single values of sysfs: which number belongs to which name, and how those of several devices add up.
#include "stats/text.hh"
#include "stats/values.hh"

#include <cerrno>

namespace {

using namespace dm_remap::stats;

struct Attribute {
	const char *name;
	uint64_t (*value)(const dmr_snapshot &s);
};

constexpr Attribute attributes[] = {
	{"total_reads", [](const dmr_snapshot &s) { return s.reads; }},
	{"total_writes", [](const dmr_snapshot &s) { return s.writes; }},
	{"total_remaps", [](const dmr_snapshot &s) { return s.remaps; }},
	{"total_errors", [](const dmr_snapshot &s) { return total_errors(s); }},
	{"active_mappings", [](const dmr_snapshot &s) { return s.active_mappings; }},
	{"last_remap_time", [](const dmr_snapshot &s) { return s.last_remap_time; }},
	{"last_error_time", [](const dmr_snapshot &s) { return s.last_error_time; }},
	{"avg_latency_us", [](const dmr_snapshot &s) { return average_latency_ns(s) / 1000; }},
	{"remapped_sectors", [](const dmr_snapshot &s) { return s.remapped_sectors; }},
	{"spare_sectors_used", [](const dmr_snapshot &s) { return s.spare_sectors_used; }},
	{"remap_rate_per_hour", [](const dmr_snapshot &s) { return s.remaps_last_hour; }},
	{"error_rate_per_hour", [](const dmr_snapshot &s) { return s.errors_last_hour; }},
	{"health_score", [](const dmr_snapshot &s) { return uint64_t(s.health); }},
};

// What is a count of things, and so adds up over devices.
constexpr uint64_t dmr_snapshot::*counts[] = {
	&dmr_snapshot::reads, &dmr_snapshot::writes, &dmr_snapshot::read_ns, &dmr_snapshot::write_ns,
	&dmr_snapshot::read_errors, &dmr_snapshot::write_errors, &dmr_snapshot::remaps, &dmr_snapshot::remaps_last_hour,
	&dmr_snapshot::errors_last_hour, &dmr_snapshot::unrecovered, &dmr_snapshot::untested,
	&dmr_snapshot::pending_hits,
	&dmr_snapshot::commits, &dmr_snapshot::checkpoints, &dmr_snapshot::extents, &dmr_snapshot::max_extents,
	&dmr_snapshot::active_mappings, &dmr_snapshot::remapped_sectors, &dmr_snapshot::pending_sectors,
	&dmr_snapshot::lost_sectors,
	&dmr_snapshot::spare_sectors_total, &dmr_snapshot::spare_sectors_used, &dmr_snapshot::spare_sectors_bad,
	&dmr_snapshot::spare_sectors_free, &dmr_snapshot::rescued, &dmr_snapshot::moved, &dmr_snapshot::main_sectors,
};

// Of these the latest one counts.
constexpr uint64_t dmr_snapshot::*maxima[] = {
	&dmr_snapshot::last_remap_time, &dmr_snapshot::last_error_time, &dmr_snapshot::generation,
};

} // namespace

extern "C" int dmr_stats_value(const char *attribute, const dmr_snapshot *s, char *buf, size_t size)
{
	for (const Attribute &a : attributes) {
		if (__builtin_strcmp(a.name, attribute))
			continue;
		Text text(buf, size);

		text.put(a.value(*s));
		text.put('\n');
		return static_cast<int>(text.length());
	}
	return -ENOENT;
}

extern "C" void dmr_stats_sum(const dmr_snapshot *devices, uint32_t count, dmr_snapshot *out)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->health = 100;
	for (uint32_t i = 0; i < count; i++) {
		const dmr_snapshot &s = devices[i];

		for (const auto member : counts)
			out->*member += s.*member;
		for (const auto member : maxima)
			out->*member = s.*member > out->*member ? s.*member : out->*member;
		out->health = s.health < out->health ? s.health : out->health;
		out->mode = s.mode > out->mode ? s.mode : out->mode;
	}
}
