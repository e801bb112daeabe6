// SPDX-License-Identifier: GPL-2.0
// A drive of a device that runs, asked how it is: as it is told.
#ifndef DMREMAP_SMART_DRIVE_HH
#define DMREMAP_SMART_DRIVE_HH

#include "json_writer.hh"
#include "smart/judge_drive.hh"

namespace dm_remap::tool {

struct Drive {
	DriveRole role;
	std::optional<DriveHealth> health; // no value: it is not a single drive, or smartctl cannot speak to it
	std::optional<Finding> recovery;
};

// "says that it is well, 8 sectors reallocated, 31 °C".
std::string figures_text(const DriveHealth &health);
// As `drives` of the open object.
void write_drives(JsonWriter &out, const std::vector<Drive> &drives);

} // namespace dm_remap::tool

#endif
