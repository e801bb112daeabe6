// SPDX-License-Identifier: GPL-2.0
#include "doctor/subject.hh"

namespace dm_remap::tool {

Subject subject_of(const Machine &machine, const Running &device)
{
	const ConfiguredSet *configured = machine.configured(device);
	const std::string main = machine.path_of(device.main_number(), configured), path = device.device().path;
	// A read of one that is suspended would wait.
	const std::string &from = device.device().suspended ? main : path;

	return {device.name(), machine.set_of(device), main, path, {main, path, from}, {}, configured, &device, device.status()};
}

} // namespace dm_remap::tool
