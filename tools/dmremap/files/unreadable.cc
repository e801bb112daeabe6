// SPDX-License-Identifier: GPL-2.0
#include "files/unreadable.hh"

namespace dm_remap::tool {

std::vector<BadRange> unreadable_on(Answer &answer, const Running &device, const std::function<void(const LiveExtent &)> &f)
{
	std::vector<BadRange> out;
	const bool still = device.each_extent([&](const LiveExtent &extent) {
		if (!extent.served())
			out.push_back({{extent.sector, extent.sectors}, extent.kind == "mapped" ? "spare_missing" : std::string(extent.kind)});
		f(extent);
	});

	if (!still)
		answer.warn("changing", "the map changed while it was listed: each extent is told as it was at its moment");
	// An extent may lie beyond the end of a table that is shorter than the map.
	std::erase_if(out, [&](BadRange &bad) {
		bad.sectors = common(bad.sectors, {0, device.sectors()});
		return !bad.sectors.count;
	});
	return out;
}

} // namespace dm_remap::tool
