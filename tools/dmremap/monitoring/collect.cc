// SPDX-License-Identifier: GPL-2.0
#include "monitoring/collect.hh"

#include "machine/judged.hh"
#include "machine/udev.hh"
#include "modules.hh"
#include "os/program.hh"
#include "sysfs.hh"

#include <algorithm>
#include <ctime>

namespace dm_remap::tool {

namespace {

constexpr const char *core = "dm_remap";

DiskFacts disk_facts(const std::string &number)
{
	const auto known = [&](const char *name, const char *otherwise) {
		const std::string text = udev::property(number, name);

		return text.empty() ? udev::property(number, otherwise) : text;
	};
	constexpr std::string_view folder = "/dev/";
	std::string name = sysfs::node(number);

	if (name.starts_with(folder))
		name.erase(0, folder.size());
	return {name, known("ID_SERIAL_SHORT", "ID_SERIAL"), udev::property(number, "ID_WWN")};
}

DeviceFacts device_facts(const Machine &machine, const Running &device)
{
	DeviceFacts out;

	out.label = label_text(device.device().kernel_name);
	out.name = device.name();
	out.set = machine.set_of(device);
	out.live = device.status();
	out.values = values_of(*out.live, device.counters());
	out.suspended = device.device().suspended;
	out.event = last_event(out.set);
	out.main = path_of_main(machine, device);
	for (const std::string &disk : sysfs::disks_below(device.main_number()))
		out.disks.push_back(disk_facts(disk));
	for (const LiveSpare &spare : out.live->spares)
		out.spare_paths[spare.number] = path_of_spare(machine, device, *out.live, spare);
	return out;
}

std::vector<DeviceFacts> devices_of(const Machine &machine)
{
	std::vector<DeviceFacts> out;

	for (const Running &device : machine.running())
		unless_gone([&] { out.push_back(device_facts(machine, device)); });
	for (const std::string &text : sysfs::statistics().value_or(std::vector<std::string>())) {
		DeviceFacts found = read_statistics(text);
		const auto same = std::find_if(out.begin(), out.end(), [&](const DeviceFacts &device) { return device.label == found.label; });

		if (same == out.end()) {
			if (!found.label.empty())
				out.push_back(std::move(found));
			continue;
		}
		for (auto &[name, value] : found.values)
			same->values[name] = std::move(value);
	}
	std::sort(out.begin(), out.end(), [](const DeviceFacts &a, const DeviceFacts &b) { return a.label < b.label; });
	return out;
}

std::vector<ModuleFacts> loaded_modules()
{
	std::vector<ModuleFacts> out;
	std::vector<std::string> ask = {"modinfo"};

	for (std::string name : modules) {
		std::replace(name.begin(), name.end(), '-', '_');
		if (!sysfs::module_loaded(name))
			continue;
		ask.push_back(name);
		out.push_back({name, sysfs::module(name, "version").value_or(""), {}});
	}
	const std::string installed = out.empty() ? "" : output_of(ask).value_or("");

	for (ModuleFacts &module : out)
		module.current = is_current(module.name, sysfs::module(module.name, "srcversion").value_or(""), installed);
	return out;
}

// One that cannot be asked for its UUID is known by its name.
bool take_assembled(const Machine &machine, std::vector<DeviceFacts> &devices, const ConfiguredSet &set)
{
	bool assembled = false;

	for (DeviceFacts &device : devices) {
		if (machine.unavailable() && device.label == label_text(set.name))
			device.set = set.uuid;
		assembled |= device.set == set.uuid;
	}
	return assembled;
}

} // namespace

MachineFacts collect(const Machine &machine)
{
	if (machine.unavailable() && sysfs::module_loaded(core) && !sysfs::statistics())
		throw Failure(ExitStatus::failed, "device-mapper", fmt::format("what runs is not known: {}; and dm-remap-stats is not loaded", *machine.unavailable()));
	MachineFacts out;

	out.all_seen = !machine.unavailable() || !sysfs::module_loaded(core);
	out.devices = devices_of(machine);
	for (const ConfiguredSet &set : machine.config().sets())
		out.sets.push_back({set.uuid, set.name, set.automatic, take_assembled(machine, out.devices, set)});
	out.config_faults = machine.config().faults().size();
	out.modules = loaded_modules();
	out.time = static_cast<uint64_t>(std::time(nullptr));
	return out;
}

} // namespace dm_remap::tool
