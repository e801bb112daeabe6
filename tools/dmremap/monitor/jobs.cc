// SPDX-License-Identifier: GPL-2.0
#include "monitor/jobs.hh"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

// A file that nobody else sees: a program that does not read it holds nobody up.
Fd input_of(const std::string &text)
{
	if (text.empty())
		return Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
	Fd out(memfd_create("input", MFD_CLOEXEC));

	if (out && (write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || lseek(out.get(), 0, SEEK_SET)))
		return {};
	return out;
}

std::vector<char *> pointers(const std::vector<std::string> &words)
{
	std::vector<char *> out;

	for (const std::string &word : words)
		out.push_back(const_cast<char *>(word.c_str()));
	out.push_back(nullptr);
	return out;
}

// As a program expects it, in a group of its own: what it has started ends with it. 0: it could not be started, errno says why.
pid_t start(const Job &job, const Fd &input)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid = 0;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	const int error = posix_spawn(&pid, job.words.front().c_str(), &actions, &attributes, pointers(job.words).data(), pointers(job.environment).data());

	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	errno = error;
	return error ? 0 : pid;
}

std::string how(const siginfo_t &info)
{
	if (info.si_code == CLD_EXITED)
		return info.si_status ? fmt::format("it ended with status {}", info.si_status) : "";
	return fmt::format("it was ended by signal {} ({})", info.si_status, strsignal(info.si_status));
}

} // namespace

Jobs::~Jobs()
{
	if (running())
		kill(-pid_, SIGKILL);
}

bool Jobs::add(Job job)
{
	if (waiting_.size() >= most)
		return false;
	waiting_.push_back(std::move(job));
	return true;
}

std::string Jobs::begin(const Job &job, Time now)
{
	const Fd input = input_of(job.input);

	pid_ = input ? start(job, input) : 0;
	if (!pid_)
		return fmt::format("it cannot be started: {}", std::strerror(errno));
	what_ = job.what;
	deadline_ = now + limit_;
	// glibc 2.36 declares it for C alone.
	end_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
	return {};
}

// How it went; no value: it still runs.
std::optional<std::string> Jobs::ended(Time now)
{
	siginfo_t info = {};

	if (!waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) && info.si_pid)
		return how(info);
	if (now < deadline_)
		return {};
	// It may hang in the kernel, so it is not waited for: whoever has these jobs takes up what ends later.
	kill(-pid_, SIGKILL);
	return fmt::format("it took longer than {} s, and was killed", limit_.count());
}

std::vector<JobEnd> Jobs::step(Time now)
{
	std::vector<JobEnd> out;

	if (running()) {
		const std::optional<std::string> wrong = ended(now);

		if (!wrong)
			return out;
		out.push_back({what_, *wrong});
		pid_ = 0;
		end_ = Fd();
	}
	while (!running() && !waiting_.empty()) {
		const Job job = std::move(waiting_.front());

		waiting_.pop_front();
		if (const std::string wrong = begin(job, now); !wrong.empty())
			out.push_back({job.what, wrong});
	}
	return out;
}

} // namespace dm_remap::tool
