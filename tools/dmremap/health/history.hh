// SPDX-License-Identifier: GPL-2.0
// What happened to a device lately: by the hour and by the day, over reboots, reloads of the modules and jumps of the clock.
#ifndef DMREMAP_HEALTH_HISTORY_HH
#define DMREMAP_HEALTH_HISTORY_HH

#include "health/exhaustion.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace dm_remap::tool {

// What the modules count, of one device, since it was made.
struct Counts {
	uint64_t errors = 0, remaps = 0, unrecovered = 0; // I/Os, blocks, I/Os

	bool operator==(const Counts &) const = default;
};

// When: by the clock, which may be wrong, and by the time since the machine has started, which is not. Seconds.
struct Moment {
	std::string boot;	// another one after each reboot
	uint64_t uptime = 0;	// sleep counts
	uint64_t time = 0;	// since 1970
};

// What a device is like at a moment.
struct Sample {
	Moment moment;
	std::string main;	// what tells main's disk from others; empty: nobody knows
	Counts counts;
	uint64_t taken = 0;	// sectors of the spares, in use or bad; but not what is guarded, which is there on purpose
	uint64_t health = 100;
};

// An hour or a day, by the clock.
struct Period {
	uint64_t begin = 0;	// seconds since 1970
	uint64_t seconds = 0;	// of it that were watched
	Counts counts;
	uint64_t taken = 0;	// sectors of the spares
	uint64_t health = 100;	// the lowest

	bool operator==(const Period &) const = default;
};

// The last periods of one length in which something was watched, however long ago: in the order in which they were, not of their
// clock, which may have jumped.
class Series final {
public:
	Series(uint64_t span, size_t most) : span_(span), most_(most) {}
	// Throws std::invalid_argument: they are too many.
	Series(uint64_t span, size_t most, std::vector<Period> periods, size_t of_boot);

	const std::vector<Period> &periods() const { return periods_; }
	size_t of_boot() const { return of_boot_; }
	// The machine was started anew: what there is was dated by another clock.
	void new_boot() { of_boot_ = 0; }
	// What came in so many seconds until `end`. It all counts for the period of the end: when it was nobody knows.
	void add(uint64_t end, uint64_t seconds, const Period &what);
	// The clock was set by so much, in this boot.
	void clock_jumped(int64_t seconds);
	// All that began within this time until now; what a wrong clock has dated later is not in it.
	Period sum(uint64_t now, uint64_t seconds) const;

private:
	Period &at(uint64_t begin);

	uint64_t span_;
	size_t most_;
	std::vector<Period> periods_;
	size_t of_boot_ = 0;	// of the newest: as many as began in this boot
};

class History final {
public:
	static constexpr uint64_t hour = 3600, day = 24 * hour;

	// It begins with this sample, of which nobody knows when it came to be: it counts for nothing.
	History(std::string set, const Sample &first);

	const std::string &set() const { return set_; }
	uint64_t since() const { return since_; }
	const Sample &last() const { return last_; }
	const Series &hours() const { return hours_; }
	const Series &days() const { return days_; }

	// Is it worth its writing? Once a minute where something has happened, else every ten minutes: counters lose nothing.
	bool wants(const Sample &sample) const;
	// Of another main, it begins anew.
	void add(const Sample &sample);

	// By which stretches is predicted: days, once there are seven; else hours.
	bool by_days() const;
	std::vector<Watched> watched() const;

	std::string text() const;
	// Throws BrokenSeal: it is none, is cut off, or is about another set.
	static History parse(const std::string &set, const std::string &text);

private:
	History(std::string set, uint64_t since, Sample last, Series hours, Series days);

	std::string set_;
	uint64_t since_;
	Sample last_;
	Series hours_, days_;
};

} // namespace dm_remap::tool

#endif
