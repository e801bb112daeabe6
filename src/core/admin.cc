// SPDX-License-Identifier: GPL-2.0
// What the administrator reads and says: status, messages. docs/reference.md describes each field; the order of the
// status fields and the names of the keys are an interface.
#include "engine.hh"

#include <array>

namespace dm_remap {

static const char *mode_name(uint32_t mode)
{
	static constexpr std::array<const char *, DMR_MODE_METADATA_FAILED + 1> names = {
		"ok", "read_only", "spare_exhausted", "map_full", "main_read_only", "main_gone", "metadata_failed",
	};

	return mode < names.size() ? names[mode] : "unknown";
}

using ull = unsigned long long;

void Engine::status(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	out.print("%llu %llu/%llu %llu %llu %llu/%llu %llu %llu %llu %llu %u %u", ull(s.generation), ull(s.extents),
		  ull(s.max_extents), ull(s.remapped_sectors), ull(s.pending_sectors), ull(s.spare_sectors_used),
		  ull(s.spare_sectors_total), ull(s.spare_sectors_bad), ull(s.remaps), ull(s.read_errors), ull(s.write_errors),
		  s.health, p_.member_count);
	for (uint32_t i = 0; i < p_.member_count; i++) {
		dmr_pool_usage usage = store_.usage(i);
		uint64_t unit = block_size_.sectors();
		dmr_device_info info;

		dmr_device_describe(p_.members[i].dev, &info);
		out.print(" %s:%s:%llu/%llu", info.name, store_.failed() ? "failed" : "active", ull(usage.used * unit),
			  ull(usage.total * unit));
	}
	out.print(" %s", mode_name(s.mode));
}

void Engine::message_status(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	out.print("mode=%s health=%u\n", mode_name(s.mode), s.health);
	out.print("main sectors=%llu block_bytes=%u\n", ull(s.main_sectors), block_size_.bytes());
	out.print("map generation=%llu extents=%llu max_extents=%llu mappings=%llu remapped_sectors=%llu pending_sectors=%llu\n",
		  ull(s.generation), ull(s.extents), ull(s.max_extents), ull(s.active_mappings), ull(s.remapped_sectors),
		  ull(s.pending_sectors));
	out.print("pool members=%u total_sectors=%llu used_sectors=%llu bad_sectors=%llu\n", p_.member_count,
		  ull(s.spare_sectors_total), ull(s.spare_sectors_used), ull(s.spare_sectors_bad));
}

void Engine::message_stats(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	out.print("errors read=%llu write=%llu last_hour=%llu last_time=%llu unrecovered=%llu\n", ull(s.read_errors),
		  ull(s.write_errors), ull(s.errors_last_hour), ull(s.last_error_time), ull(s.unrecovered));
	out.print("remaps blocks=%llu last_hour=%llu last_time=%llu untested=%llu\n", ull(s.remaps), ull(s.remaps_last_hour),
		  ull(s.last_remap_time), ull(s.untested));
	out.print("slow_path requests=%llu commits=%llu checkpoints=%llu\n", ull(s.pending_hits), ull(s.commits),
		  ull(s.checkpoints));
}

void Engine::message_health(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	out.print("health=%u mode=%s errors_last_hour=%llu pending_sectors=%llu spare_used_sectors=%llu spare_total_sectors=%llu\n",
		  s.health, mode_name(s.mode), ull(s.errors_last_hour), ull(s.pending_sectors),
		  ull(s.spare_sectors_used + s.spare_sectors_bad), ull(s.spare_sectors_total));
}

void Engine::message_cache_stats(TextWriter &out)
{
	const ExtentIndex &index = store_.index();

	out.print("index extents=%llu mapped_extents=%llu bytes=%llu\n", ull(index.extents()), ull(index.mapped_extents()),
		  ull(index.memory()));
	out.print("region_filter regions=%llu set=%llu region_sectors=%llu\n", ull(store_.filter().regions()),
		  ull(store_.filter().regions_set()), ull(block_size_.to_sectors(store_.filter().region_length()).value));
}

void Engine::message_help(TextWriter &out)
{
	out.print("help: this list\n"
		  "status: mode, map and pool\n"
		  "stats: counters since the device was created or clear_stats\n"
		  "health: the score 0..100 and what it is made of\n"
		  "cache_stats: size of the in-memory index\n"
		  "clear_stats: set the counters of 'stats' to zero\n");
}

int Engine::message(unsigned int argc, char **argv, TextWriter &out, char *reason)
{
	struct Command {
		const char *name;
		void (Engine::*answer)(TextWriter &);	// null: clear_stats
	};
	static constexpr std::array<Command, 6> commands = { {
		{ "help", &Engine::message_help },
		{ "status", &Engine::message_status },
		{ "stats", &Engine::message_stats },
		{ "health", &Engine::message_health },
		{ "cache_stats", &Engine::message_cache_stats },
		{ "clear_stats", nullptr },
	} };
	TextWriter why(reason, DMR_REASON_SIZE);

	if (argc < 1) {
		why.print("message: empty; 'help' lists what is understood");
		return -EINVAL;
	}
	for (const Command &command : commands) {
		if (!same_text(argv[0], command.name))
			continue;
		if (argc > 1) {
			why.print("message '%s': takes no argument, got ", command.name);
			why.quoted(argv[1]);
			return -EINVAL;
		}
		if (command.answer) {
			(this->*command.answer)(out);
			return 1;
		}
		if (__atomic_load_n(&suspended_, __ATOMIC_RELAXED)) {
			why.print("message '%s': the device is suspended; resume it first", command.name);
			return -EBUSY;
		}
		counters_.clear();
		return 0;
	}
	why.print("message ");
	why.quoted(argv[0]);
	why.print(": unknown; 'help' lists what is understood");
	return -EINVAL;
}

} // namespace dm_remap
