// SPDX-License-Identifier: GPL-2.0
#include "machine/leaving.hh"

#include "sysfs.hh"

#include <fmt/format.h>
#include <fstream>
#include <libmount/libmount.h>
#include <memory>
#include <sstream>

namespace dm_remap::tool {

namespace {

bool means(const std::string &source, const std::string &device)
{
	const std::string number = sysfs::number(device);

	return source == device || (source.starts_with("/") && !number.empty() && sysfs::number(source) == number);
}

void look_at_fstab(const std::string &device, const std::string &disk, std::vector<Step> &out)
{
	struct Unref {
		void operator()(libmnt_table *table) const { mnt_unref_table(table); }
		void operator()(libmnt_iter *iterator) const { mnt_free_iter(iterator); }
	};
	const std::unique_ptr<libmnt_table, Unref> table(mnt_new_table());
	const std::unique_ptr<libmnt_iter, Unref> at(mnt_new_iter(MNT_ITER_FORWARD));

	if (!table || !at || mnt_table_parse_fstab(table.get(), nullptr))
		return;
	for (libmnt_fs *fs; !mnt_table_next_fs(table.get(), at.get(), &fs);) {
		const char *source = mnt_fs_get_source(fs), *target = mnt_fs_get_target(fs);

		if (source && means(source, device))
			out.push_back({"fstab", fmt::format("in /etc/fstab, write {} in the place of {} (for {})", disk, source, target ? target : "none")});
	}
}

} // namespace

std::vector<Step> lines_to_change(const std::string &device, const std::string &disk)
{
	std::vector<Step> out;
	std::ifstream crypttab("/etc/crypttab");

	look_at_fstab(device, disk, out);
	for (std::string line; std::getline(crypttab, line);) {
		std::istringstream words(line);
		std::string name, source;

		if (words >> name >> source && !name.starts_with("#") && means(source, device))
			out.push_back({"crypttab", fmt::format("in /etc/crypttab, write {} in the place of {} (for {})", disk, source, name)});
	}
	return out;
}

} // namespace dm_remap::tool
