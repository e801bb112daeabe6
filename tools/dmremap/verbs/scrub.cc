// SPDX-License-Identifier: GPL-2.0
// scrub [NAME...]: all of main is read, and what lives on spares, to find what is weak while it can still be read.
#include "kernel_log.hh"
#include "machine/machine.hh"
#include "machine/progress.hh"
#include "machine/waiting.hh"
#include "scrub_text.hh"
#include "verbs.hh"

#include <limits>

namespace dm_remap::tool {

namespace {

class Scrub final : public Verb {
public:
	const char *name() const override { return "scrub"; }
	const char *summary() const override { return "read all of main in the background, to find and save what is weak; or go on with that"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "of devices, paths to them, or UUIDs of their sets");
		o.flag("--all", all_, "all that run, but for those that are paused, suspended or read-only");
		o.excludes("name");
		o.flag("--pause", pause_, "for now: a scrub goes on from there when it is asked for again");
		o.flag("--stop", stop_, "for good: what was found stays as it is");
		o.excludes("--pause");
		o.number("--rate", rate_, "SECTORS", "no more than so many in a second, from now on; 0: no limit", std::numeric_limits<uint32_t>::max());
		o.excludes("--pause");
		o.excludes("--stop");
		o.flag("--wait", wait_, "until it is complete; status 1 if something cannot be read");
		o.excludes("--pause");
		o.excludes("--stop");
	}

	int run(Answer &answer) override
	{
		if (!all_ && names_.empty())
			throw Failure(ExitStatus::usage, "usage", "which devices? NAME..., or --all");
		const Machine machine(answer);
		std::vector<Running> devices;
		bool all_read = true;

		machine.must_know_what_runs();
		if (all_)
			devices = machine.running();
		for (const std::string &name : names_)
			devices.push_back(machine.find(name));
		if (answer.as_json())
			answer.json().begin_array("scrubs");
		else if (devices.empty())
			answer.line("no device runs");
		for (const Running &device : devices)
			all_read &= one(answer, device);
		if (answer.as_json())
			answer.json().end();
		return static_cast<int>(all_read ? ExitStatus::done : ExitStatus::failed);
	}

private:
	static constexpr uint64_t no_rate = ~uint64_t{0};

	// False: something cannot be read.
	bool one(Answer &answer, const Running &device) const
	{
		const LiveStatus now = device.status();
		const LiveScrub before = scrub_of(device, now);

		if (const char *why = left_alone(device, now, before)) {
			tell(answer, device, "nothing", before, fmt::format("{}: left alone, as it is {}", device.name(), why));
			return true;
		}
		if (answer.manners().dry_run) {
			tell(answer, device, "nothing", before, fmt::format("{}: a scrub would {}", device.name(), would(before)));
			return true;
		}
		if (stop_ || pause_)
			return end(answer, device, before);
		const KernelLog log;
		const char *result = begin(device, before);

		if (wait_)
			return wait_for_end(answer, device, log);
		tell(answer, device, result, scrub_of(device, device.status()),
		     fmt::format("{}: the scrub {}; 'dmremap status {}' tells how far it is, and what it has found", device.name(),
				 before.under_way() ? "is under way" : before.paused() ? "goes on" : "has begun", device.name()));
		return true;
	}

	static LiveScrub scrub_of(const Running &device, const LiveStatus &now)
	{
		if (!now.scrub)
			throw Failure(ExitStatus::failed, "refused", fmt::format("{}: the modules that run are older than this tool, and do not know scrubs", device.name()));
		return *now.scrub;
	}

	// With --all, which is not about any of them: what stands in the way of a scrub. Null: nothing.
	const char *left_alone(const Running &device, const LiveStatus &now, const LiveScrub &before) const
	{
		if (!all_ || stop_ || pause_)
			return nullptr;
		if (before.paused())
			return "paused";
		if (device.device().suspended)
			return "suspended";
		return now.mode == "read_only" ? "read-only" : nullptr;
	}

	const char *would(const LiveScrub &before) const
	{
		if (stop_)
			return "be stopped";
		if (pause_)
			return "be paused";
		if (before.under_way())
			return "go on, as it does";
		return before.paused() ? "go on" : "begin";
	}

	const char *begin(const Running &device, const LiveScrub &before) const
	{
		if (rate_ != no_rate)
			dm::message(device.device(), fmt::format("scrub rate {}", rate_));
		if (before.under_way())
			return "running";
		dm::message(device.device(), before.paused() ? "scrub resume" : "scrub start");
		return before.paused() ? "resumed" : "begun";
	}

	bool end(Answer &answer, const Running &device, const LiveScrub &before) const
	{
		if (pause_ ? before.under_way() : before.state != "none") {
			dm::message(device.device(), pause_ ? "scrub pause" : "scrub stop");
			tell(answer, device, pause_ ? "paused" : "stopped", scrub_of(device, device.status()),
			     fmt::format("{}: the scrub was {} at sector {} of {}: {}", device.name(), pause_ ? "paused" : "stopped", before.at, before.end,
					 scrub_numbers(before)));
		} else {
			tell(answer, device, "nothing", before, fmt::format("{}: no scrub is under way{}", device.name(), before.paused() ? ": it is paused" : ""));
		}
		return true;
	}

	static bool wait_for_end(Answer &answer, const Running &device, const KernelLog &log)
	{
		Progress progress;
		const LiveStatus status = wait_while(device, [&](const LiveStatus &now) {
			if (!now.scrub || !now.scrub->under_way())
				return false;
			progress.show("read", now.scrub->at, now.scrub->end, fmt::format(", {}", scrub_numbers(*now.scrub)));
			return true;
		});
		const LiveScrub now = status.scrub.value_or(LiveScrub{});

		if (!now.complete()) {
			const std::string why = log.last_line(device.device().kernel_name, now.paused() ? "the scrub pauses at" : "the scrub is stopped at");

			throw Failure(ExitStatus::failed, now.paused() ? "scrub-paused" : "scrub-stopped",
				      fmt::format("{}: the scrub was {}: {}", device.name(), now.paused() ? "paused" : "stopped",
						  why.empty() ? "by a message" : why));
		}
		const bool all_read = !now.pending && !now.spare_unreadable;

		tell(answer, device, all_read ? "complete" : "incomplete", now,
		     fmt::format("{}: the scrub is complete: {}{}", device.name(), scrub_numbers(now),
				 now.pending ? fmt::format("; 'dmremap files {}' tells which files they belong to", device.name()) : ""));
		return all_read;
	}

	static void tell(Answer &answer, const Running &device, const char *result, const LiveScrub &scrub, const std::string &text)
	{
		if (!answer.as_json()) {
			answer.line("{}", text);
			return;
		}
		answer.json().begin_object();
		answer.json().value("name", device.name());
		answer.json().word("result", result);
		write_scrub(answer.json(), scrub);
		answer.json().end();
	}

	std::vector<std::string> names_;
	uint64_t rate_ = no_rate;
	bool all_ = false, pause_ = false, stop_ = false, wait_ = false;
};

} // namespace

std::unique_ptr<Verb> make_scrub()
{
	return std::make_unique<Scrub>();
}

} // namespace dm_remap::tool
