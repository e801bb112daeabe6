// SPDX-License-Identifier: GPL-2.0
#include "watch.hh"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace dm_remap::stress {

namespace {

constexpr size_t most_notes = 60;
constexpr Moment second = 1'000'000'000;

// Which of Watch::Actor the thread is.
thread_local void *self = nullptr;

void sleep_ms(uint32_t ms)
{
	std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

void write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, std::strlen(text)) < 0)
		std::perror(path);
	close(fd);
}

} // namespace

Watch::Watch() : guard_([this] { guard(); }) {}

Watch::~Watch()
{
	over_ = true;
	guard_.join();
}

void Watch::enter(const std::string &who)
{
	const std::lock_guard guard(mutex_);

	actors_.push_back(std::make_unique<Actor>());
	actors_.back()->who = who;
	self = actors_.back().get();
}

void Watch::pause(uint32_t ms) const
{
	const Moment end = now() + Moment(ms) * 1'000'000;

	while (going() && now() < end) {
		const Moment left = (end - now()) / 1'000'000;

		sleep_ms(left < 100 ? uint32_t(left) + 1 : 100);
	}
}

void Watch::note(const std::string &what)
{
	const std::lock_guard guard(mutex_);
	char line[256];

	std::snprintf(line, sizeof(line), "%10.3f %s: %s", double(now() - begun_) / second,
		      self ? static_cast<Actor *>(self)->who.c_str() : "", what.c_str());
	notes_.push_back(line);
	if (notes_.size() > most_notes)
		notes_.pop_front();
}

void Watch::found(const std::string &what)
{
	const std::lock_guard guard(mutex_);

	std::printf("FOUND at %.3f s: %s: %s\n", double(now() - begun_) / second,
		    self ? static_cast<Actor *>(self)->who.c_str() : "", what.c_str());
	if (!found_) {
		for (const std::string &note : notes_)
			std::printf("  %s\n", note.c_str());
	}
	std::fflush(stdout);
	found_ = stopped_ = true;
}

bool Watch::missing(Side side, Kind kind) const
{
	return planned(side, kind) && counts_[size_t(side)][size_t(kind)][done] == 0;
}

bool Watch::complete() const
{
	for (size_t kind = 0; kind < size_t(Kind::count_); kind++) {
		if (missing(Side::strict, Kind(kind)) || missing(Side::rough, Kind(kind)))
			return false;
	}
	return true;
}

bool Watch::table() const
{
	std::printf("%-26s", "");
	for (Side side : {Side::strict, Side::rough})
		std::printf("  %8s: done refused  failed", name_of(side));
	std::printf("\n");
	for (size_t kind = 0; kind < size_t(Kind::count_); kind++) {
		std::printf("%-26s", name_of(Kind(kind)));
		for (Side side : {Side::strict, Side::rough}) {
			const auto &count = counts_[size_t(side)][kind];

			if (planned(side, Kind(kind)) || count[done])
				std::printf("  %14llu%c%7llu%8llu", static_cast<unsigned long long>(count[done]),
					    missing(side, Kind(kind)) ? '!' : ' ', static_cast<unsigned long long>(count[refused]),
					    static_cast<unsigned long long>(count[failed]));
			else
				std::printf("  %30s", "");
		}
		std::printf("\n");
	}
	if (!complete())
		std::printf("FOUND: what is marked with ! was never done\n");
	std::fflush(stdout);
	return complete();
}

// Finds who waits too long, has the kernel tell where everybody is, and ends the program, which could not be waited for.
void Watch::guard()
{
	while (!over_) {
		std::string late;

		sleep_ms(200);
		{
			const std::lock_guard guard(mutex_);

			for (const auto &actor : actors_) {
				const std::lock_guard inner(actor->mutex);

				if (now() > actor->until)
					late += actor->who + " waits since " + std::to_string((now() - actor->since) / second) +
						" s for: " + actor->doing + "; ";
			}
		}
		if (late.empty())
			continue;
		found("a hang: " + late);
		write_file("/proc/sys/kernel/printk", "8");
		write_file("/proc/sysrq-trigger", "w");
		write_file("/proc/sysrq-trigger", "t");
		_exit(1);
	}
}

Busy::Busy(const std::string &what, uint32_t limit_s)
{
	auto *actor = static_cast<Watch::Actor *>(self);

	if (!actor)
		return;
	const std::lock_guard guard(actor->mutex);

	actor->doing = what;
	actor->since = now();
	actor->until = actor->since + limit_s * second;
}

Busy::~Busy()
{
	auto *actor = static_cast<Watch::Actor *>(self);

	if (!actor)
		return;
	const std::lock_guard guard(actor->mutex);

	actor->until = ever;
}

} // namespace dm_remap::stress
