// SPDX-License-Identifier: GPL-2.0
#include "machine/judged.hh"

#include "sysfs.hh"

#include <algorithm>

namespace dm_remap::tool {

std::string path_of_main(const Machine &machine, const Running &device)
{
	return machine.path_of(device.main_number(), machine.configured(device));
}

// One that is missing has no device: what it was called last the file knows, if it is the only one of which it is not known where it is.
std::string path_of_spare(const Machine &machine, const Running &device, const LiveStatus &live, const LiveSpare &spare)
{
	const ConfiguredSet *const configured = machine.configured(device);

	if (!spare.missing())
		return machine.path_of(spare.device, configured);
	std::vector<std::string> unknown;

	for (size_t i = 0; configured && i < configured->spares.size(); i++) {
		const std::string &path = configured->spares[i].path;
		const bool used = std::any_of(live.spares.begin(), live.spares.end(), [&](const LiveSpare &other) {
			return !other.missing() && sysfs::number(path) == other.device;
		});

		if (!path.empty() && !used)
			unknown.push_back(path);
	}
	return unknown.size() == 1 ? unknown.front() : "not there";
}

Judgement judge_running(const Machine &machine, const Running &device, const LiveStatus &live)
{
	return judge(live, {.name = device.name(),
			    .main = path_of_main(machine, device),
			    .path = [&](const LiveSpare &spare) { return path_of_spare(machine, device, live, spare); },
			    .suspended = device.device().suspended,
			    .configured = machine.configured(device) != nullptr});
}

} // namespace dm_remap::tool
