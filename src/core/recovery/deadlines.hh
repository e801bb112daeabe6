// SPDX-License-Identifier: GPL-2.0
// How long the slow path waits, all in one place. Nanoseconds.
#ifndef DM_REMAP_CORE_RECOVERY_DEADLINES_HH
#define DM_REMAP_CORE_RECOVERY_DEADLINES_HH

#include <cstdint>

namespace dm_remap {

// Of work on one request: blocks that were not tried by then are not tried any more.
inline constexpr uint64_t request_budget_ns = 20'000'000'000ull;
// For what is in flight to a taken range: whoever cannot drain it by then gives up and releases.
inline constexpr uint64_t drain_ns = 5'000'000'000ull;
// For a look at main's guard blocks before a table serves.
inline constexpr uint64_t guard_look_ns = 5'000'000'000ull;
// A command to a dying disk takes longer than that: so often in a row a job of the administrator's tries to drain, and lets others
// go first in between.
inline constexpr uint32_t most_drains = 60;

} // namespace dm_remap

#endif
