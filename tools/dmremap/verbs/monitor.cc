// SPDX-License-Identifier: GPL-2.0
// monitor [--test]: tells what happens to devices and sets, as it happens.
#include "monitor/service.hh"
#include "verbs.hh"

#include <filesystem>
#include <poll.h>

namespace dm_remap::tool {

namespace {

class Monitor final : public Verb {
public:
	const char *name() const override { return "monitor"; }
	const char *summary() const override { return "tell what happens to devices and sets: journal, mail, programs"; }

	void options(Options &o) override
	{
		o.flag("--test", test_, "send one through each channel, say for each whether it went, and end");
		o.one("--config", path_, Takes::file, "FILE", "in the place of /etc/dm-remap/monitor.conf; programs are in events.d beside it");
	}

	int run(Answer &answer) override
	{
		if (answer.as_json())
			throw Failure(ExitStatus::usage, "usage", "--json: 'dmremap status --json' says how everything is; the journal has what was told, 'journalctl -o json'");
		// Where it is told of is the folder that it is in.
		const std::string folder = std::filesystem::absolute(path_).parent_path() / "events.d";
		const MonitorConfig config = MonitorConfig::read(path_);

		if (answer.manners().dry_run || test_)
			for (const std::string &fault : config.faults)
				answer.warn("config", fault);
		if (answer.manners().dry_run)
			plan(answer, config, folder);
		else if (test_)
			test(answer, config, folder);
		else
			MonitorService(config, folder).run();
		return static_cast<int>(ExitStatus::done);
	}

private:
	static void say_skipped(Answer &answer, const Programs &programs, const std::string &folder)
	{
		for (const Programs::Skipped &skipped : programs.skipped)
			answer.line("{}: skipped: {}", shown(skipped.path), skipped.why);
		if (programs.paths.empty() && programs.skipped.empty())
			answer.line("programs: there is none in {}", shown(folder));
	}

	void say_nobody(Answer &answer, const MonitorConfig &config) const
	{
		if (config.mail.empty())
			answer.line("mail: to nobody, as {} names nobody (mail=ADDRESS)", shown(path_));
	}

	void plan(Answer &answer, const MonitorConfig &config, const std::string &folder) const
	{
		const Programs programs = programs_in(folder);

		answer.line("journal: {}", Channels(config, folder).has_journal() ? "there is one" : "there is none, or journal=no: stderr");
		say_nobody(answer, config);
		if (!config.mail.empty())
			answer.line("mail to {}: by {}", fmt::join(config.mail, ", "), shown(config.sendmail));
		for (const std::string &path : programs.paths)
			answer.line("{}: would be run", shown(path));
		say_skipped(answer, programs, folder);
	}

	void test(Answer &answer, const MonitorConfig &config, const std::string &folder) const
	{
		Channels channels(config, folder);
		const bool written = channels.tell(test_message());
		bool all = written && config.faults.empty();

		answer.line("journal: {}", !channels.has_journal() ? "there is none, or journal=no: stderr has it" : written ? "done" : "it took nothing; stderr has it");
		say_nobody(answer, config);
		for (;;) {
			for (const JobEnd &end : channels.step(std::chrono::steady_clock::now())) {
				answer.line("{}: {}", shown(end.what), end.wrong.empty() ? "done" : end.wrong);
				all &= end.wrong.empty();
			}
			if (channels.jobs().idle())
				break;
			answer.flush();
			wait_for(channels.jobs());
		}
		const Programs programs = channels.programs();

		say_skipped(answer, programs, folder);
		if (!all || !programs.skipped.empty())
			throw Failure(ExitStatus::failed, "channel", "not everything went as it should: see what is said of each");
	}

	static void wait_for(const Jobs &jobs)
	{
		const auto left = std::chrono::ceil<std::chrono::milliseconds>(*jobs.deadline() - std::chrono::steady_clock::now()).count();
		pollfd news = {jobs.fd(), POLLIN, 0};

		poll(&news, 1, left > 0 ? static_cast<int>(left) : 0);
	}

	bool test_ = false;
	std::string path_ = MonitorConfig::default_path;
};

} // namespace

std::unique_ptr<Verb> make_monitor()
{
	return std::make_unique<Monitor>();
}

} // namespace dm_remap::tool
