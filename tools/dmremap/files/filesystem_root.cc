// SPDX-License-Identifier: GPL-2.0
#include "files/filesystem_root.hh"

#include "exit_status.hh"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>

namespace dm_remap::tool {

namespace {

// The kernel says in words why it does not mount something, where it does.
std::string said_by(int context)
{
	char line[512];
	std::string out;

	for (ssize_t n; (n = read(context, line, sizeof(line))) > 0;)
		out += (out.empty() ? "" : "; ") + std::string(line + (n > 2 ? 2 : 0), static_cast<size_t>(n > 2 ? n - 2 : n)); // "e " before each
	while (!out.empty() && out.back() == '\n')
		out.pop_back();
	return out;
}

Fd mount_quietly(const FilesystemPlace &place, const QuietMount &way, std::string &why)
{
	const Fd context(fsopen(place.type.c_str(), FSOPEN_CLOEXEC));
	const auto set = [&](const std::string &key, const std::string &value) {
		return value.empty() ? !fsconfig(context.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
				     : !fsconfig(context.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
	};
	bool good = context && set("source", place.path) && set("ro", "");

	for (const auto &[key, value] : way.options)
		good = good && set(key, value);
	good = good && !fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
	Fd out(good ? fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) : -1);

	if (!out) {
		why = std::strerror(errno);
		if (const std::string said = context ? said_by(context.get()) : ""; !said.empty())
			why += ": " + said;
	}
	return out;
}

Fd mounted_once_more(const FilesystemPlace &place, std::vector<std::string> &gaps)
{
	const Mount *best = &place.mounts.front();

	for (const Mount &mount : place.mounts)
		if (mount.root == "/" && best->root != "/")
			best = &mount;
	Fd tree(open_tree(AT_FDCWD, best->target.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT));

	if (!tree)
		throw Failure(ExitStatus::failed, "unreadable", fmt::format("{}: {}", best->target, std::strerror(errno)));
	if (best->root != "/" && place.type != "btrfs")
		gaps.push_back(fmt::format("of the filesystem on {} only {} is mounted: names elsewhere in it are not known", place.path, best->root));
	return tree;
}

} // namespace

Fd filesystem_root(const FilesystemPlace &place, const std::vector<QuietMount> &ways, std::vector<std::string> &gaps)
{
	Fd tree;
	std::string why;

	if (!place.mounts.empty())
		tree = mounted_once_more(place, gaps);
	for (auto way = ways.begin(); !tree && way != ways.end(); ++way) {
		tree = mount_quietly(place, *way, why);
		if (tree && !way->gap.empty())
			gaps.push_back(way->gap);
	}
	if (!tree)
		throw Failure(ExitStatus::failed, "unreadable", fmt::format("the kernel does not mount it read-only: {}", why));
	Fd root(openat(tree.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));

	if (!root)
		throw Failure(ExitStatus::failed, "unreadable", fmt::format("its root folder cannot be opened: {}", std::strerror(errno)));
	if (!place.mounts.empty())
		syncfs(root.get());
	return root;
}

} // namespace dm_remap::tool
