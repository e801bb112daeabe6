// SPDX-License-Identifier: GPL-2.0
// Running a program, where no library serves.
#ifndef DMREMAP_OS_PROGRAM_HH
#define DMREMAP_OS_PROGRAM_HH

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

// What it wrote to stdout, in the C locale, with nothing to read from and stderr thrown away; its status is not looked at. No value: there is
// no such program in PATH or beside the system's own, or it cannot be started.
std::optional<std::string> output_of(const std::vector<std::string> &words);

} // namespace dm_remap::tool

#endif
