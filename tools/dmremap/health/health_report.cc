// SPDX-License-Identifier: GPL-2.0
#include "health/health_report.hh"

#include "health/history_file.hh"
#include "health/sampling.hh"
#include "state_folder.hh"

#include <algorithm>
#include <cmath>
#include <system_error>

namespace dm_remap::tool {

namespace {

// Short, for programs.
const char *id_of(Exhaustion::Kind kind)
{
	switch (kind) {
	case Exhaustion::Kind::interval:
		return "interval";
	case Exhaustion::Kind::not_before:
		return "not-before";
	case Exhaustion::Kind::too_short:
		return "too-short";
	case Exhaustion::Kind::nothing_taken:
		return "nothing-taken";
	case Exhaustion::Kind::too_few:
		return "too-few";
	case Exhaustion::Kind::now:
		return "now";
	}
	return "";
}

void write_series(JsonWriter &out, const char *key, const Series &series)
{
	out.begin_array(key);
	for (const Period &p : series.periods()) {
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("begin", p.begin);
		out.value("seconds", p.seconds);
		out.value("errors", p.counts.errors);
		out.value("remaps", p.counts.remaps);
		out.value("unrecovered", p.counts.unrecovered);
		out.value("taken_sectors", p.taken);
		out.value("lowest_health", p.health);
		out.end();
	}
	out.end();
}

void write_exhaustion(JsonWriter &out, const HealthReport &report)
{
	const Exhaustion &e = report.exhaustion;
	const auto seconds = [&](double hours, bool known) {
		return known ? std::optional(static_cast<uint64_t>(std::llround(hours * History::hour))) : std::nullopt;
	};

	out.begin_object("exhaustion", JsonWriter::Style::compact);
	out.word("result", id_of(e.kind));
	out.value("by", report.history ? std::optional<std::string>(report.history->by_days() ? "days" : "hours") : std::nullopt);
	out.value("soonest_seconds", seconds(e.soonest, e.answered() || e.kind == Exhaustion::Kind::not_before));
	out.value("likely_seconds", seconds(e.likely, e.answered()));
	out.value("latest_seconds", seconds(e.latest, e.answered()));
	out.end();
}

} // namespace

HealthReport health_of(Answer &answer, const Machine &machine, const Running &device)
{
	const LiveStatus live = device.status();
	const uint64_t block = live.physical_block_bytes.value_or(live.block_bytes) / DMR_SECTOR_SIZE;
	HealthReport out = {.name = device.name(),
			    .set = machine.set_of(device),
			    .live = LiveHealth::parse(device.health()),
			    .free = live.pool_free,
			    .now = now().time,
			    .history = {},
			    .exhaustion = {}};

	if (!out.set.empty())
		out.history = history_of(answer, out.set);
	out.exhaustion = time_to_exhaustion(out.history ? out.history->watched() : std::vector<Watched>(), out.free, std::max<uint64_t>(block, 1));
	return out;
}

// Without it there is less to tell.
std::optional<History> history_of(Answer &answer, const std::string &set)
{
	HistoryFile file(state_folder(), set);

	try {
		std::optional<History> history = file.read();

		if (file.fault())
			answer.warn("history", fmt::format("{}; 'dmremap metrics' sets it aside, and begins a new one", *file.fault()));
		return history;
	} catch (const std::system_error &error) {
		answer.warn("history", fmt::format("{}: {}", file.path(), error.what()));
		return {};
	}
}

void write_history(JsonWriter &out, const std::optional<History> &history)
{
	if (!history)
		return out.null("history");
	out.begin_object("history");
	out.value("since", history->since());
	out.value("last", history->last().moment.time);
	write_series(out, "hours", history->hours());
	write_series(out, "days", history->days());
	out.end();
}

void write_health(JsonWriter &out, const HealthReport &report)
{
	const LiveHealth &live = report.live;
	const ScoreParts parts = live.parts();
	const auto text = [](const std::string &s) { return s.empty() ? std::nullopt : std::optional(s); };

	out.value("name", report.name);
	out.value("set", text(report.set));
	out.value("health", live.score);
	out.value("mode", live.mode);
	out.begin_object("parts", JsonWriter::Style::compact);
	out.value("spare_use", parts.spare_use);
	out.value("errors", parts.errors);
	out.value("unreadable", parts.unreadable);
	out.value("cap", parts.cap);
	out.end();
	out.begin_object("errors", JsonWriter::Style::compact);
	out.value("last_hour", live.errors_last_hour);
	out.value("last_day", live.errors_last_day);
	out.value("trend", text(live.trend));
	out.value("consecutive", live.in_a_row);
	out.end();
	out.begin_object("spares", JsonWriter::Style::compact);
	out.value("total_sectors", live.spare_total);
	out.value("taken_sectors", live.spare_taken);
	out.value("free_sectors", report.free);
	out.end();
	write_history(out, report.history);
	write_exhaustion(out, report);
}

} // namespace dm_remap::tool
