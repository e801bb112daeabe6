// SPDX-License-Identifier: GPL-2.0
#include "plan.hh"

#include <bit>
#include <cstddef>

namespace dm_remap::stress {

namespace {

constexpr const char *kind_names[] = {
	"suspend", "suspend --noflush", "reload", "reload, changed", "load, clear", "load, refused", "rename", "status", "table",
	"deps", "wait for an event",
	"message help", "message status", "message stats", "message health", "message cache_stats", "message clear_stats",
	"message, refused",
	"add_spare", "add a spare by table", "remove_spare", "remove_spare, cancel",
	"main: bad sectors", "spare: bad sectors", "main: weak sector", "main: unreadable", "spare turns read-only", "spare dies",
	"spare dies (medium)", "flushes fail", "all spares die",
	"read sysfs", "stats come and go",
	"write", "write, durable", "write over bad", "write zeroes", "discard", "read", "sync", "look", "fio pass",
};
static_assert(std::size(kind_names) == size_t(Kind::count_));

constexpr const char *role_names[] = {
	"suspender", "reloader", "renamer", "observer", "waiter", "pool", "decay", "misfortune", "sysfs", "stats_module", "tracker",
	"looker", "fio",
};

} // namespace

const char *name_of(Kind kind)
{
	return kind_names[size_t(kind)];
}

bool planned(Side side, Kind kind)
{
	switch (kind) {
	case Kind::unreadable_main:
	case Kind::spare_dead:
	case Kind::spare_dead_medium:
	case Kind::flush_fails:
	case Kind::all_dead:
		return side == Side::rough;
	case Kind::weak_main:
	case Kind::sysfs:
	case Kind::stats_module:
	case Kind::fio_pass:
		return side == Side::strict;
	// A gate with bad sectors takes none (6.1).
	case Kind::discard:
		return false;
	default:
		return true;
	}
}

std::string text(const Action &action)
{
	return std::string(name_of(action.kind)) + " which=" + std::to_string(action.which) + " start=" +
	       std::to_string(action.start) + " sectors=" + std::to_string(action.sectors) + " pause=" +
	       std::to_string(action.pause_ms) + " hold=" + std::to_string(action.hold_ms);
}

std::string name_of(const Part &part)
{
	return std::string(name_of(part.side)) + "." + role_names[size_t(part.role)] +
	       (part.number ? std::to_string(part.number) : "");
}

std::vector<Part> cast()
{
	std::vector<Part> all;

	for (Side side : {Side::strict, Side::rough}) {
		for (Role role : {Role::suspender, Role::reloader, Role::renamer, Role::observer, Role::waiter, Role::pool,
				  Role::decay, Role::misfortune})
			all.push_back({role, side, 0});
		for (uint32_t i = 0; i < trackers[size_t(side)]; i++) {
			all.push_back({Role::tracker, side, i});
			all.push_back({Role::looker, side, i});
		}
	}
	for (uint32_t i = 0; i < fio_jobs; i++)
		all.push_back({Role::fio, Side::strict, i});
	all.push_back({Role::sysfs, Side::strict, 0});
	all.push_back({Role::stats_module, Side::strict, 0});
	return all;
}

Plan::Plan(const Part &part, uint64_t seed)
	: part_(part),
	  random_(seed * 1'000'000 + size_t(part.role) * 1000 + size_t(part.side) * 100 + part.number)
{
}

Action Plan::next()
{
	switch (part_.role) {
	case Role::suspender:
		return suspender();
	case Role::reloader:
		return reloader();
	case Role::renamer:
		return renamer();
	case Role::observer:
		return observer();
	case Role::pool:
		return pool();
	case Role::decay:
		return decay();
	case Role::misfortune:
		return misfortune();
	case Role::tracker:
		return tracker();
	case Role::looker:
		return looker();
	case Role::fio:
		return fio();
	case Role::waiter:
		return {.kind = Kind::event};
	case Role::sysfs:
		return {.kind = Kind::sysfs, .pause_ms = uint32_t(random_.between(50, 300))};
	case Role::stats_module:
		return {.kind = Kind::stats_module, .pause_ms = uint32_t(random_.between(1000, 4000)),
			.hold_ms = uint32_t(random_.below(500))};
	}
	__builtin_unreachable();
}

void Plan::place(Action &action, uint64_t limit, uint64_t most)
{
	action.sectors = random_.between(1, most);
	action.start = random_.below(limit - action.sectors + 1);
}

Action Plan::suspender()
{
	Action action{.kind = random_.chance(1, 2) ? Kind::suspend : Kind::suspend_noflush};

	action.pause_ms = uint32_t(random_.between(200, 1500));
	action.hold_ms = uint32_t(random_.chance(1, 2) ? 0 : random_.below(400));
	action.which = uint32_t(random_.below(2));	// with or without lockfs
	return action;
}

Action Plan::reloader()
{
	constexpr Kind kinds[] = {Kind::reload, Kind::reload, Kind::reload_changed, Kind::load_and_clear, Kind::load_refused};
	Action action{.kind = kinds[random_.below(std::size(kinds))]};

	action.pause_ms = uint32_t(random_.between(300, 2000));
	action.hold_ms = uint32_t(random_.chance(1, 2) ? 0 : random_.below(300));	// between load and resume
	action.which = uint32_t(random_.below(6));
	return action;
}

Action Plan::renamer()
{
	return {.kind = Kind::rename, .pause_ms = uint32_t(random_.between(200, 1000)), .which = uint32_t(random_.below(8))};
}

Action Plan::observer()
{
	constexpr Kind kinds[] = {
		Kind::status, Kind::table, Kind::deps, Kind::help, Kind::say_status, Kind::stats, Kind::health, Kind::cache_stats,
		Kind::clear_stats, Kind::message_refused,
	};

	return {.kind = kinds[random_.below(std::size(kinds))], .pause_ms = uint32_t(random_.between(20, 200)),
		.which = uint32_t(random_.below(4))};
}

// Never fewer than three, so that with one that fails and one that goes there is one that takes all.
Action Plan::pool()
{
	const auto count = uint32_t(std::popcount(members_));
	const bool may_add = count < spares, may_remove = count > first_spares;
	Action action{.pause_ms = uint32_t(random_.between(300, 3000))};
	const uint64_t draw = random_.below(10);

	if (draw < 4)
		action.kind = Kind::remove_cancelled;
	else if (may_add && (draw < 7 || !may_remove))
		action.kind = random_.chance(1, 2) ? Kind::add_spare : Kind::add_by_table;
	else
		action.kind = Kind::remove_spare;
	const bool present = action.kind == Kind::remove_spare || action.kind == Kind::remove_cancelled;

	do
		action.which = uint32_t(random_.below(spares));
	while ((members_ >> action.which & 1) != present);
	if (action.kind != Kind::remove_cancelled)
		members_ ^= 1u << action.which;
	action.hold_ms = uint32_t(random_.chance(1, 2) ? 0 : random_.below(100));	// before it is cancelled
	return action;
}

Action Plan::decay()
{
	const bool rough = part_.side == Side::rough;
	const uint64_t draw = random_.below(10);
	Action action{.kind = draw < 5 ? Kind::bad_main :
			      draw < 7 ? Kind::bad_spare :
			      rough    ? Kind::unreadable_main :
					 Kind::weak_main,
		      .pause_ms = uint32_t(random_.between(50, 500)),
		      .hold_ms = uint32_t(random_.between(100, 1000)),
		      .which = uint32_t(random_.below(spares))};

	if (action.kind == Kind::bad_spare)
		place(action, spare_sectors / 4, 4);
	else if (action.kind == Kind::weak_main)
		place(action, main_sectors[size_t(part_.side)] - weak_stride * weak_count, 1);
	else if (action.kind == Kind::unreadable_main)
		place(action, trackers[size_t(part_.side)] * area_sectors, 64);
	else
		// Beyond the areas of *rough* main stays good: it must be able to show that it is.
		place(action, rough ? trackers[size_t(part_.side)] * area_sectors : main_sectors[size_t(part_.side)], 16);
	return action;
}

Action Plan::misfortune()
{
	constexpr Kind kinds[] = {Kind::spare_dead, Kind::spare_dead, Kind::spare_dead_medium, Kind::spare_read_only,
				  Kind::flush_fails, Kind::all_dead};
	const Kind kind = part_.side == Side::strict ? Kind::spare_read_only : kinds[random_.below(std::size(kinds))];

	return {.kind = kind,
		.pause_ms = uint32_t(random_.between(1000, 5000)),
		.hold_ms = uint32_t(random_.between(200, 3000)),
		.which = uint32_t(random_.below(spares + (kind == Kind::flush_fails)))};	// the last: main
}

Action Plan::tracker()
{
	constexpr Kind kinds[] = {
		Kind::write, Kind::write, Kind::write, Kind::write, Kind::write, Kind::write, Kind::write_durable,
		Kind::write_over_bad, Kind::write_zeroes, Kind::discard, Kind::read, Kind::read, Kind::read, Kind::read, Kind::read,
		Kind::sync,
	};
	Action action{.kind = kinds[random_.below(std::size(kinds))], .pause_ms = uint32_t(random_.below(8)),
		      .which = uint32_t(random_.next())};

	place(action, area_sectors, random_.chance(1, 8) ? 512 : random_.chance(1, 3) ? 64 : 8);
	return action;
}

Action Plan::looker()
{
	Action action{.kind = Kind::look, .pause_ms = uint32_t(random_.between(2, 15))};

	place(action, area_sectors, random_.chance(1, 8) ? 256 : 16);
	return action;
}

Action Plan::fio()
{
	return {.kind = Kind::fio_pass, .which = uint32_t(random_.next())};
}

} // namespace dm_remap::stress
