// SPDX-License-Identifier: GPL-2.0
// guard on|off|status NAME: on main itself, in the place of all that the world recognises it by, stands what it is.
#include "guard_text.hh"
#include "job_text.hh"
#include "machine/guard_answer.hh"
#include "machine/machine.hh"
#include "verbs.hh"

namespace dm_remap::tool {

namespace {

class Guard final : public Verb {
public:
	const char *name() const override { return "guard"; }
	const char *summary() const override { return "keep others from taking main itself for what is on it"; }

	void options(Options &o) override
	{
		o.one("action", action_, Takes::choice, "on|off|status",
		      "on: guard all by which main is recognised; off: give it back; status: what is guarded");
		o.required();
		o.one("name", name_, Takes::set, "NAME", "of the device, a path to it, or the UUID of its set");
		o.required();
	}

	int run(Answer &answer) override
	{
		const bool on = action_ == "on", off = action_ == "off";

		if (!on && !off && action_ != "status")
			throw Failure(ExitStatus::usage, "usage",
				      fmt::format("'{}' is not on, off or status; the device comes after that: 'dmremap guard on NAME'", shown(action_)));
		const Machine machine(answer);
		const Running device = machine.find(name_);
		const Subject subject = subject_of(machine, device);

		return static_cast<int>(on ? put_on(answer, device, subject) : off ? take_off(answer, device, subject) : tell(answer, device));
	}

private:
	static ExitStatus put_on(Answer &answer, const Running &device, const Subject &subject)
	{
		GuardPlaces places = places_on(device);

		confirm_guard(answer, subject);
		if (answer.manners().dry_run) {
			for (const std::string &gap : places.gaps)
				answer.warn("incomplete", gap);
			if (answer.as_json()) {
				begin(answer.json(), device, "on", "nothing");
				write_guarded(answer.json(), places.all, {});
				return ExitStatus::done;
			}
			answer.line("{}: these sectors of {} would be guarded:", device.name(), subject.main);
			list_places(answer, places.all);
			return ExitStatus::done;
		}
		const Guarded guarded = guard_main(device, std::move(places));

		if (answer.as_json()) {
			begin(answer.json(), device, "on", guarded.whole() ? "guarded" : "incomplete");
			write_guarded(answer.json(), guarded.places, guarded);
		}
		tell_guarded(answer, subject, guarded);
		return guarded.whole() ? ExitStatus::done : ExitStatus::failed;
	}

	static ExitStatus take_off(Answer &answer, const Running &device, const Subject &subject)
	{
		const std::optional<LiveGuard> before = device.status().guard;

		if (!before || answer.manners().dry_run) {
			if (answer.as_json())
				write_off(answer.json(), device, "nothing", {}, before);
			else if (before)
				answer.line("{}: {} guarded sectors would be given back to {}", device.name(), before->sectors, subject.main);
			else
				answer.line("{}: nothing is guarded", device.name());
			return ExitStatus::done;
		}
		const LiveJob job = unguard_main(device);
		const LiveStatus after = device.status();
		const char *result = after.guard ? "incomplete" : "unguarded";

		if (answer.as_json())
			write_off(answer.json(), device, result, job, after.guard);
		else if (after.guard)
			answer.line("{}: {} sectors stay guarded, as {} does not take their data, or a spare does not give it: nothing is lost, and {} shows what is right; "
				    "the kernel's log names them",
				    device.name(), after.guard->sectors, subject.main, subject.device);
		else
			answer.line("{}: {} has back what was guarded{}", device.name(), subject.main,
				    after.remapped || after.pending || after.lost ? fmt::format("; other sectors are still served by spares: go on to use {}", subject.device)
										  : "");
		return after.guard ? ExitStatus::failed : ExitStatus::done;
	}

	static ExitStatus tell(Answer &answer, const Running &device)
	{
		const std::optional<LiveGuard> guard = device.status().guard;
		std::vector<Range> found;

		device.each_extent([&](const LiveExtent &extent) {
			if (extent.guarded)
				found.push_back({extent.sector, extent.sectors});
		});
		const RangeSet ranges(std::move(found));

		if (answer.as_json()) {
			begin(answer.json(), device, "status", guard ? "guarded" : "unguarded");
			write_guard(answer.json(), guard);
			answer.json().begin_array("ranges");
			for (const Range &range : ranges.ranges()) {
				answer.json().begin_object({}, JsonWriter::Style::compact);
				answer.json().value("sector", range.start);
				answer.json().value("sectors", range.count);
				answer.json().end();
			}
			answer.json().end();
			return ExitStatus::done;
		}
		if (!guard)
			answer.line("{}: nothing is guarded", device.name());
		else
			answer.line("{}: the guard is {}", device.name(), guard_text(*guard));
		for (const Range &range : ranges.ranges())
			answer.line("    {}", range_text({range.start, range.count}));
		return ExitStatus::done;
	}

	static void begin(JsonWriter &out, const Running &device, const char *action, const char *result)
	{
		out.value("name", device.name());
		out.word("action", action);
		out.word("result", result);
	}
	static void write_off(JsonWriter &out, const Running &device, const char *result, const std::optional<LiveJob> &job, const std::optional<LiveGuard> &guard)
	{
		begin(out, device, "off", result);
		write_job(out, job);
		write_guard(out, guard);
	}

	std::string action_, name_;
};

} // namespace

std::unique_ptr<Verb> make_guard()
{
	return std::make_unique<Guard>();
}

} // namespace dm_remap::tool
