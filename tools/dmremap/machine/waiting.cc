// SPDX-License-Identifier: GPL-2.0
#include "machine/waiting.hh"

#include <csignal>
#include <sys/time.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

// Interrupts what waits in the kernel, again and again: one that comes a moment too early is made good by the next.
class Ticks final {
public:
	explicit Ticks(time_t seconds)
	{
		struct sigaction action = {};

		action.sa_handler = [](int) {};
		sigaction(SIGALRM, &action, &before_);
		set(seconds);
	}
	~Ticks()
	{
		set(0);
		sigaction(SIGALRM, &before_, nullptr);
	}
	Ticks(const Ticks &) = delete;
	Ticks &operator=(const Ticks &) = delete;

private:
	static void set(time_t seconds)
	{
		const itimerval timer = {{seconds, 0}, {seconds, 0}};

		setitimer(ITIMER_REAL, &timer, nullptr);
	}

	struct sigaction before_ = {};
};

constexpr time_t for_eyes = 1, for_another_table = 10; // seconds

} // namespace

LiveStatus wait_while(const Running &device, const std::function<bool(const LiveStatus &)> &goes_on)
{
	const Ticks ticks(isatty(STDERR_FILENO) ? for_eyes : for_another_table);

	for (;;) {
		// Before the status: what it does not say yet is a further event.
		const uint32_t events = dm::events(device.device());
		LiveStatus now = device.status();

		if (!goes_on(now))
			return now;
		dm::wait_event(device.device(), events);
	}
}

} // namespace dm_remap::tool
