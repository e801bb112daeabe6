// SPDX-License-Identifier: GPL-2.0
#include "health/sampling.hh"

#include "health/history_file.hh"
#include "state_folder.hh"

#include <charconv>
#include <ctime>
#include <fstream>
#include <system_error>

namespace dm_remap::tool {

namespace {

// The disks of main, by what stays with them. Empty: one of them does not say it.
std::string identity(const std::vector<DiskFacts> &disks)
{
	std::string out;

	for (const DiskFacts &disk : disks) {
		const std::string &own = disk.wwn.empty() ? disk.serial : disk.wwn;

		if (own.empty())
			return "";
		out += (out.empty() ? "" : " ") + own;
	}
	return out;
}

} // namespace

Moment now()
{
	Moment out;
	timespec since_boot = {};
	std::ifstream boot("/proc/sys/kernel/random/boot_id");

	boot >> out.boot;
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	out.uptime = static_cast<uint64_t>(since_boot.tv_sec);
	out.time = static_cast<uint64_t>(std::time(nullptr));
	return out;
}

std::optional<Sample> sample_of(const DeviceFacts &device, const Moment &moment)
{
	bool all = !device.set.empty() && device.live;
	const auto number = [&](const char *name) {
		const auto found = device.values.find(name);
		uint64_t out = 0;

		all &= found != device.values.end() && std::from_chars(found->second.data(), found->second.data() + found->second.size(), out).ec == std::errc();
		return out;
	};
	Sample out = {.moment = moment,
		      .main = identity(device.disks),
		      .counts = {number("read_errors_total") + number("write_errors_total"), number("remaps_total"), number("unrecovered_total")}};

	if (!all)
		return {};
	const LiveStatus &live = *device.live;
	const uint64_t gone = live.pool_used + live.pool_bad;

	out.taken = gone - std::min(gone, live.guard ? live.guard->sectors : 0);
	out.health = live.health;
	return out;
}

void record(Answer &answer, const MachineFacts &facts)
{
	const Moment moment = now();

	for (const DeviceFacts &device : facts.devices) {
		const std::optional<Sample> sample = sample_of(device, moment);

		if (!sample)
			continue;
		HistoryFile file(state_folder(), device.set);

		try {
			if (const std::optional<std::string> said = record(file, device.set, *sample))
				answer.warn("history", *said);
		} catch (const std::system_error &error) {
			answer.warn("history", fmt::format("the history of {} cannot be kept in {}: {}", device.name, file.path(), error.what()));
		}
	}
}

} // namespace dm_remap::tool
