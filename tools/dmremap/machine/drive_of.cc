// SPDX-License-Identifier: GPL-2.0
#include "machine/drive_of.hh"

#include "machine/hand_job.hh"
#include "sysfs.hh"

#include <charconv>

namespace dm_remap::tool {

ListedDevice drive_of(const Running &device, const std::string &instead)
{
	const SectorRange place = place_on_disk(device, instead);
	const std::string disk = sysfs::disk(device.main_number()), space = sysfs::attribute(disk, "nsid");
	uint32_t name_space = 0;

	std::from_chars(space.data(), space.data() + space.size(), name_space);
	return {sysfs::node(disk), sysfs::place(disk).sectors, {place.start, device.sectors()}, name_space};
}

} // namespace dm_remap::tool
