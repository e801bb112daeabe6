// SPDX-License-Identifier: GPL-2.0
#include "monitor/service.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <system_error>
#include <systemd/sd-daemon.h>
#include <utility>

namespace dm_remap::tool {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{10};	// with device-mapper
constexpr std::chrono::seconds farewell{20};	// systemd kills after 90

[[noreturn]] void fail(const char *what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

Fd signals()
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, nullptr))
		fail("signals");
	Fd out(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));

	if (!out)
		fail("signals");
	return out;
}

// It counts while the machine sleeps, too.
Fd timer(std::chrono::seconds every)
{
	const itimerspec time = {{every.count(), 0}, {every.count(), 0}};
	Fd out(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));

	if (!out || timerfd_settime(out.get(), 0, &time, nullptr))
		fail("a timer");
	return out;
}

bool differ(const DeviceState &a, const DeviceState &b)
{
	return a.judgement.state != b.judgement.state || a.troubles() != b.troubles();
}

// Was there anything to read?
bool drain(const Fd &fd)
{
	std::array<char, 1024> nobody;
	bool any = false;

	while (read(fd.get(), nobody.data(), nobody.size()) > 0)
		any = true;
	return any;
}

int milliseconds_to(std::optional<Clock::time_point> time)
{
	if (!time)
		return -1;
	// Rounded up: what is waited for has come then.
	const auto left = std::chrono::ceil<std::chrono::milliseconds>(*time - Clock::now()).count();

	return static_cast<int>(std::clamp<long>(left, 0, 3'600'000));
}

std::optional<Clock::time_point> earlier(std::optional<Clock::time_point> a, std::optional<Clock::time_point> b)
{
	return a && b ? std::min(*a, *b) : a ? a : b;
}

} // namespace

MonitorService::MonitorService(MonitorConfig config, std::string folder)
	: channels_(std::move(config), std::move(folder)), signals_(signals()), timer_(timer(channels_.config().look_every)),
	  bursts_(channels_.config().together)
{
}

MachineState MonitorService::look() const
{
	return look_within(patience, channels_.config().faults);
}

void MonitorService::see_to_jobs()
{
	channels_.step(Clock::now());
	// Looks that hung, and programs that were given up, may have come to their end since.
	if (channels_.jobs().idle())
		while (waitpid(-1, nullptr, WNOHANG) > 0)
			;
}

void MonitorService::wait(std::optional<Time> until)
{
	see_to_jobs();
	pollfd news[] = {{signals_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}, {monitor_.fd(), POLLIN, 0}, {channels_.jobs().fd(), POLLIN, 0}};

	if (poll(news, std::size(news), milliseconds_to(earlier(until, channels_.jobs().deadline()))) < 0 && errno != EINTR)
		fail("poll");
	stop_ |= drain(signals_);
	look_now_ |= drain(timer_);
	take_events();
	see_to_jobs();
}

void MonitorService::take_events()
{
	const bool all = monitor_.take([&](const udev::Event &event) { bursts_.note(event.device, event.name, Clock::now()); });

	look_now_ |= !all;
}

void MonitorService::note(const MachineState &now, const std::string &device)
{
	if (const DeviceState *const found = now.find(device))
		told_[found->name] = *found;
}

void MonitorService::tell_bursts(const std::vector<Burst> &bursts)
{
	if (bursts.empty())
		return;
	const MachineState now = look();

	for (const Burst &burst : bursts) {
		channels_.tell(event_message(burst, now));
		note(now, burst.device);
	}
}

// While it is not known how they are, they are as they were.
void MonitorService::compare(const MachineState &now)
{
	std::map<std::string, DeviceState> devices;

	for (const DeviceState &device : now.devices)
		devices[device.name] = device;
	if (!now.known)
		devices = told_;
	devices[""] = now.machine;
	for (const auto &[name, device] : devices)
		if (const auto before = told_.find(name); before == told_.end() || differ(before->second, device))
			channels_.tell(state_message(before == told_.end() ? nullptr : &before->second, &device));
	for (const auto &[name, device] : told_)
		if (!devices.contains(name))
			channels_.tell(state_message(&device, nullptr));
	told_ = std::move(devices);
}

void MonitorService::daily()
{
	const MachineState now = look();

	compare(now);
	channels_.tell(alive_message(now, channels_.config().daily_mail));
}

void MonitorService::finish()
{
	const Time end = Clock::now() + farewell;

	sd_notify(0, "STOPPING=1");
	take_events();
	tell_bursts(bursts_.rest());
	channels_.write(stopped_message());
	for (see_to_jobs(); !channels_.jobs().idle() && Clock::now() < end;)
		wait(end);
	if (!channels_.jobs().idle())
		channels_.write(undelivered_message("mail and programs that were still to come", "the monitor has ended"));
}

void MonitorService::run()
{
	const MachineState now = look();

	told_[""] = now.machine;
	for (const DeviceState &device : now.devices)
		told_[device.name] = device;
	channels_.tell(started_message(now, channels_.config().daily_mail));
	sd_notify(0, "READY=1");
	while (!stop_) {
		wait(bursts_.next());
		tell_bursts(bursts_.due(Clock::now()));
		if (std::exchange(look_now_, false))
			daily();
	}
	finish();
}

} // namespace dm_remap::tool
