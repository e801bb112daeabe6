// SPDX-License-Identifier: GPL-2.0
// status [NAME...]: how the sets of this machine are, what is wrong, and what to do.
#include "guard_text.hh"
#include "job_text.hh"
#include "judgement_text.hh"
#include "machine/judged.hh"
#include "scrub_text.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

std::string duration(uint64_t seconds)
{
	return seconds < 120 ? fmt::format("{} s", seconds) : seconds < 7200 ? fmt::format("{} min", seconds / 60) : fmt::format("{} h", seconds / 3600);
}

class Status final : public Verb {
public:
	const char *name() const override { return "status"; }
	const char *summary() const override { return "say how the sets are, what is wrong, and what to do"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "which ones; without any, all that run or are in sets.conf");
		o.flag("--test", test_, "say it by the exit status: 0 well, 1 attention, 2 critical, 4 cannot tell");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		std::vector<JudgedSet> rows;

		try {
			if (machine.unavailable())
				throw Failure(ExitStatus::failed, "device-mapper",
					      fmt::format("what runs is not known: {}", *machine.unavailable()));
			rows = judge_all(machine);
			if (!names_.empty())
				rows = chosen(rows);
		} catch (const Failure &failure) {
			if (!test_)
				throw;
			answer.fail_judged(failure, Verdict::cannot_tell);
		}
		if (answer.as_json())
			write(answer.json(), machine, rows);
		else
			print(answer, machine, rows);
		return test_ ? static_cast<int>(worst(rows)) : static_cast<int>(ExitStatus::done);
	}

private:
	std::vector<JudgedSet> chosen(const std::vector<JudgedSet> &rows) const
	{
		std::vector<JudgedSet> out;

		for (const std::string &name : names_) {
			const auto found = std::find_if(rows.begin(), rows.end(), [&](const JudgedSet &row) {
				return row.name == name || row.set == name || (row.running && row.running->device().path == name);
			});

			if (found == rows.end())
				throw Failure(ExitStatus::not_found, "not-found",
					      fmt::format("{}: it does not run, and sets.conf does not have it; 'dmremap list' shows what is on the disks",
							  shown(name)));
			out.push_back(*found);
		}
		return out;
	}

	static Verdict worst(const std::vector<JudgedSet> &rows)
	{
		Verdict verdict = Verdict::well;

		for (const JudgedSet &row : rows)
			verdict = std::max(verdict, row.judgement.verdict);
		return verdict;
	}

	static void print(Answer &answer, const Machine &machine, const std::vector<JudgedSet> &rows)
	{
		if (rows.empty())
			answer.line("no set runs, and {} has none; 'dmremap list' shows what is on the disks", machine.config().path());
		for (const JudgedSet &row : rows) {
			if (&row != &rows.front())
				answer.line("");
			print(answer, machine, row);
		}
	}

	static void print(Answer &answer, const Machine &machine, const JudgedSet &row)
	{
		print_judgement(answer, row.name, row.judgement);
		if (!row.live) {
			answer.line("  main: {}", shown(row.main));
			return;
		}
		const LiveStatus &live = *row.live;

		answer.line("  main: {}, {}, health {} of 100", shown(row.main), human_bytes(live.main_sectors * 512), live.health);
		answer.line("   map: {} of {} entries, generation {}; {} sectors remapped, {} pending{}", live.extents, live.max_extents,
			    live.generation, live.remapped, live.pending, live.lost ? fmt::format(", {} lost", live.lost) : "");
		answer.line("spares: {:>2}  {:<9} {:>12} {:>12} {:>8}  {}", "nr", "state", "used", "sectors", "bad", "device");
		for (const LiveSpare &spare : live.spares)
			answer.line("        {:>2}  {:<9} {:>12} {:>12} {:>8}  {}{}", spare.number, spare.state, spare.used, spare.total, spare.bad,
				    shown(path_of_spare(machine, *row.running, live, spare)), spare.start ? fmt::format("@{}", spare.start) : "");
		if (live.removal)
			answer.line("   job: spare {} is being removed: {} %, {} of {} sectors{}", live.removal->number, live.removal->percent(),
				    live.removal->moved, live.removal->moved + live.removal->left,
				    live.removal->seconds_left() ? ", about " + duration(*live.removal->seconds_left()) + " left" : "");
		else if (live.job)
			answer.line("   job: {}", job_text(*live.job));
		if (live.scrub && (live.scrub->state != "none" || live.scrub->last_complete))
			answer.line(" scrub: {}", scrub_text(*live.scrub));
		if (live.guard)
			answer.line(" guard: {}", guard_text(*live.guard));
	}

	static void write(JsonWriter &out, const Machine &machine, const std::vector<JudgedSet> &rows)
	{
		out.begin_array("devices");
		for (const JudgedSet &row : rows) {
			out.begin_object();
			out.value("name", row.name);
			out.value("set", row.set.empty() ? std::nullopt : std::optional(row.set));
			out.value("state", row.judgement.state);
			out.value("configured", row.configured != nullptr);
			out.value("running", row.running != nullptr);
			out.value("suspended", row.running ? std::optional(row.running->device().suspended) : std::nullopt);
			write_findings(out, row.judgement);
			write_live(out, machine, row);
			out.end();
		}
		out.end();
	}

	static void write_live(JsonWriter &out, const Machine &machine, const JudgedSet &row)
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

	static void write_removal(JsonWriter &out, const std::optional<LiveRemoval> &removal)
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

	static void write_spare(JsonWriter &out, const LiveSpare &spare, const std::string &path)
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

	std::vector<std::string> names_;
	bool test_ = false;
};

} // namespace

std::unique_ptr<Verb> make_status()
{
	return std::make_unique<Status>();
}

} // namespace dm_remap::tool
