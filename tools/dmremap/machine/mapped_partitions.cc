// SPDX-License-Identifier: GPL-2.0
#include "machine/mapped_partitions.hh"

#include "sysfs.hh"

#include <cctype>

namespace dm_remap::tool {

namespace {

// "part1-" and the device's own.
bool is_part_of(const std::string &uuid, const dm::Device &device)
{
	constexpr std::string_view prefix = "part";
	size_t at = prefix.size();

	if (!uuid.starts_with(prefix) || device.uuid.empty())
		return false;
	while (at < uuid.size() && std::isdigit(static_cast<unsigned char>(uuid[at])))
		at++;
	return at > prefix.size() && uuid.substr(at) == "-" + device.uuid;
}

} // namespace

std::vector<dm::Device> mapped_partitions(const dm::Device &device)
{
	std::vector<dm::Device> out;

	for (const std::string &holder : sysfs::holders(device.number()))
		if (std::optional<dm::Device> part = dm::find(holder); part && is_part_of(part->uuid, device))
			out.push_back(std::move(*part));
	return out;
}

} // namespace dm_remap::tool
