// SPDX-License-Identifier: GPL-2.0
#ifndef DMREMAP_OS_HOST_NAME_HH
#define DMREMAP_OS_HOST_NAME_HH

#include <string>

namespace dm_remap::tool {

// Of this machine, as the kernel has it. Empty: it has none.
std::string host_name();

} // namespace dm_remap::tool

#endif
