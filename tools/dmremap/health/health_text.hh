// SPDX-License-Identifier: GPL-2.0
// What is known of a device's health, for a person.
#ifndef DMREMAP_HEALTH_HEALTH_TEXT_HH
#define DMREMAP_HEALTH_HEALTH_TEXT_HH

#include "health/history.hh"
#include "health/live_health.hh"

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

struct HealthReport {
	std::string name, set;
	LiveHealth live;
	uint64_t free = 0;	// sectors of the spares that can be taken
	uint64_t now = 0;	// seconds since 1970
	std::optional<History> history;
	Exhaustion exhaustion;	// by the history
};

// In the largest unit of which there are two: "14 days".
std::string duration_text(double hours);
// Lines.
std::vector<std::string> health_text(const HealthReport &report);
// Short, for programs.
const char *id_of(Exhaustion::Kind kind);

} // namespace dm_remap::tool

#endif
