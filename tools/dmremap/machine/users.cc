// SPDX-License-Identifier: GPL-2.0
#include "machine/users.hh"

#include "running.hh"
#include "sysfs.hh"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <libmount/libmount.h>
#include <memory>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>

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
bool is_of(libmnt_fs *fs, const std::string &number)
{
	const dev_t dev = mnt_fs_get_devno(fs);
	const char *source = mnt_fs_get_source(fs);

	return fmt::format("{}:{}", major(dev), minor(dev)) == number || (source && *source == '/' && sysfs::number(source) == number);
}

void add_mounts(const std::string &number, std::vector<User> &out)
{
	const Table mounts(mnt_new_table_from_file("/proc/self/mountinfo")), swaps(mnt_new_table());
	bool mounted = false;

	if (mounts)
		each(mounts.get(), [&](libmnt_fs *fs) {
			if (mounted || !is_of(fs, number))
				return;
			out.push_back({fmt::format("{} is mounted on {}", sysfs::node(number), mnt_fs_get_target(fs)), "unmount it"});
			mounted = true;
		});
	if (!swaps || mnt_table_parse_swaps(swaps.get(), nullptr))
		return;
	each(swaps.get(), [&](libmnt_fs *fs) {
		if (is_of(fs, number))
			out.push_back({fmt::format("{} is used as swap", sysfs::node(number)), "swapoff " + sysfs::node(number)});
	});
}

bool serves(const std::string &number)
{
	const std::optional<dm::Device> device = dm::find(number);

	return device && Running::serves(*device);
}

void add_holders(const std::string &number, std::vector<User> &out)
{
	for (const std::string &holder : sysfs::holders(number)) {
		const std::string name = sysfs::attribute(holder, "dm/name"), uuid = sysfs::attribute(holder, "dm/uuid");
		const bool remap = serves(holder);

		if (name.empty())
			out.push_back({fmt::format("{} is part of {}", sysfs::node(number), sysfs::node(holder)), "stop that"});
		else if (remap)
			out.push_back({fmt::format("{} is used by the remap device {}", sysfs::node(number), name), "dmremap close " + name, true});
		else if (uuid.starts_with("LVM-"))
			out.push_back({fmt::format("{} is under the logical volume {}", sysfs::node(number), name), "vgchange -an"});
		else
			out.push_back({fmt::format("{} is under the device-mapper device {}", sysfs::node(number), name), "remove that"});
	}
}

} // namespace

std::vector<User> users_of(const std::string &number)
{
	std::vector<User> out;

	add_mounts(number, out);
	add_holders(number, out);
	for (const sysfs::Partition &part : sysfs::partitions(number)) {
		add_mounts(part.number, out);
		add_holders(part.number, out);
	}
	return out;
}

std::string sentence(const std::vector<User> &users)
{
	std::string out;

	for (const User &user : users)
		out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", user.text, user.action);
	return out;
}

bool in_use(const std::string &path)
{
	const int fd = open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0 && errno != EBUSY)
		throw std::system_error(errno, std::generic_category(), path);
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

} // namespace dm_remap::tool
