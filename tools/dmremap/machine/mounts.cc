// SPDX-License-Identifier: GPL-2.0
#include "machine/mounts.hh"

#include "sysfs.hh"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <libmount/libmount.h>
#include <memory>
#include <sys/sysmacros.h>

namespace dm_remap::tool {

namespace {

struct Unref {
	void operator()(libmnt_table *table) const { mnt_unref_table(table); }
};
using Table = std::unique_ptr<libmnt_table, Unref>;

template <typename F>
void each(libmnt_table *table, F f)
{
	libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);

	for (libmnt_fs *fs; at && !mnt_table_next_fs(table, at, &fs);)
		f(fs);
	mnt_free_iter(at);
}

// btrfs' own numbers are nobody's: there the source says it.
bool is_of(libmnt_fs *fs, const std::vector<std::string> &numbers)
{
	const dev_t dev = mnt_fs_get_devno(fs);
	const char *source = mnt_fs_get_source(fs);
	const std::string own = fmt::format("{}:{}", major(dev), minor(dev)), of_source = source && *source == '/' ? sysfs::number(source) : "";

	return std::any_of(numbers.begin(), numbers.end(), [&](const std::string &number) { return number == own || number == of_source; });
}

// All devices of the mounted btrfs that this one belongs to, or itself: mountinfo names one of them.
std::vector<std::string> companions(const std::string &number)
{
	std::error_code error;

	for (const auto &filesystem : std::filesystem::directory_iterator("/sys/fs/btrfs", error)) {
		std::vector<std::string> numbers;

		for (const auto &device : std::filesystem::directory_iterator(filesystem.path() / "devices", error)) {
			std::ifstream in(device.path() / "dev");
			std::string line;

			std::getline(in, line);
			numbers.push_back(line);
		}
		if (std::find(numbers.begin(), numbers.end(), number) != numbers.end())
			return numbers;
	}
	return {number};
}

std::string owned(const char *text)
{
	return text ? text : "";
}

} // namespace

std::vector<Mount> mounts_of(const std::string &number)
{
	const Table mounts(mnt_new_table_from_file("/proc/self/mountinfo"));
	const std::vector<std::string> numbers = companions(number);
	std::vector<Mount> out;

	if (mounts)
		each(mounts.get(), [&](libmnt_fs *fs) {
			if (is_of(fs, numbers))
				out.push_back({owned(mnt_fs_get_fstype(fs)), owned(mnt_fs_get_target(fs)), owned(mnt_fs_get_root(fs))});
		});
	return out;
}

bool used_as_swap(const std::string &number)
{
	const Table swaps(mnt_new_table());
	bool found = false;

	if (swaps && !mnt_table_parse_swaps(swaps.get(), nullptr))
		each(swaps.get(), [&](libmnt_fs *fs) { found |= is_of(fs, {number}); });
	return found;
}

} // namespace dm_remap::tool
