// SPDX-License-Identifier: GPL-2.0
#include "monitoring/facts.hh"

#include "stats/families.hh"
#include "stats/text.hh"

#include <dm_remap/mode.hh>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace dm_remap::tool {

namespace {

constexpr std::string_view prefix = stats::family_prefix;
constexpr uint64_t sector_bytes = DMR_SECTOR_SIZE;

// What a line of it says up to its end; moves on.
std::string_view next_line(std::string_view &text)
{
	const std::string_view line = text.substr(0, text.find('\n'));

	text.remove_prefix(std::min(line.size() + 1, text.size()));
	return line;
}

// The value of the only label, as it is written. A quote in it has a backslash before it.
std::string_view label_of(std::string_view labels)
{
	constexpr std::string_view begin = "{device=\"", end = "\"}";

	return labels.starts_with(begin) && labels.ends_with(end) && labels.size() >= begin.size() + end.size()
		       ? labels.substr(begin.size(), labels.size() - begin.size() - end.size())
		       : std::string_view();
}

void take_counters(dmr_snapshot &s, std::string_view answer)
{
	for (AnswerLines line(answer); line.next();) {
		if (line.subject() == "errors") {
			s.read_errors = line.number("read");
			s.write_errors = line.number("write");
			s.errors_last_hour = line.number("last_hour");
			s.last_error_time = line.number("last_time");
			s.unrecovered = line.number("unrecovered");
		} else if (line.subject() == "remaps") {
			s.remaps = line.number("blocks");
			s.remaps_last_hour = line.number("last_hour");
			s.last_remap_time = line.number("last_time");
			s.untested = line.number("untested");
		} else if (line.subject() == "slow_path") {
			s.pending_hits = line.number("requests");
			s.commits = line.number("commits");
			s.checkpoints = line.number("checkpoints");
		}
	}
}

} // namespace

std::string label_text(const std::string &text)
{
	// A byte becomes five at most.
	std::string out(text.size() * 5 + 1, '\0');
	stats::Text writer(out.data(), out.size());

	writer.put_label(text.c_str());
	out.resize(writer.length());
	return out;
}

DeviceFacts read_statistics(std::string_view text)
{
	DeviceFacts out;

	while (!text.empty()) {
		const std::string_view line = next_line(text);
		const size_t labels = line.find('{'), space = line.rfind(' ');

		if (!line.starts_with(prefix) || labels == line.npos || space == line.npos || space < labels)
			continue;
		const std::string_view name = line.substr(prefix.size(), labels - prefix.size());

		out.label = out.name = label_of(line.substr(labels, space - labels));
		out.values[std::string(name)] = line.substr(space + 1);
	}
	return out;
}

Values values_of(const LiveStatus &status, std::string_view counters)
{
	dmr_snapshot s = {};
	const auto mode = std::find(std::begin(mode_names), std::end(mode_names), status.mode);
	Values out;

	take_counters(s, counters);
	s.health = static_cast<uint32_t>(status.health);
	s.mode = static_cast<uint32_t>(mode - std::begin(mode_names));
	s.main_sectors = status.main_sectors;
	s.extents = status.extents;
	s.max_extents = status.max_extents;
	s.active_mappings = status.mappings;
	s.remapped_sectors = status.remapped;
	s.pending_sectors = status.pending;
	s.lost_sectors = status.lost;
	s.spare_sectors_total = status.pool_total;
	s.spare_sectors_used = status.pool_used;
	s.spare_sectors_bad = status.pool_bad;
	for (const stats::Family &family : stats::families) {
		if (family.in_messages)
			out[family.name] = std::to_string(family.value(s) * (family.unit == stats::Unit::bytes ? sector_bytes : 1));
	}
	// One that this tool does not know has no number.
	if (mode == std::end(mode_names))
		out.erase("mode");
	return out;
}

std::optional<LiveStatus> status_of(const Values &values)
{
	bool all = true;
	const auto number = [&](const char *name) {
		const auto found = values.find(name);
		uint64_t out = 0;

		if (found == values.end())
			all = false;
		else
			all &= std::from_chars(found->second.data(), found->second.data() + found->second.size(), out).ec == std::errc();
		return out;
	};
	const auto sectors = [&](const char *name) { return number(name) / sector_bytes; };
	LiveStatus out;
	const uint64_t mode = number("mode");

	out.mode = mode < std::size(mode_names) ? mode_names[mode] : std::to_string(mode);
	out.health = number("health_score");
	out.pending = sectors("pending_bytes");
	out.lost = sectors("lost_bytes");
	out.remapped = sectors("remapped_bytes");
	out.pool_total = sectors("spare_bytes");
	out.pool_used = sectors("spare_used_bytes");
	out.pool_bad = sectors("spare_bad_bytes");
	out.pool_free = out.pool_total - std::min(out.pool_total, out.pool_used + out.pool_bad);
	const bool enough = all;

	// A long name leaves no room for these.
	out.extents = number("map_extents");
	out.max_extents = number("map_max_extents");
	return enough ? std::optional(out) : std::nullopt;
}

std::optional<bool> is_current(const std::string &name, const std::string &srcversion, std::string_view modinfo)
{
	std::string_view installed;

	// A module's lines are from its file name on; what it is called comes after its version.
	while (!modinfo.empty()) {
		const std::string_view line = next_line(modinfo);
		const std::string_view key = line.substr(0, line.find(':')), value = line.substr(std::min(line.find_last_of(' ') + 1, line.size()));

		if (key == "filename")
			installed = {};
		else if (key == "srcversion")
			installed = value;
		else if (key == "name" && value == name)
			return installed.empty() || srcversion.empty() ? std::nullopt : std::optional(installed == srcversion);
	}
	return {};
}

} // namespace dm_remap::tool
