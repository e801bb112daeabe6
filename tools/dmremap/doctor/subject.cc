// SPDX-License-Identifier: GPL-2.0
#include "doctor/subject.hh"

#include "exit_status.hh"
#include "machine/judged.hh"

namespace dm_remap::tool {

namespace {

// What is known of it otherwise is known all the same.
std::optional<LiveStatus> live_of(const Running &device)
{
	try {
		return device.status();
	} catch (const Failure &) {
		return {};
	}
}

} // namespace

Subject subject_of(const Machine &machine, const Running &device)
{
	const ConfiguredSet *configured = machine.configured(device);
	const std::string main = path_of_main(machine, device), path = device.device().path;
	// A read of one that is suspended would wait.
	const std::string &from = device.device().suspended ? main : path;

	return {device.name(), machine.set_of(device), main, path, {main, path, from}, {}, configured, &device, live_of(device)};
}

} // namespace dm_remap::tool
