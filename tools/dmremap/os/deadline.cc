// SPDX-License-Identifier: GPL-2.0
#include "os/deadline.hh"

#include "os/fd.hh"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

// Nobody waits for what the child may still hold open.
[[noreturn]] void be_the_child(int out, const std::function<std::string()> &work)
{
	if (const int nowhere = open("/dev/null", O_RDWR); nowhere >= 0) {
		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
	}
	const std::string text = work();

	for (size_t at = 0; at < text.size();) {
		const ssize_t done = write(out, text.data() + at, text.size() - at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			_exit(1);
		at += static_cast<size_t>(done);
	}
	_exit(0);
}

} // namespace

std::optional<std::string> within(std::chrono::seconds time, const std::function<std::string()> &work)
{
	using Clock = std::chrono::steady_clock;
	const Clock::time_point end = Clock::now() + time;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		throw std::system_error(errno, std::generic_category(), "a pipe");
	const Fd in(ends[0]);
	Fd out(ends[1]);
	const pid_t child = fork();

	if (child < 0)
		throw std::system_error(errno, std::generic_category(), "a process");
	if (!child)
		be_the_child(out.get(), work);
	out = Fd();
	std::string text;
	char buffer[4096];

	for (;;) {
		const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
		pollfd news = {in.get(), POLLIN, 0};
		const int ready = poll(&news, 1, static_cast<int>(std::max<long>(left, 0)));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			kill(child, SIGKILL);
			return {};
		}
		const ssize_t got = read(in.get(), buffer, sizeof(buffer));

		if (got <= 0)
			break;
		text.append(buffer, static_cast<size_t>(got));
	}
	waitpid(child, nullptr, 0);
	return text;
}

} // namespace dm_remap::tool
