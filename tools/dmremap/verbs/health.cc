// SPDX-License-Identifier: GPL-2.0
// health [NAME...]: the score and its parts, what happened lately, and when the spares will be used up.
#include "health/health_text.hh"
#include "verbs.hh"

namespace dm_remap::tool {

namespace {

class Health final : public Verb {
public:
	const char *name() const override { return "health"; }
	const char *summary() const override { return "say what the health score is made of, what happened lately, and when the spares will be used up"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "of devices, paths to them, or UUIDs of their sets; without any, all that run");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		std::vector<HealthReport> reports;

		machine.must_know_what_runs();
		if (names_.empty())
			for (const Running &device : machine.running())
				reports.push_back(health_of(answer, machine, device));
		for (const std::string &name : names_)
			reports.push_back(health_of(answer, machine, machine.find(name)));
		if (answer.as_json())
			write(answer.json(), reports);
		else
			print(answer, reports);
		return static_cast<int>(ExitStatus::done);
	}

private:
	static void print(Answer &answer, const std::vector<HealthReport> &reports)
	{
		if (reports.empty())
			answer.line("no device runs");
		for (const HealthReport &report : reports) {
			if (&report != &reports.front())
				answer.line("");
			for (const std::string &line : health_text(report))
				answer.line("{}", line);
		}
	}

	static void write(JsonWriter &out, const std::vector<HealthReport> &reports)
	{
		out.begin_array("devices");
		for (const HealthReport &report : reports) {
			out.begin_object();
			write_health(out, report);
			out.end();
		}
		out.end();
	}

	std::vector<std::string> names_;
};

} // namespace

std::unique_ptr<Verb> make_health()
{
	return std::make_unique<Health>();
}

} // namespace dm_remap::tool
