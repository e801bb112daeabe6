// SPDX-License-Identifier: GPL-2.0
// The drives of a device that runs, asked by smartctl.
#ifndef DMREMAP_MACHINE_DRIVES_HH
#define DMREMAP_MACHINE_DRIVES_HH

#include "machine/machine.hh"
#include "smart/drive.hh"

namespace dm_remap::tool {

// Main's first, then those of the spares that are there. Throws Failure no-smartctl.
std::vector<Drive> ask_drives(Answer &answer, const Machine &machine, const Running &device, const LiveStatus &live);
// What they say means this for the device.
std::vector<Finding> judge_drives(const std::vector<Drive> &drives);

} // namespace dm_remap::tool

#endif
