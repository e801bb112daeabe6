// SPDX-License-Identifier: GPL-2.0
#include "health/health_text.hh"

#include "answer.hh"

#include <cmath>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

std::string period_text(const char *name, const Period &p)
{
	if (!p.seconds)
		return fmt::format("{}: not watched", name);
	return fmt::format("{}: watched for {}: {} errors, {} of them told to programs, {} blocks remapped, {} sectors of the spares taken; the lowest score was {}", name,
			   duration_text(static_cast<double>(p.seconds) / History::hour), p.counts.errors, p.counts.unrecovered, p.counts.remaps, p.taken, p.health);
}

} // namespace

std::string exhaustion_text(const HealthReport &report)
{
	const Exhaustion &e = report.exhaustion;
	const std::string free = fmt::format("{} sectors are free ({})", report.free, human_bytes(report.free * 512));
	const char *const by = report.history && report.history->by_days() ? "days" : "hours";

	switch (e.kind) {
	case Exhaustion::Kind::now:
		return "they are used up";
	case Exhaustion::Kind::interval:
		return fmt::format("{}; used up in {} to {}, most likely {} (9 times of 10, by the last {})", free, duration_text(e.soonest), duration_text(e.latest),
				   duration_text(e.likely), by);
	case Exhaustion::Kind::not_before:
		return fmt::format("{}; not used up within {} (9 times of 10, by the last {}); when, there is not enough to tell", free, duration_text(e.soonest), by);
	case Exhaustion::Kind::nothing_taken:
		return fmt::format("{}; none was taken lately: not enough to tell when they will be used up", free);
	case Exhaustion::Kind::too_few:
		return fmt::format("{}; what was taken came in too few bursts: not enough to tell when they will be used up", free);
	case Exhaustion::Kind::too_short:
		break;
	}
	return fmt::format("{}; watched for too short a time: not enough to tell when they will be used up", free);
}

std::string duration_text(double hours)
{
	struct Unit {
		double hours;
		const char *name;
	};
	constexpr Unit units[] = {{365 * 24, "years"}, {7 * 24, "weeks"}, {24, "days"}, {1, "hours"}};

	for (const Unit &unit : units)
		if (hours >= 2 * unit.hours)
			return fmt::format("{:.0f} {}", hours / unit.hours, unit.name);
	return fmt::format("{:.0f} minutes", std::ceil(hours * 60));
}

std::vector<HealthLine> health_lines(const HealthReport &report)
{
	const LiveHealth &live = report.live;
	const ScoreParts parts = live.parts();
	std::vector<HealthLine> out;

	out.push_back({"name", shown(report.name)});
	out.push_back({"score", fmt::format("{} of 100", live.score)});
	out.push_back({"", fmt::format("{:>3} for the spares: {} of {} sectors are used or bad", -static_cast<int>(parts.spare_use), live.spare_taken, live.spare_total)});
	out.push_back({"", fmt::format("{:>3} for errors: {} in the last hour", -static_cast<int>(parts.errors), live.errors_last_hour)});
	out.push_back({"", fmt::format("{:>3} for what cannot be read: {} sectors", -static_cast<int>(parts.unreadable), live.pending + live.lost)});
	if (parts.cap && *parts.cap < 100)
		out.push_back({"", fmt::format("no more than {} in mode {}", *parts.cap, shown(live.mode))});
	if (live.errors_last_day)
		out.push_back({"errors", fmt::format("{} in the last hour, {} in the last day, {} an hour: {}", live.errors_last_hour, *live.errors_last_day, shown(live.rate_of_day),
					  live.trend == "unknown" ? "too early for a trend" : shown(live.trend))});
	if (live.in_a_row.value_or(0))
		out.push_back({"", fmt::format("{} in a row that were told to programs", *live.in_a_row)});
	if (!report.history) {
		out.push_back({"history", "none is kept: 'dmremap metrics' does so, which dm-remap-metrics.timer runs"});
	} else {
		out.push_back({"history", fmt::format("since {}, the last of {}", when(report.history->since()), when(report.history->last().moment.time))});
		out.push_back({"", period_text("24 hours", report.history->hours().sum(report.now, History::day))});
		out.push_back({"", period_text("30 days", report.history->days().sum(report.now, 30 * History::day))});
	}
	out.push_back({"spares", exhaustion_text(report)});
	return out;
}

std::vector<std::string> health_text(const HealthReport &report)
{
	std::vector<std::string> out;

	for (const HealthLine &line : health_lines(report))
		out.push_back(line.label.empty() ? fmt::format("{:10}{}", "", line.text) : fmt::format("{:>8}: {}", line.label, line.text));
	return out;
}

} // namespace dm_remap::tool
