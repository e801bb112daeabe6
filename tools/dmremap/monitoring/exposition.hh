// SPDX-License-Identifier: GPL-2.0
// The facts as one Prometheus document: each family once, with the samples of all devices.
#ifndef DMREMAP_MONITORING_EXPOSITION_HH
#define DMREMAP_MONITORING_EXPOSITION_HH

#include "monitoring/facts.hh"

#include <string>
#include <vector>

namespace dm_remap::tool {

// What is not known is left out, and a family without a sample with it.
std::string exposition(const MachineFacts &facts);
// All that there may be in it, in its order.
std::vector<std::string> family_names();

} // namespace dm_remap::tool

#endif
