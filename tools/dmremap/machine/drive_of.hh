// SPDX-License-Identifier: GPL-2.0
// The drive that main is, or is a partition of, for lists of blocks that count from the drive's start.
#ifndef DMREMAP_MACHINE_DRIVE_OF_HH
#define DMREMAP_MACHINE_DRIVE_OF_HH

#include "lists/plan.hh"
#include "running.hh"

namespace dm_remap::tool {

// Throws Failure as place_on_disk() does; instead: what can be done then.
ListedDevice drive_of(const Running &device, const std::string &instead);

} // namespace dm_remap::tool

#endif
