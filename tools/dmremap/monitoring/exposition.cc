// SPDX-License-Identifier: GPL-2.0
#include "monitoring/exposition.hh"

#include "stats/families.hh"

#include <dm_remap/version.h>

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>

namespace dm_remap::tool {

namespace {

struct OwnFamily {
	const char *name, *help;
};

// Those that the modules' own text does not have, in the order of docs/statistics.md.
constexpr OwnFamily own_families[] = {
	{"degraded", "1: a spare is missing or was dropped, and is not written to."},
	{"relocated_bytes", "Of main, served by the pool, but for what is guarded."},
	{"suspended", "1: the device is suspended, and I/O waits."},
	{"guarded", "1: main shows its guard wherever it has one, 0: not everywhere, or that is not known."},
	{"last_event_timestamp_seconds", "Of the last event since the machine has started, Unix time."},
	{"main_info", "A disk that main is on."},
	{"spare_state", "1 for the state that a spare has, 0 for the others."},
	{"member_info", "Where a spare is; without a path: it is missing."},
	{"member_bytes", "Size of a spare's data area."},
	{"member_used_bytes", "Of a spare, in use."},
	{"member_bad_bytes", "Of a spare, bad."},
	{"scrub_state", "1 for the state that the scrub has, 0 for the others."},
	{"scrub_progress_ratio", "How much of main a scrub that is not at its end has read, 0 to 1."},
	{"scrub_begun_timestamp_seconds", "Unix time, 0 for never."},
	{"scrub_last_complete_timestamp_seconds", "Unix time, 0 for never."},
	{"set_assembled", "1: a set of sets.conf runs, 0: it does not."},
	{"set_automatic", "1: a set of sets.conf is to be started at boot."},
	{"config_faults", "Lines of sets.conf that are not understood."},
	{"module_loaded", "1: the module dm_remap is loaded."},
	{"module_info", "A module that is loaded."},
	{"module_current", "1: a loaded module is the one that is installed for this kernel, 0: it is another."},
	{"build_info", "The dmremap that has written this."},
	{"collector_timestamp_seconds", "When this was written, Unix time."},
};

constexpr std::array spare_states = {"active", "removing", "avoided", "dropped", "behind", "missing", "failed"};
constexpr std::array scrub_states = {"none", "running", "paused", "waiting"};

// Each value is escaped already, and of the same statement.
using Labels = std::initializer_list<std::pair<const char *, std::string_view>>;

class Exposition final {
public:
	template <typename T>
	void add(std::string_view family, Labels labels, const T &value)
	{
		std::string &out = samples_of(family);
		char before = '{';

		out.append(stats::family_prefix).append(family);
		for (const auto &[name, content] : labels) {
			out.append(1, before).append(name).append("=\"").append(content).append("\"");
			before = ',';
		}
		fmt::format_to(std::back_inserter(out), "{} {}\n", labels.size() ? "}" : "", value);
	}

	// One sample for each state; one that is unknown has one more.
	template <size_t N>
	void add_states(const char *family, const std::string &device, const std::string &spare, const std::array<const char *, N> &states, const std::string &state)
	{
		const auto add_one = [&](std::string_view one, bool is) {
			if (spare.empty())
				add(family, {{"device", device}, {"state", one}}, is ? 1 : 0);
			else
				add(family, {{"device", device}, {"spare", spare}, {"state", one}}, is ? 1 : 0);
		};

		for (const char *one : states)
			add_one(one, one == state);
		if (std::find(states.begin(), states.end(), state) == states.end())
			add_one(label_text(state), true);
	}

	std::string text() const
	{
		std::string out;
		const auto put = [&](const char *name, const char *help) {
			const auto found = samples_.find(name);

			if (found != samples_.end())
				out += fmt::format("# HELP {0}{1} {2}\n# TYPE {0}{1} {3}\n{4}", stats::family_prefix, name, help,
						   stats::is_counter(name) ? "counter" : "gauge", found->second);
		};

		for (const stats::Family &family : stats::families)
			put(family.name, family.help);
		for (const OwnFamily &family : own_families)
			put(family.name, family.help);
		return out;
	}

private:
	std::string &samples_of(std::string_view family)
	{
		const auto found = samples_.find(family);

		return found != samples_.end() ? found->second : samples_.emplace(family, "").first->second;
	}

	std::map<std::string, std::string, std::less<>> samples_;
};

void add_spares(Exposition &out, const DeviceFacts &device)
{
	const std::string &label = device.label;

	for (const LiveSpare &spare : device.live->spares) {
		const std::string number = std::to_string(spare.number);
		const auto path = device.spare_paths.find(spare.number);

		out.add("member_info", {{"device", label}, {"spare", number}, {"path", spare.missing() || path == device.spare_paths.end() ? "" : label_text(path->second)}}, 1);

		out.add_states("spare_state", label, number, spare_states, spare.state);
		out.add("member_bytes", {{"device", label}, {"spare", number}}, spare.total * DMR_SECTOR_SIZE);
		out.add("member_used_bytes", {{"device", label}, {"spare", number}}, spare.used * DMR_SECTOR_SIZE);
		out.add("member_bad_bytes", {{"device", label}, {"spare", number}}, spare.bad * DMR_SECTOR_SIZE);
	}
}

void add_scrub(Exposition &out, const std::string &label, const LiveScrub &scrub)
{
	out.add_states("scrub_state", label, "", scrub_states, scrub.state);
	if (scrub.end && (scrub.under_way() || scrub.paused()))
		out.add("scrub_progress_ratio", {{"device", label}}, static_cast<double>(scrub.at) / static_cast<double>(scrub.end));
	out.add("scrub_begun_timestamp_seconds", {{"device", label}}, scrub.begun);
	out.add("scrub_last_complete_timestamp_seconds", {{"device", label}}, scrub.last_complete);
}

bool is_degraded(const LiveStatus &live)
{
	return std::any_of(live.spares.begin(), live.spares.end(), [](const LiveSpare &spare) { return spare.missing() || spare.state == "dropped"; });
}

void add_device(Exposition &out, const DeviceFacts &device)
{
	const std::string &label = device.label;

	for (const stats::Family &family : stats::families)
		if (const auto found = device.values.find(family.name); found != device.values.end())
			out.add(family.name, {{"device", label}}, found->second);
	if (!device.live)
		return;
	out.add("degraded", {{"device", label}}, is_degraded(*device.live) ? 1 : 0);
	out.add("relocated_bytes", {{"device", label}}, device.live->moved_away() * DMR_SECTOR_SIZE);
	out.add("suspended", {{"device", label}}, device.suspended ? 1 : 0);
	if (device.live->guard)
		out.add("guarded", {{"device", label}}, device.live->guard->complete() ? 1 : 0);
	if (device.event)
		out.add("last_event_timestamp_seconds", {{"device", label}, {"event", label_text(device.event->name)}}, device.event->time);
	for (const DiskFacts &disk : device.disks)
		out.add("main_info",
			{{"device", label}, {"path", label_text(device.main)}, {"disk", label_text(disk.name)}, {"serial", label_text(disk.serial)}, {"wwn", label_text(disk.wwn)}}, 1);
	add_spares(out, device);
	if (device.live->scrub)
		add_scrub(out, label, *device.live->scrub);
}

} // namespace

std::vector<std::string> family_names()
{
	std::vector<std::string> out;

	for (const stats::Family &family : stats::families)
		out.push_back(fmt::format("{}{}", stats::family_prefix, family.name));
	for (const OwnFamily &family : own_families)
		out.push_back(fmt::format("{}{}", stats::family_prefix, family.name));
	return out;
}

std::string exposition(const MachineFacts &facts)
{
	Exposition out;

	for (const DeviceFacts &device : facts.devices)
		add_device(out, device);
	for (const SetFacts &set : facts.sets) {
		out.add("set_assembled", {{"set", set.uuid}, {"name", label_text(set.name)}}, set.assembled ? 1 : 0);
		out.add("set_automatic", {{"set", set.uuid}, {"name", label_text(set.name)}}, set.automatic ? 1 : 0);
	}
	out.add("config_faults", {}, facts.config_faults);
	out.add("module_loaded", {}, std::any_of(facts.modules.begin(), facts.modules.end(), [](const ModuleFacts &m) { return m.name == "dm_remap"; }) ? 1 : 0);
	for (const ModuleFacts &module : facts.modules) {
		out.add("module_info", {{"module", module.name}, {"version", label_text(module.version)}}, 1);
		if (module.current)
			out.add("module_current", {{"module", module.name}}, *module.current ? 1 : 0);
	}
	out.add("build_info", {{"version", DMR_VERSION}}, 1);
	out.add("collector_timestamp_seconds", {}, facts.time);
	return out.text();
}

} // namespace dm_remap::tool
