// SPDX-License-Identifier: GPL-2.0
#include "machine/tree.hh"

#include "answer.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

constexpr size_t most_bytes = 16 << 20; // of a file that a person reads

std::string name_of(const Fd &fd)
{
	return fmt::format("/proc/self/fd/{}", fd.get());
}

} // namespace

Tree::Tree(const std::string &root) : root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))
{
	if (!root_)
		throw std::system_error(errno, std::generic_category(), root);
}

Fd Tree::open(const std::string &path, int flags) const
{
	open_how how = {};

	how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
	how.resolve = RESOLVE_IN_ROOT;
	Fd fd(static_cast<int>(syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof(how))));

	if (!fd && errno != ENOENT && errno != ENOTDIR)
		unread_.push_back(fmt::format("{}: {}", path, std::strerror(errno)));
	return fd;
}

std::optional<std::string> Tree::text(const std::string &path) const
{
	const Fd fd = open(path, O_RDONLY | O_NONBLOCK);
	std::string out;
	char piece[65536];
	struct stat what = {};

	if (!fd)
		return {};
	if (fstat(fd.get(), &what) || !S_ISREG(what.st_mode)) {
		unread_.push_back(fmt::format("{}: no regular file", path));
		return {};
	}
	for (ssize_t n; (n = ::read(fd.get(), piece, sizeof(piece)));) {
		if (n < 0) {
			unread_.push_back(fmt::format("{}: {}", path, std::strerror(errno)));
			return {};
		}
		out.append(piece, static_cast<size_t>(n));
		if (out.size() > most_bytes) {
			unread_.push_back(fmt::format("{}: larger than {}", path, human_bytes(most_bytes)));
			return {};
		}
	}
	return out;
}

std::vector<std::string> Tree::lines(const std::string &path) const
{
	std::istringstream in(text(path).value_or(""));
	std::vector<std::string> out;

	for (std::string line; std::getline(in, line);)
		out.push_back(line);
	return out;
}

bool Tree::has(const std::string &path) const
{
	return static_cast<bool>(open(path, O_PATH));
}

std::vector<std::string> Tree::names(const std::string &folder) const
{
	const Fd fd = open(folder, O_RDONLY | O_DIRECTORY);
	std::vector<std::string> out;
	std::error_code error;

	if (!fd)
		return out;
	for (const auto &entry : std::filesystem::directory_iterator(name_of(fd), error))
		out.push_back(entry.path().filename());
	std::sort(out.begin(), out.end());
	return out;
}

std::string Tree::outside(const std::string &path) const
{
	const Fd fd = open(path, O_PATH);
	std::error_code error;

	return fd ? std::filesystem::read_symlink(name_of(fd), error).string() : std::string();
}

} // namespace dm_remap::tool
