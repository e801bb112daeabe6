// SPDX-License-Identifier: GPL-2.0
#include "machine/judged_json.hh"

#include "guard_text.hh"
#include "job_text.hh"
#include "judgement_text.hh"
#include "scrub_text.hh"

namespace dm_remap::tool {

namespace {

void write_removal(JsonWriter &out, const std::optional<LiveRemoval> &removal)
{
	if (!removal) {
		out.null("removing");
		return;
	}
	out.begin_object("removing", JsonWriter::Style::compact);
	out.value("spare", removal->number);
	out.value("moved_sectors", removal->moved);
	out.value("left_sectors", removal->left);
	out.value("seconds", removal->seconds);
	out.value("seconds_left", removal->seconds_left());
	out.end();
}

void write_spare(JsonWriter &out, const LiveSpare &spare, const std::string &path)
{
	out.begin_object({}, JsonWriter::Style::compact);
	out.value("number", spare.number);
	out.value("path", spare.missing() ? std::nullopt : std::optional(path));
	out.value("state", spare.state);
	out.value("start", spare.missing() ? std::nullopt : std::optional(spare.start));
	out.value("total_sectors", spare.total);
	out.value("used_sectors", spare.used);
	out.value("bad_sectors", spare.bad);
	out.end();
}

void write_live(JsonWriter &out, const Machine &machine, const JudgedSet &row)
{
	const LiveStatus *live = row.live ? &*row.live : nullptr;
	const auto number = [&](const char *key, uint64_t LiveStatus::*field) {
		out.value(key, live ? std::optional(live->*field) : std::nullopt);
	};

	out.value("mode", live ? std::optional(live->mode) : std::nullopt);
	number("health", &LiveStatus::health);
	number("generation", &LiveStatus::generation);
	out.begin_object("main", JsonWriter::Style::compact);
	out.value("path", row.main);
	out.value("number", row.running ? std::optional(row.running->main_number()) : std::nullopt);
	number("sectors", &LiveStatus::main_sectors);
	out.value("block_bytes", live ? std::optional(live->block_bytes) : std::nullopt);
	out.value("physical_block_bytes", live ? live->physical_block_bytes : std::nullopt);
	out.end();
	out.begin_object("map", JsonWriter::Style::compact);
	number("extents", &LiveStatus::extents);
	number("max_extents", &LiveStatus::max_extents);
	number("remapped_sectors", &LiveStatus::remapped);
	number("pending_sectors", &LiveStatus::pending);
	number("lost_sectors", &LiveStatus::lost);
	out.end();
	out.begin_object("pool", JsonWriter::Style::compact);
	number("total_sectors", &LiveStatus::pool_total);
	number("used_sectors", &LiveStatus::pool_used);
	number("bad_sectors", &LiveStatus::pool_bad);
	number("free_sectors", &LiveStatus::pool_free);
	out.end();
	out.begin_array("spares");
	for (size_t i = 0; live && i < live->spares.size(); i++)
		write_spare(out, live->spares[i], path_of_spare(machine, *row.running, *live, live->spares[i]));
	out.end();
	write_removal(out, live ? live->removal : std::nullopt);
	write_job(out, live ? live->job : std::nullopt);
	write_scrub(out, live ? live->scrub : std::nullopt);
	write_guard(out, live ? live->guard : std::nullopt);
}

} // namespace

void write_judged(JsonWriter &out, const Machine &machine, const JudgedSet &row)
{
	out.value("name", row.name);
	out.value("set", row.set.empty() ? std::nullopt : std::optional(row.set));
	out.value("state", row.judgement.state);
	out.value("configured", row.configured != nullptr);
	out.value("running", row.running != nullptr);
	out.value("suspended", row.running ? std::optional(row.running->device().suspended) : std::nullopt);
	write_findings(out, row.judgement);
	write_live(out, machine, row);
}

} // namespace dm_remap::tool
