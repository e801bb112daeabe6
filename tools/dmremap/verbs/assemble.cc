// SPDX-License-Identifier: GPL-2.0
// assemble [NAME... | --scan]: starts the sets of this machine, as many as can be, and says of each how it went.
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
	}

	int run(Answer &answer) override
	{
		const Clock::time_point end = Clock::now() + std::chrono::seconds(wait_);
		std::optional<udev::Monitor> monitor;
		std::vector<Attempt> attempts;

		// It hears of what comes after the first look.
		if (wait_)
			monitor.emplace();
		for (;;) {
			attempts = try_all(answer, std::move(attempts), Clock::now() >= end);
			const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();

			if (std::none_of(attempts.begin(), attempts.end(), is_waiting) || left <= 0)
				break;
			monitor->wait(static_cast<uint64_t>(left));
		}
		report(answer, attempts);
		return static_cast<int>(std::all_of(attempts.begin(), attempts.end(), is_up) ? ExitStatus::done : ExitStatus::failed);
	}

private:
	static bool is_waiting(const Attempt &attempt) { return attempt.outcome == Outcome::waiting; }
	static bool is_up(const Attempt &attempt) { return attempt.outcome == Outcome::up || attempt.outcome == Outcome::was_up; }

	// last: nothing more is waited for, and spares that are known to be gone are done without, as far as the file allows it.
	std::vector<Attempt> try_all(Answer &answer, std::vector<Attempt> before, bool last) const
	{
		const Machine machine(answer);
		std::vector<Attempt> out;

		if (machine.unavailable())
			throw Failure(ExitStatus::failed, "device-mapper", *machine.unavailable());
		for (const std::string &name : wanted(machine, answer)) {
			const auto known = std::find_if(before.begin(), before.end(), [&](const Attempt &attempt) { return attempt.name == name; });

			out.push_back(known != before.end() && !is_waiting(*known) ? *known : try_one(answer, machine, name, last));
		}
		return out;
	}

	std::vector<std::string> wanted(const Machine &machine, Answer &answer) const
	{
		std::vector<std::string> out = names_;

		for (size_t i = 0; names_.empty() && i < machine.config().sets().size(); i++)
			out.push_back(machine.config().sets()[i].name);
		if (!scan_)
			return out;
		for (const SeenSet &set : machine.scan(answer))
			if (!machine.config().find(set.uuid()))
				out.push_back(set.uuid());
		return out;
	}

	static Attempt try_one(Answer &answer, const Machine &machine, const std::string &name, bool last)
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
		request.wishes.degraded = last && configured && configured->degraded == Degraded::dropped;
		try {
			const Started started = Starter(machine, answer).start(request);

			attempt.outcome = Outcome::up;
			attempt.path = started.path.empty() ? std::nullopt : std::optional(started.path);
		} catch (const Failure &failure) {
			attempt.outcome = failure.id() == "missing" || failure.id() == "no-main" || failure.id() == "no-set" ? Outcome::waiting
															 : Outcome::refused;
			attempt.text = failure.what();
		} catch (const std::system_error &error) {
			attempt.text = error.what();
		}
		return attempt;
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
	bool scan_ = false;
};

} // namespace

std::unique_ptr<Verb> make_assemble()
{
	return std::make_unique<Assemble>();
}

} // namespace dm_remap::tool
