// SPDX-License-Identifier: GPL-2.0
// What is known of a device's health, for a person.
#ifndef DMREMAP_HEALTH_HEALTH_TEXT_HH
#define DMREMAP_HEALTH_HEALTH_TEXT_HH

#include "health/health_report.hh"

#include <string>
#include <vector>

namespace dm_remap::tool {

// In the largest unit of which there are two: "14 days".
std::string duration_text(double hours);
// When the spares will be used up, as far as that can be told.
std::string exhaustion_text(const HealthReport &report);
// What is known, in the order in which it is told. No label: it belongs to the line before.
struct HealthLine {
	std::string label, text;
};
std::vector<HealthLine> health_lines(const HealthReport &report);
// The same for a terminal.
std::vector<std::string> health_text(const HealthReport &report);

} // namespace dm_remap::tool

#endif
