// SPDX-License-Identifier: GPL-2.0
#include "lists/list_file.hh"

#include "exit_status.hh"
#include "os/fd.hh"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

// Some thirty million lines.
constexpr size_t most_mib = 256, most_bytes = most_mib << 20, piece_bytes = 1 << 20;

[[noreturn]] void refuse(const std::string &path, const std::string &why)
{
	throw Failure(ExitStatus::failed, "list", fmt::format("{}: {}", list_name(path), why));
}

} // namespace

std::string list_name(const std::string &path)
{
	return path == "-" ? "standard input" : path;
}

std::string read_list_file(const std::string &path)
{
	const auto fail = [&] { throw std::system_error(errno, std::generic_category(), list_name(path)); };
	const Fd file(path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
	struct stat found = {};
	std::string text;

	if (!file || fstat(file.get(), &found))
		fail();
	if (S_ISDIR(found.st_mode))
		refuse(path, "this is a folder: name the file with the list");
	// To read a failing disk from its start would be the worst that could be done with it.
	if (S_ISBLK(found.st_mode))
		refuse(path, "this is a block device: name the file with the list of its bad blocks");
	for (;;) {
		const size_t had = text.size();

		text.resize(had + piece_bytes);
		const ssize_t n = read(file.get(), text.data() + had, piece_bytes);

		text.resize(had + static_cast<size_t>(n > 0 ? n : 0));
		if (n < 0 && errno != EINTR)
			fail();
		if (!n)
			return text;
		if (text.size() > most_bytes)
			refuse(path, fmt::format("more than {} MiB: this is no list of bad blocks", most_mib));
	}
}

} // namespace dm_remap::tool
