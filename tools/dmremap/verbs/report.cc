// SPDX-License-Identifier: GPL-2.0
// report NAME -o FILE: all that is known of a set, as a page that can be handed on.
#include "os/new_file.hh"
#include "report/page.hh"
#include "verbs.hh"

#include <sys/stat.h>

namespace dm_remap::tool {

namespace {

class Report final : public Verb {
public:
	const char *name() const override { return "report"; }
	const char *summary() const override { return "write how a set is as one HTML page: state, map, history, drives, lost files, what to do"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device, a path to it, or the UUID of its set; it need not run");
		o.required();
		o.one("-o,--output", file_, Takes::file, "FILE.html", "the page; - is stdout");
	}

	int run(Answer &answer) override
	{
		if (file_.empty() && !answer.as_json())
			throw Failure(ExitStatus::usage, "usage", "say where the page goes: -o FILE.html, or -o - for stdout; --json needs none");
		if (file_ == "-" && answer.as_json())
			throw Failure(ExitStatus::usage, "usage", "stdout takes one document: --json, or -o -");
		if (!file_.empty() && file_ != "-")
			look_at_file();
		const Machine machine(answer);

		machine.must_know_what_runs();
		const ReportFacts facts = report_on(answer, machine, find_judged(judge_all(machine), name_));

		const bool writes = !file_.empty() && file_ != "-" && !answer.manners().dry_run;

		if (file_ == "-")
			answer.text(report_page(facts));
		else if (writes)
			write_file(file_, 0666, report_page(facts));
		if (answer.as_json()) {
			answer.json().value("file", writes ? std::optional(file_) : std::nullopt);
			write_report(answer.json(), machine, facts);
		} else if (file_ != "-") {
			answer.line("{}: {}, {} findings: {}{}", shown(facts.set.name), facts.set.judgement.state, facts.set.judgement.findings.size(), shown(file_),
				    writes ? "" : ", which -n does not write");
		}
		return static_cast<int>(ExitStatus::done);
	}

private:
	// The page would take the place of what is there.
	void look_at_file() const
	{
		struct stat there = {};

		if (!stat(file_.c_str(), &there) && !S_ISREG(there.st_mode))
			throw Failure(ExitStatus::would_lose, "not-blank", fmt::format("{} is no file: name one", shown(file_)));
	}

	std::string name_, file_;
};

} // namespace

std::unique_ptr<Verb> make_report()
{
	return std::make_unique<Report>();
}

} // namespace dm_remap::tool
