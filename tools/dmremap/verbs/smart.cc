// SPDX-License-Identifier: GPL-2.0
// smart [NAME...]: what the drives say of themselves, beside what was seen of them.
#include "judgement_text.hh"
#include "machine/drives.hh"
#include "machine/judged.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

struct Report {
	std::string name;
	std::vector<Drive> drives;	// main's first
	Judgement judgement;	// of the device and its drives together
};

class Smart final : public Verb {
public:
	const char *name() const override { return "smart"; }
	const char *summary() const override { return "say what the drives of main and spares say of themselves, and what to do"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "of devices, paths to them, or UUIDs of their sets; without any, all that run");
		o.flag("--test", test_, "say it by the exit status: 0 well, 1 attention, 2 critical, 4 cannot tell");
	}

	int run(Answer &answer) override
	{
		std::vector<Report> reports;

		try {
			reports = ask(answer);
		} catch (const Failure &failure) {
			if (!test_)
				throw;
			answer.fail_judged(failure, Verdict::cannot_tell);
		}
		if (answer.as_json())
			write(answer.json(), reports);
		else
			print(answer, reports);
		Verdict verdict = Verdict::well;

		for (const Report &report : reports)
			verdict = std::max(verdict, report.judgement.verdict);
		return test_ ? static_cast<int>(verdict) : static_cast<int>(ExitStatus::done);
	}

private:
	std::vector<Report> ask(Answer &answer) const
	{
		const Machine machine(answer);
		std::vector<Report> reports;

		machine.must_know_what_runs();
		if (names_.empty())
			for (const Running &device : machine.running())
				reports.push_back(report(answer, machine, device));
		for (const std::string &name : names_)
			reports.push_back(report(answer, machine, machine.find(name)));
		return reports;
	}

	static Report report(Answer &answer, const Machine &machine, const Running &device)
	{
		const LiveStatus live = device.status();
		Report out = {device.name(), ask_drives(answer, machine, device, live), judge_running(machine, device, live)};

		out.judgement.add(judge_drives(out.drives));
		return out;
	}

	static void print(Answer &answer, const std::vector<Report> &reports)
	{
		if (reports.empty())
			answer.line("no device runs");
		for (const Report &report : reports) {
			if (&report != &reports.front())
				answer.line("");
			print_judgement(answer, report.name, report.judgement);
			for (const Drive &drive : report.drives)
				print(answer, drive);
		}
	}

	static void print(Answer &answer, const Drive &drive)
	{
		const std::string who = drive.role.spare ? fmt::format("spare {}", *drive.role.spare) : "main";
		const std::string at = drive.role.path == drive.role.disk ? "" : fmt::format(" on {}", drive.role.disk);

		if (!drive.health) {
			answer.line("{:>7}: {}{}: says nothing", who, shown(drive.role.path), at);
			return;
		}
		const DriveHealth &h = *drive.health;
		answer.line("{:>7}: {}{}, {}{}", who, shown(drive.role.path), at, shown(h.model.empty() ? h.protocol : h.model),
			    h.serial.empty() ? "" : fmt::format(", serial {}", shown(h.serial)));
		answer.line("         {}", figures_text(h));
	}

	static void write(JsonWriter &out, const std::vector<Report> &reports)
	{
		out.begin_array("devices");
		for (const Report &report : reports) {
			out.begin_object();
			out.value("name", report.name);
			out.value("state", report.judgement.state);
			write_findings(out, report.judgement);
			write_drives(out, report.drives);
			out.end();
		}
		out.end();
	}

	std::vector<std::string> names_;
	bool test_ = false;
};

} // namespace

std::unique_ptr<Verb> make_smart()
{
	return std::make_unique<Smart>();
}

} // namespace dm_remap::tool
