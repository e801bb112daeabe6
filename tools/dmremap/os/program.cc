// SPDX-License-Identifier: GPL-2.0
#include "os/program.hh"

#include "os/fd.hh"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

namespace dm_remap::tool {

namespace {

// PATH of an ordinary user lacks the folders where programs for disks are.
std::string found(const std::string &name)
{
	const char *path = std::getenv("PATH");
	std::string folders = std::string(path ? path : "") + ":/usr/sbin:/sbin:/usr/bin:/bin";

	for (size_t at = 0; at < folders.size();) {
		const size_t end = std::min(folders.find(':', at), folders.size());
		const std::string file = folders.substr(at, end - at) + "/" + name;

		if (end > at && !access(file.c_str(), X_OK))
			return file;
		at = end + 1;
	}
	return {};
}

} // namespace

std::optional<std::string> output_of(const std::vector<std::string> &words)
{
	const std::string file = found(words.front());
	int ends[2];

	if (file.empty() || pipe2(ends, O_CLOEXEC))
		return {};
	const Fd in(ends[0]);
	Fd out(ends[1]);
	std::vector<char *> arguments;
	char locale[] = "LC_ALL=C", *environment[] = {locale, nullptr};
	posix_spawn_file_actions_t actions;
	pid_t child = 0;

	for (const std::string &word : words)
		arguments.push_back(const_cast<char *>(word.c_str()));
	arguments.push_back(nullptr);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
	const int error = posix_spawn(&child, file.c_str(), &actions, nullptr, arguments.data(), environment);

	posix_spawn_file_actions_destroy(&actions);
	out = Fd();
	if (error)
		return {};
	std::string text;
	char piece[4096];

	for (ssize_t n; (n = read(in.get(), piece, sizeof(piece))) > 0;)
		text.append(piece, static_cast<size_t>(n));
	waitpid(child, nullptr, 0);
	return text;
}

} // namespace dm_remap::tool
