// SPDX-License-Identifier: GPL-2.0
#include "machine/leaving.hh"

#include "machine/fstab.hh"
#include "sysfs.hh"

#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace dm_remap::tool {

namespace {

bool means(const std::string &source, const std::string &device)
{
	const std::string number = sysfs::number(device);

	return source == device || (source.starts_with("/") && !number.empty() && sysfs::number(source) == number);
}

} // namespace

std::vector<Step> lines_to_change(const std::string &device, const std::string &disk)
{
	std::vector<Step> out;
	std::ifstream crypttab("/etc/crypttab");

	for (const FstabLine &line : fstab_of(Tree()))
		if (means(line.source, device))
			out.push_back({"fstab", fmt::format("in /etc/fstab, write {} in the place of {} (for {})", disk, line.source, line.target)});
	for (std::string line; std::getline(crypttab, line);) {
		std::istringstream words(line);
		std::string name, source;

		if (words >> name >> source && !name.starts_with("#") && means(source, device))
			out.push_back({"crypttab", fmt::format("in /etc/crypttab, write {} in the place of {} (for {})", disk, source, name)});
	}
	return out;
}

} // namespace dm_remap::tool
