// SPDX-License-Identifier: GPL-2.0
// Who does what: every actor's actions follow from the seed, one after the other, whatever becomes of them. When each is
// done, and what it meets, does not.
//
// Two remap devices are under stress. *strict* is over disks whose faults it must hide all: bad sectors that refuse writes,
// or give way just before they are written or for one read; spares that turn read-only. No request may fail. On *rough*
// spares die with what lives on them, flushes fail, and sectors become unreadable: a request may fail if a fault explains it.
#ifndef DMR_STRESS_PLAN_HH
#define DMR_STRESS_PLAN_HH

#include "host/random.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace dm_remap::stress {

enum class Side : uint8_t { strict, rough };
inline constexpr uint32_t sides = 2;
constexpr const char *name_of(Side side) { return side == Side::strict ? "strict" : "rough"; }

inline constexpr uint64_t sector_bytes = 512;
// In sectors. The drives of stress.sh are as large.
inline constexpr uint64_t main_sectors[sides] = {262144, 131072};
inline constexpr uint64_t spare_sectors = 65536;
inline constexpr uint32_t spares = 5, first_spares = 3;
// Each tracker and each fio job has an area of its own on main.
inline constexpr uint64_t area_sectors = 16384, fio_sectors = 49152;
inline constexpr uint32_t fio_jobs = 4;
inline constexpr uint32_t trackers[sides] = {2, 4};
// One goes through the page cache. Not on *rough*: the kernel tells a write that failed there to whoever reads next.
constexpr bool through_cache(Side side, uint32_t number) { return side == Side::strict && number == 1; }
constexpr uint64_t tracker_area(Side side, uint32_t number)
{
	return (side == Side::strict ? fio_jobs * fio_sectors : 0) + number * area_sectors;
}

// A *weak* main fails one read of each of so many sectors.
inline constexpr uint64_t weak_count = 128, weak_stride = 24;

enum class Kind : uint8_t {
	// device-mapper's
	suspend, suspend_noflush, reload, reload_changed, load_and_clear, load_refused, rename, status, table, deps, event,
	// messages
	help, say_status, stats, health, cache_stats, clear_stats, message_refused,
	// the pool's
	add_spare, add_by_table, remove_spare, remove_cancelled,
	// what goes wrong
	bad_main, bad_spare, weak_main, unreadable_main, spare_read_only, spare_dead, spare_dead_medium, flush_fails,
	all_dead,
	// statistics
	sysfs, stats_module,
	// users
	write, write_durable, write_over_bad, write_zeroes, discard, read, sync, look, fio_pass,
	count_
};
const char *name_of(Kind kind);
// Does anybody do this to that device? Of the statistics, which are about both, strict says it.
bool planned(Side side, Kind kind);

struct Action {
	Kind kind = Kind::status;
	uint32_t pause_ms = 0;	// before it
	uint32_t hold_ms = 0;	// for what has a beginning and an end
	uint32_t which = 0;	// spare, or form
	uint64_t start = 0, sectors = 0;	// of main; of a spare's blocks
};
std::string text(const Action &action);

enum class Role : uint8_t {
	suspender, reloader, renamer, observer, waiter, pool, decay, misfortune, sysfs, stats_module, tracker, looker, fio
};

struct Part {
	Role role;
	Side side;
	uint32_t number;	// among those of one role
};
std::string name_of(const Part &part);
// All of them, in a fixed order.
std::vector<Part> cast();

class Plan final {
public:
	Plan(const Part &part, uint64_t seed);

	Action next();

private:
	Action suspender();
	Action reloader();
	Action renamer();
	Action observer();
	Action pool();
	Action decay();
	Action misfortune();
	Action tracker();
	Action looker();
	Action fio();
	// A range within the first `limit` sectors.
	void place(Action &action, uint64_t limit, uint64_t most);

	const Part part_;
	host::Random random_;
	uint32_t members_ = (1u << first_spares) - 1; // of role pool: the pool as it is after each action
};

} // namespace dm_remap::stress

#endif
