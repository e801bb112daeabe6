// SPDX-License-Identifier: GPL-2.0
// All that is known of a device's health: what the modules say now, what was kept of the past, and what follows from that.
#ifndef DMREMAP_HEALTH_HEALTH_REPORT_HH
#define DMREMAP_HEALTH_HEALTH_REPORT_HH

#include "health/history.hh"
#include "health/live_health.hh"
#include "json_writer.hh"
#include "machine/machine.hh"

#include <optional>
#include <string>

namespace dm_remap::tool {

struct HealthReport {
	std::string name, set;
	LiveHealth live;
	uint64_t free = 0;	// sectors of the spares that can be taken
	uint64_t now = 0;	// seconds since 1970
	std::optional<History> history;
	Exhaustion exhaustion;	// by the history
};

// Throws Failure: the device went away, or is not understood.
HealthReport health_of(Answer &answer, const Machine &machine, const Running &device);
// What is kept of a set. No value: nothing is, or it cannot be read, which is a warning.
std::optional<History> history_of(Answer &answer, const std::string &set);

// Keys of the open object.
void write_health(JsonWriter &out, const HealthReport &report);
// As `history` of the open object.
void write_history(JsonWriter &out, const std::optional<History> &history);

} // namespace dm_remap::tool

#endif
