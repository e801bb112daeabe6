// SPDX-License-Identifier: GPL-2.0
// selftest: what dm-remap promises, tried on the running kernel with disks of its own, which go when it ends, however it ends.
#include "selftest/interruptions.hh"
#include "selftest/trial.hh"
#include "verbs.hh"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sys/statvfs.h>
#include <sys/utsname.h>

namespace dm_remap::tool {

namespace {

enum class Outcome : uint8_t { kept, broken, not_tried };

struct Result {
	const Promise &promise;
	Outcome outcome = Outcome::not_tried;
	std::string detail; // of one that is broken
};

std::string running_kernel()
{
	utsname names = {};

	uname(&names);
	return names.release;
}

class Selftest final : public Verb {
public:
	const char *name() const override { return "selftest"; }
	const char *summary() const override { return "try on disks of its own what dm-remap promises on this kernel"; }

	void options(Options &o) override
	{
		o.one("--directory", folder_, Takes::file, "DIR", "where the files are that serve as disks; $TMPDIR or /var/tmp unless given");
	}

	int run(Answer &answer) override
	{
		const Interruptions interruptions;

		for (const Promise &promise : Trial::promises())
			results_.push_back({promise, Outcome::not_tried, {}});
		if (answer.manners().dry_run) {
			for (const Result &result : results_)
				tell(answer, result);
			report(answer, 0);
			return static_cast<int>(ExitStatus::done);
		}
		if (const std::optional<std::string> why = dm::unavailable())
			throw Failure(ExitStatus::failed, "device-mapper", *why);
		refuse_without_room();
		clean_up_after_others(answer);
		const auto begun = std::chrono::steady_clock::now();

		try_all(answer, interruptions);
		report(answer, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count());
		const bool kept = results_.back().outcome == Outcome::kept;

		return static_cast<int>(kept && left_.empty() ? ExitStatus::done : ExitStatus::failed);
	}

private:
	std::string folder() const
	{
		const char *wished = std::getenv("TMPDIR");

		return !folder_.empty() ? folder_ : wished && *wished ? wished : "/var/tmp";
	}

	// What was written and cannot be kept would look like a broken promise.
	void refuse_without_room() const
	{
		struct statvfs found = {};

		if (statvfs(folder().c_str(), &found))
			throw Failure(errno == ENOENT ? ExitStatus::not_found : ExitStatus::failed, errno == ENOENT ? "not-found" : "no-room",
				      fmt::format("{}: {}; name another folder with --directory", folder(), std::strerror(errno)));
		if (found.f_bavail * found.f_frsize < Rig::room_bytes)
			throw Failure(ExitStatus::failed, "no-room",
				      fmt::format("{}: {} are free, {} are needed; name another folder with --directory", folder(),
						  human_bytes(found.f_bavail * found.f_frsize), human_bytes(Rig::room_bytes)));
	}

	static void clean_up_after_others(Answer &answer)
	{
		std::vector<std::string> gone;

		for (const std::string &left : Rig::clean_up_after_others(gone))
			answer.warn("left-behind", left);
		for (const std::string &device : gone)
			answer.warn("removed", fmt::format("{} is removed: an earlier selftest was killed, and left it", device));
	}

	void try_all(Answer &answer, const Interruptions &interruptions)
	{
		const Rig rig(folder());

		try {
			Trial trial(rig);

			for (Result &result : results_) {
				interruptions.stop_if_any();
				answer.note(fmt::format("trying: {}", result.promise.text));
				attempt(trial, result);
				tell(answer, result);
				answer.flush();
				if (result.outcome == Outcome::broken)
					break;
			}
		} catch (const std::exception &) {
			clean_up(rig, answer);
			throw;
		}
		clean_up(rig, answer);
	}

	static void attempt(Trial &trial, Result &result)
	{
		try {
			(trial.*result.promise.keep)();
			result.outcome = Outcome::kept;
		} catch (const Broken &broken) {
			result.outcome = Outcome::broken;
			result.detail = broken.what();
		} catch (const Failure &failure) {
			// What it is tried with is missing, or somebody has taken a device away.
			if (failure.id() == "no-modules")
				throw;
			result.outcome = Outcome::broken;
			result.detail = failure.what();
		}
	}

	void clean_up(const Rig &rig, Answer &answer)
	{
		left_ = rig.clean_up();
		for (const std::string &left : left_)
			answer.warn("left-behind", left);
	}

	static void tell(Answer &answer, const Result &result)
	{
		if (answer.as_json())
			return;
		const char *word = result.outcome == Outcome::kept ? "kept" : result.outcome == Outcome::broken ? "BROKEN" : "not tried";

		answer.line("{:<9}  {}{}{}", word, result.promise.text, result.detail.empty() ? "" : ": ", shown(result.detail));
	}

	void report(Answer &answer, int64_t milliseconds) const
	{
		const Result &last = results_.back();

		if (answer.as_json()) {
			write(answer.json(), milliseconds);
			return;
		}
		if (answer.manners().dry_run)
			answer.line("on two loop devices over files in {}, which need {}", folder(), human_bytes(Rig::room_bytes));
		else if (last.outcome == Outcome::kept)
			answer.line("all {} promises are kept on {}", results_.size(), running_kernel());
		else
			answer.line("do not trust data to dm-remap on {}: please report this, with 'dmesg | grep dm-remap'", running_kernel());
	}

	void write(JsonWriter &out, int64_t milliseconds) const
	{
		const Result &last = results_.back();

		out.value("kernel", running_kernel());
		out.value("directory", folder());
		out.value("milliseconds", milliseconds);
		out.begin_array("promises");
		for (const Result &result : results_) {
			out.begin_object({}, JsonWriter::Style::compact);
			out.word("id", result.promise.id);
			out.value("text", result.promise.text);
			out.word("outcome", result.outcome == Outcome::kept ? "kept" : result.outcome == Outcome::broken ? "broken" : "not_tried");
			out.value("detail", result.detail.empty() ? std::nullopt : std::optional(result.detail));
			out.end();
		}
		out.end();
		out.value("kept", last.outcome == Outcome::kept);
		out.begin_array("left_behind");
		for (const std::string &left : left_)
			out.value({}, left);
		out.end();
	}

	std::string folder_;
	std::vector<Result> results_;
	std::vector<std::string> left_;
};

} // namespace

std::unique_ptr<Verb> make_selftest()
{
	return std::make_unique<Selftest>();
}

} // namespace dm_remap::tool
