// SPDX-License-Identifier: GPL-2.0
// What happens to devices, as the modules' uevents call it, and bursts of it: one message at once, and one for all that comes soon after.
#ifndef DMREMAP_MONITOR_EVENTS_HH
#define DMREMAP_MONITOR_EVENTS_HH

#include <dm_remap/kernel_api.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dm_remap::tool {

struct EventKind {
	const char *name;	// DM_REMAP_EVENT
	const char *text;	// what has happened
	const char *action;	// what to do, if the device's state does not say so; or empty
	bool trouble;		// else somebody wanted it so, and it is no reason for a mail
};

// The last is what this tool does not know.
inline constexpr size_t event_kinds_number = DMR_EVENT_COUNT + 1;
const std::array<EventKind, event_kinds_number> &event_kinds();

// How often each of them has come; of which there are always as many.
using EventCounts = std::array<uint64_t, event_kinds_number>;

// What one message is about.
struct Burst {
	std::string device;	// empty: of several, more than are told apart
	bool trouble = false;
	EventCounts counts = {};
	std::chrono::seconds time = {};	// in which they came; 0: the first alone

	uint64_t events() const;
	// "pending=3 first_remap=1"
	std::string names() const;
};

// Of each device, trouble apart from the rest: the first event is told at once, what comes within a while after it together. If there was
// any, the next while is twice as long, up to an hour: a disk that dies for a day does not send a message each minute. A while in which
// nothing came ends it.
class Bursts final {
public:
	using Time = std::chrono::steady_clock::time_point;

	static constexpr size_t most_apart = 256;
	static constexpr std::chrono::seconds longest = std::chrono::hours(1);

	explicit Bursts(std::chrono::seconds together) : together_(together) {}

	void note(const std::string &device, const std::string &event, Time now);
	// What is to be told now, and is told with that.
	std::vector<Burst> due(Time now);
	// When there may be more of it; no value: not before the next event.
	std::optional<Time> next() const;
	// What has come and was not told, at the end.
	std::vector<Burst> rest();

private:
	struct Open {
		EventCounts counts = {};
		Time ends;		// of the while
		std::chrono::seconds length = {}; // of it; 0: the first message is to come
	};

	std::chrono::seconds together_;
	std::map<std::pair<std::string, bool>, Open> open_;
};

} // namespace dm_remap::tool

#endif
