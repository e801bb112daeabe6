// SPDX-License-Identifier: GPL-2.0
// Deliberate mistakes, to prove that the tests would notice them. Compile-time false everywhere but in the simulator
// (DMR_BREAK_HOOKS: one is chosen at run time) and in a module build that asks for one (DMR_BREAK=<name>).
#ifndef DM_REMAP_BREAKS_HH
#define DM_REMAP_BREAKS_HH

#include <cstdint>

namespace dm_remap {

enum class Break : uint8_t {
	none,
	data_after_record,	// the record is made durable before the data that it speaks of
	no_flush_before_record,
	no_fua_on_record,
	publish_before_commit,
	complete_before_commit,
	forget_bad_spare,
	forget_allocations,	// the allocator is not restored at load
	clear_pending_on_failure, // a write that failed takes the pending mark away
	ignore_crc,
	older_generation,	// the older of two checkpoints is chosen
	no_spare_flush,		// a user's flush goes to main alone
	move_without_drain,
	stale_lookup,		// the index is not asked again after a range was taken
	publish_out_of_order,	// in another order than logged
	second_before_first,	// the record is sent to all members before the data on the first is durable
	trust_later_flush,	// what a failed flush may have lost counts as durable after the next one
	tell_one_alone,		// a flush that waited while another failed is believed
	index_before_ranges,	// map looks at the index first, and at the taken ranges then
	reuse_freed_at_once,	// a moved block is free before its move is durable
	accept_diverged,
	wait_for_unstarted,	// a worker waits for one that was not started
	count_
};

#if defined(DMR_BREAK_HOOKS)
inline Break active_break = Break::none;
inline bool broken(Break which) { return active_break == which; }
// Between two looks at what other CPUs change. The simulator lets others run there.
inline void (*race_hook)() = nullptr;
inline void race_point()
{
	if (race_hook)
		race_hook();
}
#elif defined(DMR_BREAK)
constexpr bool broken(Break which) { return which == Break::DMR_BREAK; }
// For the gate (tests/gates): no module that is to be used has this symbol.
[[gnu::used]] static const char break_built_in = 1;
#else
constexpr bool broken(Break) { return false; }
#endif
#if !defined(DMR_BREAK_HOOKS)
constexpr void race_point() {}
#endif

} // namespace dm_remap

#endif
