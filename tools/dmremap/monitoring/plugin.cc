// SPDX-License-Identifier: GPL-2.0
#include "monitoring/plugin.hh"

#include "answer.hh"
#include "judgement.hh"

#include <dm_remap/stats.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace dm_remap::tool {

namespace {

constexpr std::array state_names = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

const char *state_name(PluginState state)
{
	return state_names[static_cast<size_t>(state)];
}

// Of several, what is known to be wrong comes before what is not known.
int rank(PluginState state)
{
	return state == PluginState::critical ? 3 : state == PluginState::warning ? 2 : state == PluginState::unknown ? 1 : 0;
}

PluginState worse(PluginState a, PluginState b)
{
	return rank(a) < rank(b) ? b : a;
}

std::optional<double> number_of(std::string_view text)
{
	double out = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);

	return error == std::errc() && end == text.data() + text.size() && std::isfinite(out) ? std::optional(out) : std::nullopt;
}

// A '|' begins the figures. Bytes that are no UTF-8 are written as in a label, but nothing else is escaped.
std::string plain(const std::string &text)
{
	const std::string label = label_text(text);
	std::string out;

	for (size_t i = 0; i < label.size(); i++) {
		const bool escaped = label[i] == '\\';

		i += escaped;
		out += escaped && label[i] == 'n' ? ' ' : label[i] == '|' ? '/' : label[i];
	}
	return shown(out);
}

// Of a label and of a name in quotes.
std::string plain_name(const std::string &text)
{
	std::string out = plain(text);

	for (char &c : out)
		if (c == '\'' || c == '"' || c == '=')
			c = '_';
	return out;
}

struct Figure {
	const char *family, *name, *unit;
	bool warns;		// if it is not 0
	const char *most;	// the family that has it; null: none
};

constexpr Figure figures[] = {
	{"pending_bytes", "pending", "B", true, nullptr},
	{"lost_bytes", "lost", "B", true, nullptr},
	{"remapped_bytes", "remapped", "B", false, nullptr},
	{"spare_used_bytes", "spare_used", "B", false, "spare_bytes"},
	{"spare_bad_bytes", "spare_bad", "B", false, "spare_bytes"},
	{"errors_last_hour", "errors_hour", "", false, nullptr},
	{"remaps_total", "remaps", "c", false, nullptr},
	{"read_errors_total", "read_errors", "c", false, nullptr},
	{"write_errors_total", "write_errors", "c", false, nullptr},
};

void add_figures(PluginService &out, const Values &values, uint64_t health, const PluginLimits &limits)
{
	const std::string name = plain_name(out.name);

	out.figures.push_back(fmt::format("'{}_health'={};{};{};0;100", name, health, limits.warning.text(), limits.critical.text()));
	out.checkmk.push_back(fmt::format("health={};;;0;100", health));
	for (const Figure &figure : figures) {
		const auto value = values.find(figure.family), most = figure.most ? values.find(figure.most) : values.end();

		if (value == values.end())
			continue;
		const std::string limit = most == values.end() ? "" : most->second;

		out.figures.push_back(fmt::format("'{}_{}'={}{};{};;0{}", name, figure.name, value->second, figure.unit, figure.warns ? "0" : "",
						  limit.empty() ? "" : ";" + limit));
		out.checkmk.push_back(fmt::format("{}={};;;0;{}", figure.name, value->second, limit));
	}
}

void take(PluginService &out, const Judgement &judgement)
{
	size_t others = 0;

	for (const Finding &finding : judgement.findings) {
		// The limits are about that.
		if (finding.urgency == Urgency::note || finding.id == "health")
			continue;
		out.state = worse(out.state, finding.urgency == Urgency::critical ? PluginState::critical : PluginState::warning);
		if (out.text.empty())
			out.text = finding.text;
		else
			others++;
		out.more.push_back(fmt::format("{}: {}: {}", out.name, urgency_text(finding.urgency), finding.text));
		out.more.push_back(fmt::format("    {}", finding.action));
	}
	if (others)
		out.text += fmt::format(" (and {} more)", others);
}

PluginService service_of(const DeviceFacts &device, const PluginLimits &limits)
{
	const std::optional<LiveStatus> live = device.live ? device.live : status_of(device.values);
	PluginService out = {.name = device.name};

	if (!live) {
		out.state = PluginState::unknown;
		out.text = "dm-remap-stats does not tell enough";
		return out;
	}
	take(out, judge(*live, {.name = device.name,
				.main = device.main.empty() ? "main" : device.main,
				.path = [&](const LiveSpare &spare) { return device.spare_paths.at(spare.number); },
				.suspended = device.suspended,
				.configured = true}));
	const double health = static_cast<double>(live->health);

	if (limits.critical.alerts(health))
		out.state = PluginState::critical;
	else if (limits.warning.alerts(health))
		out.state = worse(out.state, PluginState::warning);
	out.text = fmt::format("health {}{}{}", live->health, out.text.empty() ? "" : ", ", out.text);
	if (!device.live)
		out.text += " (spares were not looked at: that needs root)";
	add_figures(out, device.values, live->health, limits);
	return out;
}

PluginService service_of(const SetFacts &set, bool all_seen)
{
	PluginService out = {.name = set.name};

	if (!set.automatic) {
		out.text = "does not run, and is not to be started by itself";
		return out;
	}
	take(out, judge_offline(set.name));
	if (!all_seen)
		out.text += " (or it is suspended, which only root sees)";
	return out;
}

bool is_meant(const std::string &name, const DeviceFacts &device)
{
	return name == device.name || label_text(name) == device.label || (!device.set.empty() && name == device.set);
}

bool is_meant(const std::string &name, const SetFacts &set)
{
	return name == set.name || name == set.uuid;
}

template <typename T>
bool is_named(const std::vector<std::string> &names, const T &one)
{
	return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string &name) { return is_meant(name, one); });
}

template <typename T>
bool is_any(const std::string &name, const std::vector<T> &all)
{
	return std::any_of(all.begin(), all.end(), [&](const T &one) { return is_meant(name, one); });
}

std::string first_line(const std::vector<PluginService> &services)
{
	std::string out;
	size_t well = 0;

	for (const PluginService &service : services) {
		if (services.size() > 1 && service.state == PluginState::ok)
			well++;
		else
			out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", service.name, service.text);
	}
	if (well)
		out += fmt::format("{}{} {}", out.empty() ? "" : "; ", well, out.empty() ? "sets and devices, all is well" : "more well");
	return out.empty() ? "no set runs, and sets.conf has none" : out;
}

} // namespace

std::optional<PluginRange> PluginRange::parse(const std::string &text)
{
	PluginRange out;
	std::string_view rest = text;

	out.text_ = text;
	out.inside_ = rest.starts_with('@');
	if (out.inside_)
		rest.remove_prefix(1);
	const size_t colon = rest.find(':');
	const std::string_view least = colon == rest.npos ? std::string_view() : rest.substr(0, colon);
	const std::string_view most = colon == rest.npos ? rest : rest.substr(colon + 1);
	const std::optional<double> from = least == "~" ? -std::numeric_limits<double>::infinity() : colon == rest.npos ? 0 : number_of(least);
	const std::optional<double> to = colon != rest.npos && most.empty() ? std::numeric_limits<double>::infinity() : number_of(most);

	if (!from || !to || *from > *to)
		return {};
	out.least_ = *from;
	out.most_ = *to;
	return out;
}

std::vector<PluginService> plugin_services(const MachineFacts &facts, const PluginLimits &limits, const std::vector<std::string> &names)
{
	std::vector<PluginService> out;
	std::vector<std::string> wanted = names;

	// It may run by another name.
	for (const SetFacts &set : facts.sets)
		if (!names.empty() && is_named(names, set))
			wanted.push_back(set.uuid);
	for (const DeviceFacts &device : facts.devices)
		if (is_named(wanted, device))
			out.push_back(service_of(device, limits));
	for (const SetFacts &set : facts.sets)
		if (!set.assembled && is_named(names, set))
			out.push_back(service_of(set, facts.all_seen));
	for (const std::string &name : names)
		if (!is_any(name, facts.devices) && !is_any(name, facts.sets))
			out.push_back({.name = name, .state = PluginState::unknown, .text = "it does not run, and sets.conf does not have it"});
	if (facts.config_faults && names.empty())
		out.push_back({.name = "sets.conf",
			       .state = PluginState::warning,
			       .text = fmt::format("{} of its lines are not understood, and what they are about is not looked at", facts.config_faults),
			       .more = {"'dmremap list' says which they are"}});
	std::stable_sort(out.begin(), out.end(), [](const PluginService &a, const PluginService &b) { return rank(a.state) > rank(b.state); });
	return out;
}

PluginState worst(const std::vector<PluginService> &services)
{
	PluginState out = PluginState::ok;

	for (const PluginService &service : services)
		out = worse(out, service.state);
	return out;
}

std::string plugin_text(const std::vector<PluginService> &services)
{
	std::string out = fmt::format("DM_REMAP {} - {}", state_name(worst(services)), plain(first_line(services))), numbers;

	for (const PluginService &service : services)
		for (const std::string &figure : service.figures)
			numbers += " " + figure;
	out += numbers.empty() ? "\n" : fmt::format(" |{}\n", numbers);
	for (const PluginService &service : services)
		for (const std::string &line : service.more)
			out += plain(line) + "\n";
	return out;
}

std::string checkmk_text(const std::vector<PluginService> &services)
{
	std::string out;

	for (const PluginService &service : services)
		out += fmt::format("{} \"dm-remap {}\" {} {}\n", static_cast<int>(service.state), plain_name(service.name),
				   service.checkmk.empty() ? "-" : fmt::format("{}", fmt::join(service.checkmk, "|")), plain(service.text));
	return out.empty() ? fmt::format("0 \"dm-remap\" - {}\n", first_line(services)) : out;
}

std::string plugin_unknown(const std::string &text)
{
	return fmt::format("DM_REMAP UNKNOWN - {}\n", plain(text.substr(0, text.find('\n'))));
}

std::string checkmk_unknown(const std::string &text)
{
	return fmt::format("3 \"dm-remap\" - {}\n", plain(text.substr(0, text.find('\n'))));
}

} // namespace dm_remap::tool
