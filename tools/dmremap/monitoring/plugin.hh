// SPDX-License-Identifier: GPL-2.0
// The facts as a Nagios plugin tells them: a state for each device and set, in one line for all, or a line each for Checkmk.
#ifndef DMREMAP_MONITORING_PLUGIN_HH
#define DMREMAP_MONITORING_PLUGIN_HH

#include "monitoring/facts.hh"

#include <string>
#include <vector>

namespace dm_remap::tool {

// Their exit statuses.
enum class PluginState : uint8_t { ok = 0, warning = 1, critical = 2, unknown = 3 };

// What is too much, as plugins take it: "10", "10:", "~:10", "10:20", and with '@' in front what is within.
class PluginRange final {
public:
	// No value: it is none.
	static std::optional<PluginRange> parse(const std::string &text);

	bool alerts(double value) const { return (value >= least_ && value <= most_) == inside_; }
	const std::string &text() const { return text_; }

private:
	PluginRange() = default;

	std::string text_;
	double least_ = 0, most_ = 0;
	bool inside_ = false;	// what is within it alerts
};

struct PluginLimits {
	PluginRange warning, critical; // of the health score
};

// A device, or a set that does not run.
struct PluginService {
	std::string name;
	PluginState state = PluginState::ok;
	std::string text = {};			// what is told first
	std::vector<std::string> more = {};	// what else there is, and what to do
	std::vector<std::string> figures = {};	// 'label'=value;warning;critical;least;most
	std::vector<std::string> checkmk = {};	// the same, name=value;;;least;most
};

// names: those alone; empty: all. A name that nothing has is a service that is unknown.
std::vector<PluginService> plugin_services(const MachineFacts &facts, const PluginLimits &limits, const std::vector<std::string> &names);
PluginState worst(const std::vector<PluginService> &services);
// One line that says it all, and more of them for those who look.
std::string plugin_text(const std::vector<PluginService> &services);
std::string checkmk_text(const std::vector<PluginService> &services);
// Nothing could be found out.
std::string plugin_unknown(const std::string &text);
std::string checkmk_unknown(const std::string &text);

} // namespace dm_remap::tool

#endif
