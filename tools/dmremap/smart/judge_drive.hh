// SPDX-License-Identifier: GPL-2.0
// What a drive's word on itself means for the set that it is a part of.
#ifndef DMREMAP_SMART_JUDGE_DRIVE_HH
#define DMREMAP_SMART_JUDGE_DRIVE_HH

#include "judgement.hh"
#include "smart/drive_health.hh"

namespace dm_remap::tool {

struct DriveRole {
	std::string name = {};	// of the device
	std::string path = {};	// of main or of the spare
	std::string disk = {};	// the drive that this is on
	std::optional<uint32_t> spare = {}; // its number; no value: main
	uint64_t own_figure = 0; // sectors of main that are remapped, pending or lost
	uint64_t logged = 0;	// sectors of main that the drive's logs name
};

// No value: it could not be asked.
std::vector<Finding> judge_drive(const std::optional<DriveHealth> &health, const DriveRole &role);

} // namespace dm_remap::tool

#endif
