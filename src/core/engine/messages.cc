// SPDX-License-Identifier: GPL-2.0
// What the administrator reads and says: status, messages. docs/reference.md describes each field; the order of the
// status fields and the names of the keys are an interface.
#include "core/engine/engine.hh"
#include "core/engine/words.hh"

#include <dm_remap/health.hh>
#include <dm_remap/mode.hh>

#include <array>

namespace dm_remap {

static const char *mode_name(uint32_t mode)
{
	return mode < std::size(mode_names) ? mode_names[mode] : "unknown";
}

using ull = unsigned long long;

void Engine::status(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	out.print("%llu %llu/%llu %llu %llu %llu/%llu %llu %llu %llu %llu %u %u", ull(s.generation), ull(s.extents),
		  ull(s.max_extents), ull(s.remapped_sectors), ull(s.pending_sectors), ull(s.spare_sectors_used),
		  ull(s.spare_sectors_total), ull(s.spare_sectors_bad), ull(s.remaps), ull(s.read_errors), ull(s.write_errors),
		  s.health, map_.member_count());
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (!map_.spares().knows(i))
			continue;
		dmr_pool_usage usage = map_.spares().usage(i);
		uint64_t unit = block_size_.sectors();

		out.print(" %s:%s:%llu/%llu", member_name(i).text, member_state(i), ull(usage.used * unit), ull(usage.total * unit));
	}
	out.print(" %s", mode_name(s.mode));
}

Engine::MemberName Engine::member_name(uint32_t slot) const
{
	MemberName name = { "-" };
	dmr_device_info info;

	if (dmr_device *dev = members_.device(slot)) {
		dmr_device_describe(dev, &info);
		__builtin_memcpy(name.text, info.name, sizeof(name.text));
	}
	return name;
}

// In the order of what an administrator should know first.
const char *Engine::member_state(uint32_t slot) const
{
	uint32_t bit = 1u << slot;

	if (!members_.present(slot))
		return "missing";
	if (map_.failed())
		return "failed";
	if (mover_.slot() == slot)
		return "removing";
	if (!(map_.spares().healthy() & bit))
		return p_.read_only ? "behind" : "dropped";
	return map_.spares().avoided() & bit ? "avoided" : "active";
}

// One line a member: who it is, what it does, how full it is.
void Engine::message_spares(TextWriter &out)
{
	uint64_t unit = block_size_.sectors();

	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (!map_.spares().knows(i))
			continue;
		dmr_pool_usage usage = map_.spares().usage(i);

		out.print("spare number=%u device=%s state=%s start=%llu total_sectors=%llu used_sectors=%llu bad_sectors=%llu\n", i,
			  member_name(i).text, member_state(i), ull(members_.present(i) ? members_.range(i).start : 0),
			  ull(usage.total * unit), ull(usage.used * unit), ull(usage.bad * unit));
	}
	const Mover::Progress job = mover_.progress();
	const unsigned long long seconds = (dmr_now_ns() - job.begun_ns) / 1'000'000'000;

	if (uint32_t slot = mover_.slot(); slot != Mover::none)
		out.print("removing number=%u device=%s moved_sectors=%llu left_sectors=%llu seconds=%llu\n", slot,
			  member_name(slot).text, ull(job.moved * unit), ull(map_.spares().usage(slot).used * unit), seconds);
	else if (job.kind != Mover::Kind::none && job.kind != Mover::Kind::evacuate)
		message_job(out, job);
}

void Engine::message_status(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	out.print("mode=%s health=%u\n", mode_name(s.mode), s.health);
	out.print("main sectors=%llu block_bytes=%u physical_block_bytes=%u\n", ull(s.main_sectors), block_size_.bytes(),
		  static_cast<unsigned int>(physical_bytes()));
	message_guard(out);
	out.print("map generation=%llu extents=%llu max_extents=%llu mappings=%llu remapped_sectors=%llu pending_sectors=%llu lost_sectors=%llu\n",
		  ull(s.generation), ull(s.extents), ull(s.max_extents), ull(s.active_mappings), ull(s.remapped_sectors),
		  ull(s.pending_sectors), ull(s.lost_sectors));
	out.print("pool members=%u total_sectors=%llu used_sectors=%llu bad_sectors=%llu free_sectors=%llu main_permille=%llu\n",
		  map_.member_count(), ull(s.spare_sectors_total), ull(s.spare_sectors_used),
		  ull(s.spare_sectors_bad), ull(s.spare_sectors_free), ull(s.spare_sectors_total * 1000 / s.main_sectors));
	message_spares(out);
	message_scrub(out);
}

void Engine::message_stats(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	out.print("errors read=%llu write=%llu last_hour=%llu last_time=%llu unrecovered=%llu\n", ull(s.read_errors),
		  ull(s.write_errors), ull(s.errors_last_hour), ull(s.last_error_time), ull(s.unrecovered));
	out.print("remaps blocks=%llu last_hour=%llu last_time=%llu untested=%llu rescued=%llu moved=%llu\n", ull(s.remaps),
		  ull(s.remaps_last_hour), ull(s.last_remap_time), ull(s.untested), ull(s.rescued), ull(s.moved));
	out.print("slow_path requests=%llu commits=%llu checkpoints=%llu\n", ull(s.pending_hits), ull(s.commits),
		  ull(s.checkpoints));
}

void Engine::message_health(TextWriter &out)
{
	dmr_snapshot s;

	snapshot(s);
	const Counters::Recent recent = counters_.recent();
	const uint64_t hundredths = health::errors_per_hour_hundredths(recent.errors_last_day, recent.minutes);

	out.print("health=%u mode=%s errors_last_hour=%llu pending_sectors=%llu spare_used_sectors=%llu spare_total_sectors=%llu lost_sectors=%llu",
		  s.health, mode_name(s.mode), ull(s.errors_last_hour), ull(s.pending_sectors),
		  ull(s.spare_sectors_used + s.spare_sectors_bad), ull(s.spare_sectors_total), ull(s.lost_sectors));
	out.print(" error_rate_per_hour=%llu errors_last_day=%llu error_rate_per_hour_of_day=%llu.%llu%llu trend=%s consecutive_errors=%llu\n",
		  ull(recent.errors_last_hour), ull(recent.errors_last_day), ull(hundredths / 100), ull(hundredths / 10 % 10), ull(hundredths % 10),
		  health::trend(recent.errors_last_hour, recent.errors_last_day, recent.minutes), ull(recent.in_a_row));
}

void Engine::message_cache_stats(TextWriter &out)
{
	const ExtentIndex &index = map_.index();

	out.print("index extents=%llu mapped_extents=%llu bytes=%llu\n", ull(index.extents()), ull(index.mapped_extents()),
		  ull(index.memory()));
	out.print("region_filter regions=%llu set=%llu region_sectors=%llu\n", ull(map_.filter().regions()),
		  ull(map_.filter().regions_set()), ull(block_size_.to_sectors(map_.filter().region_length()).value));
}

void Engine::message_help(TextWriter &out)
{
	out.print("help: this list\n"
		  "status: mode, map, pool and each spare\n"
		  "stats: counters since the device was created or clear_stats\n"
		  "health: the score 0..100 and what it is made of\n"
		  "cache_stats: size of the in-memory index\n"
		  "list [<from> [<count>]]: the extents from this sector of main on\n"
		  "clear_stats: set the counters of 'stats' to zero\n"
		  "add_spare <dev> [<start> <sectors>]: a further spare, which must be blank\n"
		  "remove_spare <dev> [cancel|force]: take a spare out; what lives on it moves to the others first\n"
		  "remap <sector> [<count>]: move what lives there on main to spares, before it fails\n"
		  "unremap <sector> [<count>]: move what lives there on spares back to main, where main takes it\n"
		  "retry_pending: read each pending block once; what comes moves to spares\n"
		  "guard <sector> <count> [<sector> <count>...]: move what lives there to spares, with a note in its place on main\n"
		  "unguard: give all that is guarded back to main\n"
		  "stop_job: end one of these five\n"
		  "scrub start|stop|pause|resume|status: read all of main, and what lives on spares, in the background\n"
		  "scrub rate <sectors per second>: no faster than that; 0: no limit\n"
		  "forget_spare <number> [force]: let go of a spare that is lost; with force also of what lived on it\n");
}

int Engine::message(unsigned int argc, char **argv, TextWriter &out, char *reason)
{
	struct Command {
		const char *name;
		void (Engine::*answer)(TextWriter &);	// null: clear_stats
	};
	static constexpr Command commands[] = {
		{ "help", &Engine::message_help },
		{ "status", &Engine::message_status },
		{ "stats", &Engine::message_stats },
		{ "health", &Engine::message_health },
		{ "cache_stats", &Engine::message_cache_stats },
		{ "clear_stats", nullptr },
	};
	TextWriter why(reason, DMR_REASON_SIZE);

	if (argc < 1) {
		why.print("message: empty; 'help' lists what is understood");
		return -EINVAL;
	}
	if (const int listed = list(argc, argv, out, reason))
		return listed;
	if (int result = 0; by_hand(argc, argv, reason, result) || guarding(argc, argv, reason, result) || scrub(argc, argv, out, reason, result))
		return result;
	const Command *command = find_message(commands, argc, argv);

	if (!command) {
		why.print("message ");
		why.quoted(argv[0]);
		why.print(": unknown; 'help' lists what is understood");
		return -EINVAL;
	}
	if (argc > 1) {
		why.print("message '%s': takes no argument, got ", command->name);
		why.quoted(argv[1]);
		return -EINVAL;
	}
	if (command->answer) {
		(this->*command->answer)(out);
		return 1;
	}
	if (__atomic_load_n(&suspended_, __ATOMIC_RELAXED)) {
		why.print("message '%s': the device is suspended; resume it first", command->name);
		return -EBUSY;
	}
	counters_.clear();
	return 0;
}

} // namespace dm_remap
