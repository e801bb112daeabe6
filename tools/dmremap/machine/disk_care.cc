// SPDX-License-Identifier: GPL-2.0
#include "machine/disk_care.hh"

#include "sysfs.hh"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dm_remap::tool {

namespace {

// A disk without a limit of its own may try for minutes.
constexpr uint64_t patient_seconds = 180;

using Json = nlohmann::json;

// What the disk says of itself. No value: it is no ATA disk, or this is no answer of smartctl's.
struct Recovery {
	bool can_be_limited = false, limited = false;
};

std::optional<Recovery> recovery_in(const std::string &text)
{
	try {
		const Json told = Json::parse(text);

		if (told.at("device").at("protocol") != "ATA")
			return {};
		if (!told.contains("ata_sct_erc"))
			return Recovery{};
		const Json &erc = told.at("ata_sct_erc");

		return Recovery{true, erc.at("read").at("enabled") == true && erc.at("write").at("enabled") == true};
	} catch (const Json::exception &) {
		return {};
	}
}

} // namespace

std::optional<Finding> look_at_cache(const std::string &path, bool of_main)
{
	const std::string number = sysfs::number(path);

	if (sysfs::attribute(number, "queue/write_cache") != "write back")
		return {};
	const std::string disk = sysfs::node(sysfs::disk(number));
	const std::string command = disk.starts_with("/dev/nvme") ? fmt::format("'nvme set-feature {} --feature-id=6 --value=0'", disk)
								   : fmt::format("'hdparm -W 0 {0}' (SATA) or 'sdparm --clear=WCE --save {0}' (SAS)", disk);

	if (!of_main)
		return Finding{"spare-cache",
			       fmt::format("the volatile write cache of {} is on: dm-remap flushes it, which takes its time with each remap", path),
			       "nothing has to be done", Urgency::note, path};
	return Finding{"cache",
		       fmt::format("the volatile write cache of {} is on: an error that the disk tells only when it is flushed cannot be healed", path),
		       fmt::format("turn it off, again after each start of the disk: {}", command), Urgency::attention, path};
}

std::optional<Finding> look_at_place(const std::string &main, const std::string &spare, const std::string &spare_path)
{
	const std::vector<std::string> below = sysfs::disks_below(spare), disks = sysfs::disks_below(main);

	if (std::find_first_of(disks.begin(), disks.end(), below.begin(), below.end()) == disks.end())
		return {};
	return Finding{"same-disk", fmt::format("{} is on main's own disk, which is failing", spare_path), "a spare on another disk outlives it",
		       Urgency::attention, spare_path};
}

std::optional<Finding> judge_recovery(const std::string &smartctl, uint64_t seconds, const std::string &path)
{
	const std::optional<Recovery> recovery = recovery_in(smartctl);

	if (!recovery || recovery->limited || seconds >= patient_seconds)
		return {};
	const std::string disk = sysfs::node(sysfs::disk(sysfs::number(path)));
	const std::string command = recovery->can_be_limited ? fmt::format("'smartctl -l scterc,70,70 {}'", disk)
							      : fmt::format("'echo {} > /sys/block/{}/device/timeout'", patient_seconds,
									    disk.substr(disk.rfind('/') + 1));

	return Finding{"erc",
		       fmt::format("{} has no limit on how long it tries a bad sector{}, and the kernel resets it after {} s: a read may take minutes, and the "
				   "disk may be thought gone",
				   path, recovery->can_be_limited ? "" : ", and cannot be given one", seconds),
		       "after each start of the disk: " + command, Urgency::attention, path};
}

std::optional<Finding> look_at_recovery(const std::string &path, const std::function<std::optional<std::string>(const std::string &disk)> &smartctl)
{
	const std::string number = sysfs::disk(sysfs::number(path)), seconds = sysfs::attribute(number, "device/timeout");
	uint64_t value = 0;

	if (std::from_chars(seconds.data(), seconds.data() + seconds.size(), value).ec != std::errc())
		return {};
	const std::optional<std::string> told = smartctl(sysfs::node(number));

	return told ? judge_recovery(*told, value, path) : std::nullopt;
}

} // namespace dm_remap::tool
