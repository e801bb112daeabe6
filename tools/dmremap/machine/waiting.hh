// SPDX-License-Identifier: GPL-2.0
// Waiting for what a device that runs is at.
#ifndef DMREMAP_MACHINE_WAITING_HH
#define DMREMAP_MACHINE_WAITING_HH

#include "running.hh"

namespace dm_remap::tool {

// Its status is handed over at once, and again whenever device-mapper tells of an event, and now and then without one: a terminal shows
// how far it is, and of another table, which ends a job, no event tells. Returns the first status of which `goes_on` says no.
LiveStatus wait_while(const Running &device, const std::function<bool(const LiveStatus &)> &goes_on);

} // namespace dm_remap::tool

#endif
