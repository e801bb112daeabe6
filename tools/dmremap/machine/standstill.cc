// SPDX-License-Identifier: GPL-2.0
#include "machine/standstill.hh"

#include <cerrno>
#include <csignal>
#include <exception>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

constexpr int asks_to_end[] = {SIGINT, SIGTERM, SIGHUP};

[[noreturn]] void failed(const char *what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

// As it was: with the table that serves. What is refused was done already.
void go_on(const dm::Device &device) noexcept
{
	try {
		dm::clear(device);
	} catch (const std::exception &) {
	}
	try {
		dm::resume(device);
	} catch (const std::exception &) {
	}
}

} // namespace

Standstill::Standstill(const dm::Device &device) : device_(device)
{
	sigset_t wait;

	sigemptyset(&wait);
	for (const int signal : asks_to_end)
		sigaddset(&wait, signal);
	pthread_sigmask(SIG_BLOCK, &wait, &mask_);
	try {
		if (mlockall(MCL_CURRENT | MCL_FUTURE))
			failed("mlockall");
		start_guard();
	} catch (...) {
		dismiss_guard();
		throw;
	}
}

void Standstill::begin(dm::Freeze freeze)
{
	begun_ = std::chrono::steady_clock::now();
	dm::suspend(device_, freeze);
}

Standstill::~Standstill()
{
	if (ended_)
		return;
	go_on(device_);
	dismiss_guard();
}

void Standstill::end()
{
	// If this fails the destructor does what is left.
	dm::resume(device_);
	lasted_ = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_);
	ended_ = true;
	dismiss_guard();
}

// It lives in a session of its own, so that ^C does not reach it, and sees the connection's end when this process is no more.
void Standstill::start_guard()
{
	int ends[2];
	char byte = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		failed("socketpair");
	guard_ = fork();
	if (guard_ < 0) {
		close(ends[0]);
		close(ends[1]);
		failed("fork");
	}
	to_guard_ = ends[1];
	if (guard_) {
		close(ends[0]);
		return;
	}
	setsid();
	close(ends[1]);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	ssize_t n;
	do
		n = read(ends[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		go_on(device_);
	_exit(0);
}

void Standstill::dismiss_guard()
{
	if (guard_ > 0) {
		// It is alive, or there is nobody to be told.
		(void)send(to_guard_, "", 1, MSG_NOSIGNAL);
		close(to_guard_);
		while (waitpid(guard_, nullptr, 0) < 0 && errno == EINTR)
			;
	}
	guard_ = -1;
	munlockall();
	pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
}

} // namespace dm_remap::tool
