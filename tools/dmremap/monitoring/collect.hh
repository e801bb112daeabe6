// SPDX-License-Identifier: GPL-2.0
#ifndef DMREMAP_MONITORING_COLLECT_HH
#define DMREMAP_MONITORING_COLLECT_HH

#include "machine/machine.hh"
#include "monitoring/facts.hh"

namespace dm_remap::tool {

// Of each device the values of sysfs, which are of one moment, and what sysfs has not of its messages; without device-mapper sysfs alone.
// Throws Failure: neither can be asked, though modules are loaded.
MachineFacts collect(const Machine &machine);

} // namespace dm_remap::tool

#endif
