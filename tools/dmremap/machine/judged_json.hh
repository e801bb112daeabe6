// SPDX-License-Identifier: GPL-2.0
// A set as it is judged, for programs.
#ifndef DMREMAP_MACHINE_JUDGED_JSON_HH
#define DMREMAP_MACHINE_JUDGED_JSON_HH

#include "json_writer.hh"
#include "machine/judged.hh"

namespace dm_remap::tool {

// Keys of the open object.
void write_judged(JsonWriter &out, const Machine &machine, const JudgedSet &set);

} // namespace dm_remap::tool

#endif
