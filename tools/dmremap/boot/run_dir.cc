// SPDX-License-Identifier: GPL-2.0
#include "boot/run_dir.hh"

#include "os/new_file.hh"
#include "sets_config.hh"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <system_error>

namespace dm_remap::tool::run_dir {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefixes[] = {"set-", "waiting-", "released-", "lock-", "hold-", "event-"};

std::string_view prefix(Note note)
{
	return prefixes[static_cast<size_t>(note)];
}

// Where tests have put another one.
std::string folder()
{
	const char *other = std::getenv("DM_REMAP_RUN");

	return other && *other ? other : "/run/dm-remap";
}

[[noreturn]] void fail(const std::string &path)
{
	throw std::system_error(errno, std::generic_category(), path);
}

} // namespace

std::string path(Note note, const std::string &set)
{
	return fmt::format("{}/{}{}", folder(), prefix(note), set);
}

void prepare()
{
	std::error_code error;

	fs::create_directories(folder(), error);
	if (error)
		throw std::system_error(error, folder());
}

std::optional<std::string> read(Note note, const std::string &set)
{
	std::ifstream in(path(note, set), std::ios::binary);

	if (!in.is_open())
		return {};
	return std::string(std::istreambuf_iterator<char>(in), {});
}

void write(Note note, const std::string &set, const std::string &text)
{
	prepare();
	write_file(path(note, set), 0644, text);
}

void remove(Note note, const std::string &set)
{
	unlink(path(note, set).c_str());
}

std::vector<std::string> sets(Note note)
{
	std::vector<std::string> out;
	std::error_code error;

	for (const fs::directory_entry &entry : fs::directory_iterator(folder(), error))
		// One that is being written has a longer name.
		if (const std::string name = entry.path().filename(); name.starts_with(prefix(note)) && is_uuid(name.substr(prefix(note).size())))
			out.push_back(name.substr(prefix(note).size()));
	std::sort(out.begin(), out.end());
	return out;
}

SetLock::SetLock(const std::string &set, Wait wait)
{
	const std::string file = path(Note::lock, set);

	prepare();
	file_ = Fd(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
	if (!file_)
		fail(file);
	while (flock(file_.get(), LOCK_EX | (wait == Wait::no ? LOCK_NB : 0))) {
		if (errno == EWOULDBLOCK)
			file_ = Fd();
		else if (errno != EINTR)
			fail(file);
		if (!file_)
			return;
	}
}

} // namespace dm_remap::tool::run_dir
