// SPDX-License-Identifier: GPL-2.0
// The modules that there are, as files are called; the kernel has a '_' for each '-'.
#ifndef DMREMAP_MODULES_HH
#define DMREMAP_MODULES_HH

#include <array>

namespace dm_remap::tool {

inline constexpr std::array modules = {"dm-remap", "dm-remap-metadata", "dm-remap-spare-pool", "dm-remap-reassembly", "dm-remap-stats"};

} // namespace dm_remap::tool

#endif
