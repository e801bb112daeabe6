// SPDX-License-Identifier: GPL-2.0
#include "machine/judged.hh"

#include "boot/run_dir.hh"
#include "sysfs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

JudgedSet judge_one(const Machine &machine, const Running &device)
{
	JudgedSet out = {device.name(), machine.set_of(device), machine.configured(device), &device, device.status(), path_of_main(machine, device), {}};

	out.judgement = judge_running(machine, device, *out.live);
	return out;
}

Judgement judge_stopped(const ConfiguredSet &set)
{
	const std::string why = run_dir::read(run_dir::Note::waiting, set.uuid).value_or("");

	return judge_offline(set.name, why.substr(0, why.find('\n')), run_dir::read(run_dir::Note::released, set.uuid).has_value());
}

} // namespace

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

std::vector<JudgedSet> judge_all(const Machine &machine)
{
	std::vector<JudgedSet> out;

	for (const Running &device : machine.running())
		unless_gone([&] { out.push_back(judge_one(machine, device)); });
	for (const ConfiguredSet &set : machine.config().sets())
		if (std::none_of(out.begin(), out.end(), [&](const JudgedSet &other) { return other.set == set.uuid; }))
			out.push_back({set.name, set.uuid, &set, nullptr, {}, set.main, judge_stopped(set)});
	std::sort(out.begin(), out.end(), [](const JudgedSet &a, const JudgedSet &b) { return a.name < b.name; });
	return out;
}

const JudgedSet &find_judged(const std::vector<JudgedSet> &sets, const std::string &name)
{
	auto found = std::find_if(sets.begin(), sets.end(), [&](const JudgedSet &set) { return set.name == name || set.set == name; });

	// Whatever leads to it: /dev/dm-0, too.
	if (found == sets.end())
		if (const std::optional<dm::Device> device = dm::find(name))
			found = std::find_if(sets.begin(), sets.end(), [&](const JudgedSet &set) { return set.running && set.running->device().number() == device->number(); });

	if (found == sets.end())
		throw Failure(ExitStatus::not_found, "not-found",
			      fmt::format("{}: it does not run, and sets.conf does not have it; 'dmremap list' shows what is on the disks", shown(name)));
	return *found;
}

} // namespace dm_remap::tool
