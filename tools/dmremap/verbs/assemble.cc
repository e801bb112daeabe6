// SPDX-License-Identifier: GPL-2.0
// assemble [NAME... | --scan]: starts the sets of this machine, as many as can be, and says of each how it went.
#include "boot/main_sight.hh"
#include "boot/run_dir.hh"
#include "machine/starter.hh"
#include "machine/udev.hh"
#include "verbs.hh"

#include <algorithm>
#include <chrono>

namespace dm_remap::tool {

namespace {

using Clock = std::chrono::steady_clock;

enum class Outcome : uint8_t { up, was_up, waiting, refused };

const char *word(Outcome outcome)
{
	static constexpr const char *words[] = {"up", "was_up", "waiting", "refused"};

	return words[static_cast<size_t>(outcome)];
}

struct Attempt {
	std::string name, text;	// text: why not
	std::optional<std::string> path;
	Outcome outcome = Outcome::waiting;
	const ConfiguredSet *configured = nullptr;
	bool last = false;	// nothing more is waited for
};

class Assemble final : public Verb {
public:
	const char *name() const override { return "assemble"; }
	const char *summary() const override { return "start the sets of this machine"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "which ones; without any, all in sets.conf");
		o.flag("--scan", scan_, "also sets that are seen on the disks alone, if their main is told by more than its size");
		o.number("--wait", wait_, "SECONDS", "for disks that are not there yet", 1'000'000);
		o.flag("--automatic", automatic_, "as boot does: wait as each set's line says, and leave sets alone that are not to be started by themselves");
		o.excludes("--wait");
		o.excludes("--scan");
		o.flag("--root", root_, "with --automatic: those alone that the system boots from");
	}

	int run(Answer &answer) override
	{
		if (root_ && !automatic_)
			throw Failure(ExitStatus::usage, "usage", "--root: only with --automatic");
		const SetsConfig config = SetsConfig::read();
		const Clock::time_point begin = Clock::now();
		std::optional<udev::Monitor> monitor;
		std::vector<Attempt> attempts;

		// It hears of what comes after the first look.
		if (wait_ || automatic_)
			monitor.emplace();
		for (;;) {
			const Clock::time_point now = Clock::now();

			attempts = try_all(answer, config, std::move(attempts), now - begin);
			const auto left = time_left(attempts, Clock::now() - begin);

			if (!left)
				break;
			monitor->wait(*left);
		}
		if (automatic_)
			note_what_is_missing(attempts);
		report(answer, attempts);
		return static_cast<int>(std::all_of(attempts.begin(), attempts.end(), is_up) ? ExitStatus::done : ExitStatus::failed);
	}

private:
	static bool is_waiting(const Attempt &attempt) { return attempt.outcome == Outcome::waiting; }
	static bool is_up(const Attempt &attempt) { return attempt.outcome == Outcome::up || attempt.outcome == Outcome::was_up; }

	std::chrono::seconds wait_for(const ConfiguredSet *set) const
	{
		if (!automatic_)
			return std::chrono::seconds(wait_);
		return std::chrono::seconds(set && set->wait ? *set->wait : ConfiguredSet::usual_wait);
	}

	// In milliseconds, until the next set is waited for no longer. No value: none is.
	std::optional<uint64_t> time_left(const std::vector<Attempt> &attempts, Clock::duration passed) const
	{
		std::optional<uint64_t> out;

		for (const Attempt &attempt : attempts) {
			if (!is_waiting(attempt) || attempt.last)
				continue;
			const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait_for(attempt.configured) - passed).count();

			out = std::min(out.value_or(UINT64_MAX), static_cast<uint64_t>(std::max<int64_t>(left, 0)));
		}
		return out;
	}

	// Once a set's time is over, spares that are known to be gone are done without, as far as the file allows it.
	std::vector<Attempt> try_all(Answer &answer, const SetsConfig &config, std::vector<Attempt> before, Clock::duration passed) const
	{
		const Machine machine(answer);
		std::vector<Attempt> out;

		if (machine.unavailable())
			throw Failure(ExitStatus::failed, "device-mapper", *machine.unavailable());
		for (const std::string &name : wanted(machine, answer)) {
			const auto known = std::find_if(before.begin(), before.end(), [&](const Attempt &attempt) { return attempt.name == name; });
			const ConfiguredSet *set = config.find(name);

			if (known != before.end() && (!is_waiting(*known) || known->last)) {
				out.push_back(*known);
				continue;
			}
			const bool last = passed >= wait_for(set);

			out.push_back(try_one(answer, machine, name, last));
			out.back().configured = set;
			out.back().last = last;
		}
		return out;
	}

	std::vector<std::string> wanted(const Machine &machine, Answer &answer) const
	{
		std::vector<std::string> out = names_;

		for (size_t i = 0; names_.empty() && i < machine.config().sets().size(); i++)
			if (const ConfiguredSet &set = machine.config().sets()[i]; !automatic_ || (root_ ? set.root : set.automatic))
				out.push_back(set.name);
		if (!scan_)
			return out;
		for (const SeenSet &set : machine.scan(answer))
			if (!machine.config().find(set.uuid()))
				out.push_back(set.uuid());
		return out;
	}

	Attempt try_one(Answer &answer, const Machine &machine, const std::string &name, bool last) const
	{
		const ConfiguredSet *configured = machine.config().find(name);
		StartRequest request;
		Attempt attempt = {name, {}, {}, Outcome::refused};

		if (const Running *running = machine.serving(configured ? configured->uuid : name)) {
			attempt.outcome = Outcome::was_up;
			attempt.path = running->device().path;
			return attempt;
		}
		request.set = name;
		request.automatic = automatic_;
		request.wishes.degraded = last && configured && configured->degraded == Degraded::dropped;
		try {
			const Started started = Starter(machine, answer).start(request);

			attempt.outcome = Outcome::up;
			attempt.path = started.path.empty() ? std::nullopt : std::optional(started.path);
		} catch (const Failure &failure) {
			// Another has just started it.
			if (failure.status() == ExitStatus::busy && set_runs(configured ? configured->uuid : name)) {
				attempt.outcome = Outcome::was_up;
				attempt.path = "/dev/mapper/" + (configured ? configured->name : name);
				return attempt;
			}
			attempt.outcome = failure.id() == "missing" || failure.id() == "no-main" || failure.id() == "no-set" ? Outcome::waiting
															 : Outcome::refused;
			attempt.text = failure.what();
		} catch (const std::system_error &error) {
			attempt.text = error.what();
		}
		return attempt;
	}

	// For `status`, and whoever looks after boot.
	static void note_what_is_missing(const std::vector<Attempt> &attempts)
	{
		for (const Attempt &attempt : attempts)
			if (attempt.configured && !is_up(attempt))
				run_dir::write(run_dir::Note::waiting, attempt.configured->uuid, attempt.text + "\n");
	}

	static void report(Answer &answer, const std::vector<Attempt> &attempts)
	{
		if (answer.as_json())
			answer.json().begin_array("sets");
		for (const Attempt &attempt : attempts) {
			if (!answer.as_json()) {
				answer.line("{}: {}{}", shown(attempt.name),
					    attempt.outcome == Outcome::up	   ? "started"
					    : attempt.outcome == Outcome::was_up  ? "runs already"
					    : attempt.outcome == Outcome::waiting ? "not started, something is not there: "
										  : "refused: ",
					    attempt.text);
				continue;
			}
			JsonWriter &out = answer.json();

			out.begin_object({}, JsonWriter::Style::compact);
			out.value("name", attempt.name);
			out.word("outcome", word(attempt.outcome));
			out.value("path", attempt.path);
			out.value("text", attempt.text.empty() ? std::nullopt : std::optional(attempt.text));
			out.end();
		}
		if (answer.as_json())
			answer.json().end();
	}

	std::vector<std::string> names_;
	uint64_t wait_ = 0;
	bool scan_ = false, automatic_ = false, root_ = false;
};

} // namespace

std::unique_ptr<Verb> make_assemble()
{
	return std::make_unique<Assemble>();
}

} // namespace dm_remap::tool
