// SPDX-License-Identifier: GPL-2.0
#include "machine/still_device.hh"

#include "sysfs.hh"

#include <algorithm>
#include <dm_remap/kernel_api.h>

namespace dm_remap::tool {

StillDevice::StillDevice(const Running &device) : device_(device), main_(sysfs::node(device.main_number()), RawDisk::Use::read)
{
	for (const LiveSpare &spare : device.status().spares)
		if (!spare.missing())
			spares_.try_emplace(spare.number, sysfs::node(spare.device), RawDisk::Use::read);
}

void StillDevice::look()
{
	extents_.clear();
	device_.each_extent([&](const LiveExtent &live) {
		Extent extent = {live.sector + live.sectors, nullptr, 0};

		// Of what is pending main may still give the data; what is lost or in doubt it must not be asked for.
		if (live.kind == "pending") {
			extent.disk = &main_;
			extent.at = live.sector;
		} else if (live.kind == "mapped" && live.spare && live.spare_sector) {
			const auto spare = spares_.find(*live.spare);

			extent.disk = spare == spares_.end() ? nullptr : &spare->second;
			extent.at = *live.spare_sector;
		}
		extents_[live.sector] = extent;
	});
}

bool StillDevice::read(uint64_t sector, uint8_t *data, uint64_t sectors) const
{
	auto next = extents_.upper_bound(sector);

	if (next != extents_.begin() && std::prev(next)->second.end > sector)
		--next;
	for (uint64_t n; sectors; sector += n, sectors -= n, data += n * DMR_SECTOR_SIZE) {
		while (next != extents_.end() && next->second.end <= sector)
			++next;
		const bool inside = next != extents_.end() && next->first <= sector;
		const uint64_t end = inside ? next->second.end : next == extents_.end() ? UINT64_MAX : next->first;
		const RawDisk *disk = inside ? next->second.disk : &main_;

		n = std::min(sectors, end - sector);
		if (!disk || !disk->read(inside ? next->second.at + (sector - next->first) : sector, data, n))
			return false;
	}
	return true;
}

} // namespace dm_remap::tool
