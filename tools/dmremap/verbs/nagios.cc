// SPDX-License-Identifier: GPL-2.0
// nagios [NAME...], also called check_dm_remap: how the devices and sets are, as the plugins of Nagios and its kin say it. All that is told
// goes to stdout, and the exit status is a plugin's, whatever happens.
#include "machine/machine.hh"
#include "monitoring/collect.hh"
#include "monitoring/plugin.hh"
#include "os/deadline.hh"
#include "verbs.hh"

namespace dm_remap::tool {

namespace {

constexpr uint64_t longest_timeout = 3600;

class Nagios final : public Verb {
public:
	const char *name() const override { return "nagios"; }
	const char *summary() const override { return "say how devices and sets are, as a plugin of Nagios, Icinga, Checkmk"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "which ones; without any, all that run or are in sets.conf");
		o.one("-w,--warning", warning_, Takes::text, "RANGE", "WARNING if the health score is outside of it; 70: unless given");
		o.one("-c,--critical", critical_, Takes::text, "RANGE", "CRITICAL if the health score is outside of it; 30: unless given");
		o.number("-t,--timeout", timeout_, "SECONDS", "UNKNOWN if it takes longer; 10 unless given", longest_timeout);
		o.flag("--checkmk", checkmk_, "a line for each, as a local check of Checkmk");
	}

	int run(Answer &answer) override
	{
		if (!timeout_)
			throw Failure(ExitStatus::usage, "usage", "--timeout 0: nothing is known in no time");
		if (answer.as_json())
			throw Failure(ExitStatus::usage, "usage", "--json: 'dmremap status --test --json' is what you want");
		const PluginLimits limits = {range("--warning", warning_), range("--critical", critical_)};
		// The first character is the state.
		const std::optional<std::string> told = within(std::chrono::seconds(timeout_), [&] { return look(limits); });

		if (!told || told->empty())
			return failed(answer, ExitStatus::failed, "timeout",
				      told ? "the look at the devices ended without a word" : fmt::format("no answer within {} s: device-mapper or a disk hangs", timeout_));
		answer.text(told->substr(1));
		return checkmk_ ? 0 : told->front() - '0';
	}

	int failed(Answer &answer, ExitStatus status, const std::string &id, const std::string &text) const override
	{
		if (answer.as_json())
			return Verb::failed(answer, status, id, text), told();
		answer.text(unknown(text));
		answer.done();
		return told();
	}
	// As the guidelines for plugins have it.
	int told() const override { return static_cast<int>(PluginState::unknown); }
	const char *program() const override { return "check_dm_remap"; }

private:
	static PluginRange range(const char *option, const std::string &text)
	{
		const std::optional<PluginRange> range = PluginRange::parse(text);

		if (!range)
			throw Failure(ExitStatus::usage, "usage", fmt::format("{}: '{}' is no range: '70:', '10:90', '~:5', '@10:20'", option, shown(text)));
		return *range;
	}

	std::string unknown(const std::string &text) const { return checkmk_ ? checkmk_unknown(text) : plugin_unknown(text); }

	std::string look(const PluginLimits &limits) const
	{
		try {
			Answer nobody("nagios", Manners());
			const std::vector<PluginService> services = plugin_services(collect(Machine(nobody)), limits, names_);

			return std::to_string(static_cast<int>(worst(services))) + (checkmk_ ? checkmk_text(services) : plugin_text(services));
		} catch (const std::exception &error) {
			return std::to_string(told()) + unknown(error.what());
		}
	}

	std::vector<std::string> names_;
	std::string warning_ = "70:", critical_ = "30:";
	uint64_t timeout_ = 10;
	bool checkmk_ = false;
};

} // namespace

std::unique_ptr<Verb> make_nagios()
{
	return std::make_unique<Nagios>();
}

} // namespace dm_remap::tool
