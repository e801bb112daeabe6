// SPDX-License-Identifier: GPL-2.0
// The table that serves a copy in the place of the device that was copied.
#ifndef DMREMAP_SWAP_TABLE_HH
#define DMREMAP_SWAP_TABLE_HH

#include "copy_map.hh"
#include "dm.hh"

namespace dm_remap::tool {

// disk: MAJOR:MINOR of the new one. What could not be read gives errors there, as it did before.
dm::Table swap_table(const CopyMap &map, const std::string &disk);
// As a person writes it: lines of "START SECTORS TARGET …".
std::string table_text(const dm::Table &table);

} // namespace dm_remap::tool

#endif
