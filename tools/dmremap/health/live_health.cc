// SPDX-License-Identifier: GPL-2.0
#include "health/live_health.hh"

#include "exit_status.hh"
#include "live_status.hh"

#include <dm_remap/health.hh>
#include <dm_remap/mode.hh>

#include <algorithm>
#include <iterator>

namespace dm_remap::tool {

LiveHealth LiveHealth::parse(std::string_view answer)
{
	AnswerLines line(answer);

	if (!line.next())
		throw Failure(ExitStatus::failed, "device-mapper", "the modules' answer to 'health' is empty");
	return {
		.score = line.number("health"),
		.mode = std::string(line.value("mode")),
		.errors_last_hour = line.number("errors_last_hour"),
		.spare_taken = line.number("spare_used_sectors"),
		.spare_total = line.number("spare_total_sectors"),
		.pending = line.number("pending_sectors"),
		.lost = line.number("lost_sectors"),
		.errors_last_day = line.number_if_any("errors_last_day"),
		.in_a_row = line.number_if_any("consecutive_errors"),
		.rate_of_day = std::string(line.value("error_rate_per_hour_of_day")),
		.trend = std::string(line.value("trend")),
	};
}

ScoreParts LiveHealth::parts() const
{
	const auto known = std::find(std::begin(mode_names), std::end(mode_names), mode);
	ScoreParts out = {health::spare_penalty(spare_total, spare_taken), health::error_penalty(errors_last_hour), health::unreadable_penalty(pending + lost), {}};

	if (known != std::end(mode_names))
		out.cap = health::mode_cap(static_cast<uint32_t>(known - std::begin(mode_names)));
	return out;
}

} // namespace dm_remap::tool
