// SPDX-License-Identifier: GPL-2.0
// The partitions of a mapped device: of device-mapper too, as kpartx makes them, by hand or from our udev rules.
#ifndef DMREMAP_MACHINE_MAPPED_PARTITIONS_HH
#define DMREMAP_MACHINE_MAPPED_PARTITIONS_HH

#include "dm.hh"

#include <vector>

namespace dm_remap::tool {

std::vector<dm::Device> mapped_partitions(const dm::Device &device);

} // namespace dm_remap::tool

#endif
