// SPDX-License-Identifier: GPL-2.0
#include "monitor/state.hh"

#include "machine/judged.hh"
#include "os/deadline.hh"
#include "sysfs.hh"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dm_remap::tool {

namespace {

using Json = nlohmann::json;

constexpr const char *core = "dm_remap";

MachineState unknown(const std::string &why)
{
	MachineState out;

	out.known = false;
	out.machine.judgement.add({{"cannot-tell", "how the devices are is not known: " + why,
				    "'dmremap status' and the kernel log say more; look at the disks", Urgency::critical}});
	return out;
}

// One that is not to be started by itself is not missed.
DeviceState state_of(const JudgedSet &set)
{
	DeviceState out = {set.name, set.running ? set.running->device().kernel_name : "", set.set, set.main, set.judgement};

	if (!set.running && set.configured && !set.configured->automatic)
		out.judgement = {"OFFLINE", Verdict::well, {}};
	return out;
}

std::vector<Finding> of_machine(const Machine &machine, const std::vector<std::string> &config_faults)
{
	const std::vector<ConfiguredSet> &sets = machine.config().sets();
	std::vector<Finding> out;

	if (!sysfs::module_loaded(core) && std::any_of(sets.begin(), sets.end(), [](const ConfiguredSet &set) { return set.automatic; }))
		out.push_back({"module-absent", "the module dm-remap is not loaded, so no set can run",
			       "'modprobe dm-remap' says why; the packages build it when the headers of the kernel are there: docs/install.md", Urgency::critical});
	if (!machine.config().faults().empty())
		out.push_back({"config-faults", fmt::format("{} is not understood everywhere: {}", machine.config().path(), machine.config().faults().front()),
			       "mend that line: what it is about is not looked at", Urgency::attention});
	if (!config_faults.empty())
		out.push_back({"monitor-config-faults", "the monitor's own file is not understood everywhere: " + config_faults.front(),
			       "mend that line, then 'systemctl restart dm-remap-monitor' and 'dmremap monitor --test'", Urgency::attention});
	return out;
}

Json json_of(const DeviceState &device)
{
	Json findings = Json::array();

	for (const Finding &finding : device.judgement.findings)
		findings.push_back({finding.id, finding.text, finding.action, static_cast<int>(finding.urgency)});
	return {device.name, device.kernel_name, device.set, device.main, device.judgement.state, static_cast<int>(device.judgement.verdict), findings};
}

DeviceState device_of(const Json &json)
{
	DeviceState out = {json.at(0), json.at(1), json.at(2), json.at(3), {json.at(4), static_cast<Verdict>(json.at(5).get<int>()), {}}};

	for (const Json &finding : json.at(6))
		out.judgement.findings.push_back({finding.at(0), finding.at(1), finding.at(2), static_cast<Urgency>(finding.at(3).get<int>())});
	return out;
}

} // namespace

std::set<std::string> DeviceState::troubles() const
{
	std::set<std::string> out;

	for (const Finding &finding : judgement.findings)
		if (finding.urgency != Urgency::note)
			out.insert(finding.id);
	return out;
}

const DeviceState *MachineState::find(const std::string &name) const
{
	for (const DeviceState &device : devices)
		if (device.name == name || device.kernel_name == name)
			return &device;
	return nullptr;
}

Verdict MachineState::verdict() const
{
	Verdict out = machine.judgement.verdict;

	for (const DeviceState &device : devices)
		out = std::max(out, device.judgement.verdict);
	return out;
}

MachineState look(const std::vector<std::string> &config_faults)
{
	try {
		Answer nobody("monitor", Manners());
		const Machine machine(nobody);

		if (machine.unavailable() && sysfs::module_loaded(core))
			return unknown(*machine.unavailable());
		MachineState out;

		for (const JudgedSet &set : judge_all(machine))
			out.devices.push_back(state_of(set));
		out.machine.judgement.add(of_machine(machine, config_faults));
		return out;
	} catch (const std::exception &error) {
		return unknown(error.what());
	}
}

MachineState look_within(std::chrono::seconds time, const std::vector<std::string> &config_faults)
{
	try {
		const std::optional<std::string> text = within(time, [&] { return to_text(look(config_faults)); });

		if (!text)
			return unknown(fmt::format("no answer within {} s: device-mapper or a disk hangs", time.count()));
		return text->empty() ? unknown("the look at the devices ended without a word") : from_text(*text);
	} catch (const std::exception &error) {
		return unknown(error.what());
	}
}

std::string to_text(const MachineState &state)
{
	Json json = Json::array();

	json.push_back(state.known);
	json.push_back(json_of(state.machine));
	for (const DeviceState &device : state.devices)
		json.push_back(json_of(device));
	// Names may be no UTF-8.
	return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

MachineState from_text(const std::string &text)
{
	const Json json = Json::parse(text);
	MachineState out;

	out.known = json.at(0);
	out.machine = device_of(json.at(1));
	for (size_t i = 2; i < json.size(); i++)
		out.devices.push_back(device_of(json.at(i)));
	return out;
}

} // namespace dm_remap::tool
