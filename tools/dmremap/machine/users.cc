// SPDX-License-Identifier: GPL-2.0
#include "machine/users.hh"

#include "machine/mounts.hh"
#include "os/fd.hh"
#include "running.hh"
#include "sysfs.hh"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

void add_mounts(const std::string &number, std::vector<User> &out)
{
	const std::vector<Mount> mounts = mounts_of(number);

	if (!mounts.empty())
		out.push_back({fmt::format("{} is mounted on {}", sysfs::node(number), mounts.front().target), "unmount it"});
	if (used_as_swap(number))
		out.push_back({fmt::format("{} is used as swap", sysfs::node(number)), "swapoff " + sysfs::node(number)});
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
			out.push_back({fmt::format("{} is part of {}", sysfs::node(number), sysfs::node(holder)), "stop that", false, holder});
		else if (remap)
			out.push_back({fmt::format("{} is used by the remap device {}", sysfs::node(number), name), "dmremap close " + name, true, holder});
		else if (uuid.starts_with("LVM-"))
			out.push_back({fmt::format("{} is under the logical volume {}", sysfs::node(number), name), "vgchange -an", false, holder});
		else
			out.push_back({fmt::format("{} is under the device-mapper device {}", sysfs::node(number), name), "remove that", false, holder});
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
	const Fd fd(open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));

	if (!fd && errno != EBUSY)
		throw std::system_error(errno, std::generic_category(), path);
	return !fd;
}

} // namespace dm_remap::tool
