// SPDX-License-Identifier: GPL-2.0
// What administrators do, what goes wrong, and who watches: all but the users.
#ifndef DMR_STRESS_ACTORS_HH
#define DMR_STRESS_ACTORS_HH

#include "plan.hh"
#include "subject.hh"

namespace dm_remap::stress {

// Roles suspender, reloader, renamer, observer, pool, decay and misfortune: one action, its pause not included.
void administer(Subject &subject, const Action &action);
void change_pool(Subject &subject, const Action &action);
void go_wrong(Subject &subject, const Action &action);
// Role waiter: until the end, when its thread is sent signals.
void wait_for_events(Subject &subject);
// Roles sysfs and stats_module, which are about all devices.
void read_sysfs(Watch &watch);
void reload_stats(Watch &watch, const Action &action);

} // namespace dm_remap::stress

#endif
