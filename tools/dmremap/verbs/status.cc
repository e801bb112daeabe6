// SPDX-License-Identifier: GPL-2.0
// status [NAME...]: how the sets of this machine are, what is wrong, and what to do.
#include "guard_text.hh"
#include "job_text.hh"
#include "judgement_text.hh"
#include "machine/judged_json.hh"
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
			machine.must_know_what_runs();
			rows = judge_all(machine);
			if (!names_.empty()) {
				std::vector<JudgedSet> chosen;

				for (const std::string &name : names_)
					chosen.push_back(find_judged(rows, name));
				rows = std::move(chosen);
			}
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
			write_judged(out, machine, row);
			out.end();
		}
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
