// SPDX-License-Identifier: GPL-2.0
// remap, unremap, retry, stop-job: blocks are moved because somebody asks for it. The kernel does it, as a job.
#include "hand_range.hh"
#include "job_text.hh"
#include "machine/hand_job.hh"
#include "machine/machine.hh"
#include "machine/progress.hh"
#include "sysfs.hh"
#include "verbs.hh"

namespace dm_remap::tool {

namespace {

void report(Answer &answer, const std::string &device, const HandOrder &order, const char *result, const std::optional<LiveJob> &job)
{
	answer.json().value("name", device);
	answer.json().value("sector", order.range ? std::optional(order.range->start) : std::nullopt);
	answer.json().value("sectors", order.range ? std::optional(order.range->sectors) : std::nullopt);
	answer.json().word("result", result);
	write_job(answer.json(), job);
}

// From sending the message to the end of the job.
class Commission final {
public:
	Commission(Answer &answer, const Running &device, HandOrder order)
		: answer_(answer), device_(device), job_(device, std::move(order)) {}

	int run(bool wait) const
	{
		job_.begin();
		if (wait)
			return judge(wait_for_end());
		tell("begun", {},
		     fmt::format("{} has begun: 'dmremap status {}' tells how far it is, and how it has ended; 'dmremap stop-job {}' ends it", job_.order().text(),
				 device_.name(), device_.name()));
		return static_cast<int>(ExitStatus::done);
	}

	// With -n.
	int would(const std::string &what) const
	{
		tell("nothing", {}, what);
		return static_cast<int>(ExitStatus::done);
	}

private:
	void tell(const char *result, const std::optional<LiveJob> &job, const std::string &text) const
	{
		if (answer_.as_json())
			report(answer_, device_.name(), job_.order(), result, job);
		else
			answer_.line("{}", text);
	}

	LiveJob wait_for_end() const
	{
		Progress progress;

		return job_.wait([&](const LiveJob &now) {
			progress.show("looked at", now.at - now.from, now.end - now.from, fmt::format(", {}", job_numbers(now)));
			return true;
		});
	}

	int judge(const LiveJob &job) const
	{
		job_.refuse_unless_done(job);
		const bool all = !job.unreadable && !job.refused;

		tell(all ? "done" : "incomplete", job, all ? fmt::format("{} is done: {}", job_.order().text(), job_numbers(job)) : incomplete(job));
		return static_cast<int>(all ? ExitStatus::done : ExitStatus::failed);
	}

	std::string incomplete(const LiveJob &job) const
	{
		std::string out = fmt::format("{} has ended: {} sectors were moved", job_.order().text(), job.moved);
		const bool back = job.kind == "unremap";

		if (job.refused)
			out += fmt::format("; {} sectors main does not take back: they stay on their spares, and nothing is lost", job.refused);
		if (job.unreadable && back)
			out += fmt::format("; {} sectors cannot be read on their spares, and stay there: 'dmremap status {}' tells how the spares are",
					   job.unreadable, device_.name());
		if (job.unreadable && !back)
			out += fmt::format("; {} sectors cannot be read, and are pending: 'dmremap files {}' tells which files they belong to", job.unreadable,
					   device_.name());
		return out;
	}

	Answer &answer_;
	const Running &device_;
	HandJob job_;
};

// The words SECTOR [COUNT] [--disk] of a verb.
class NamedSectors final {
public:
	void options(Options &o)
	{
		o.number("sector", named_.start, "SECTOR", "of the device, the first one, in sectors of 512 bytes", most_sectors);
	}
	void more_options(Options &o)
	{
		o.number("count", named_.sectors, "COUNT", "how many, 1 unless given", most_sectors);
		o.flag("--disk", disk_, "SECTOR counts from the start of the disk that main is a partition of, as the disk's own log does");
	}

	bool given() const { return named_.start != none; }
	SectorRange of(const Running &device, Answer &answer) const
	{
		return hand_range(disk_ ? from_start_of(place_of_main(device, answer), named_) : named_, device.sectors());
	}

private:
	static constexpr uint64_t none = ~uint64_t{0};

	static SectorRange place_of_main(const Running &device, Answer &answer)
	{
		const SectorRange place = place_on_disk(device, "name SECTOR as it counts from the start of main, without --disk");
		const std::string disk = sysfs::disk(device.main_number());

		if (const std::string block = sysfs::attribute(disk, "queue/logical_block_size"); block != "512" && !block.empty())
			answer.warn("lba", fmt::format("{} has logical blocks of {} bytes: its SMART log counts in those, while SECTOR is of 512 bytes, as in "
						       "the kernel's log",
						       sysfs::node(disk), block));
		return place;
	}

	SectorRange named_ = {none, 1};
	bool disk_ = false;
};

// What all three have.
void name_option(Options &o, std::string &name)
{
	o.one("name", name, Takes::set, "NAME", "of the device, a path to it, or the UUID of its set");
	o.required();
}
void wait_option(Options &o, bool &wait)
{
	o.flag("--wait", wait, "until it has ended; status 1 unless all was moved");
}

class Remap final : public Verb {
public:
	const char *name() const override { return "remap"; }
	const char *summary() const override { return "move sectors of main to spares before they fail"; }

	void options(Options &o) override
	{
		name_option(o, name_);
		sectors_.options(o);
		o.required();
		sectors_.more_options(o);
		wait_option(o, wait_);
	}

	int run(Answer &answer) override
	{
		const Running device = Machine(answer).find(name_);
		const SectorRange range = sectors_.of(device, answer);
		const Commission commission(answer, device, {"remap", range});

		if (!answer.manners().dry_run)
			return commission.run(wait_);
		const std::optional<uint32_t> block = device.status().physical_block_bytes;

		return commission.would(fmt::format("{} of main, {}, would be moved to spares{}", range_text(range), sysfs::node(device.main_number()),
						    block ? fmt::format(", with the rest of their physical blocks of {} bytes", *block) : ""));
	}

private:
	std::string name_;
	NamedSectors sectors_;
	bool wait_ = false;
};

class Unremap final : public Verb {
public:
	const char *name() const override { return "unremap"; }
	const char *summary() const override { return "move sectors that live on spares back to main, where it takes them"; }

	void options(Options &o) override
	{
		name_option(o, name_);
		sectors_.options(o);
		sectors_.more_options(o);
		o.flag("--all", all_, "all that live on spares");
		o.excludes("sector");
		o.excludes("--disk");
		wait_option(o, wait_);
	}

	int run(Answer &answer) override
	{
		if (!all_ && !sectors_.given())
			throw Failure(ExitStatus::usage, "usage", "which sectors? SECTOR [COUNT], or --all");
		const Running device = Machine(answer).find(name_);
		const SectorRange range = all_ ? SectorRange{0, device.sectors()} : sectors_.of(device, answer);
		const Commission commission(answer, device, {"unremap", range});

		if (!answer.manners().dry_run)
			return commission.run(wait_);
		return commission.would(fmt::format("what lives on spares of {} would be moved back to main, {}, where it takes that and gives it back the same",
						    range_text(range), sysfs::node(device.main_number())));
	}

private:
	std::string name_;
	NamedSectors sectors_;
	bool all_ = false, wait_ = false;
};

class Retry final : public Verb {
public:
	const char *name() const override { return "retry"; }
	const char *summary() const override { return "read what is pending once more; what comes moves to spares"; }

	void options(Options &o) override
	{
		name_option(o, name_);
		wait_option(o, wait_);
	}

	int run(Answer &answer) override
	{
		const Running device = Machine(answer).find(name_);
		const Commission commission(answer, device, {"retry_pending", {}});

		if (!answer.manners().dry_run)
			return commission.run(wait_);
		return commission.would(fmt::format("{} pending sectors of main, {}, would be read once more", device.status().pending,
						    sysfs::node(device.main_number())));
	}

private:
	std::string name_;
	bool wait_ = false;
};

class StopJob final : public Verb {
public:
	const char *name() const override { return "stop-job"; }
	const char *summary() const override { return "end the job of remap, unremap, retry or guard; what was moved stays moved"; }

	void options(Options &o) override { name_option(o, name_); }

	int run(Answer &answer) override
	{
		const Running device = Machine(answer).find(name_);
		LiveStatus now = device.status();

		refuse_none(device, now);
		const bool stops = !answer.manners().dry_run;

		if (stops) {
			stop(device);
			now = device.status();
		}
		if (answer.as_json()) {
			answer.json().value("name", device.name());
			answer.json().word("result", stops ? "stopped" : "nothing");
			write_job(answer.json(), now.job);
		} else if (stops && now.job) {
			answer.line("{} was stopped at sector {}: {}; what was moved stays moved", job_name(*now.job), now.job->at, job_numbers(*now.job));
		} else if (now.job) {
			answer.line("{} would be stopped", job_name(*now.job));
		}
		return static_cast<int>(ExitStatus::done);
	}

private:
	static void refuse_none(const Running &device, const LiveStatus &now)
	{
		if (now.removal)
			throw Failure(ExitStatus::failed, "refused",
				      fmt::format("spare {0} is being removed: 'dmremap remove-spare {1} {0} --cancel' ends that", now.removal->number, device.name()));
		if (!now.job || !now.job->running())
			throw Failure(ExitStatus::failed, "no-job",
				      fmt::format("{}: no job is under way{}", device.name(), now.job ? "; " + job_text(*now.job) : ""));
	}

	// It may have ended by itself in this moment.
	static void stop(const Running &device)
	{
		try {
			dm::message(device.device(), "stop_job");
		} catch (const Failure &) {
			refuse_none(device, device.status());
			throw;
		}
	}

	std::string name_;
};

} // namespace

std::unique_ptr<Verb> make_remap()
{
	return std::make_unique<Remap>();
}

std::unique_ptr<Verb> make_unremap()
{
	return std::make_unique<Unremap>();
}

std::unique_ptr<Verb> make_retry()
{
	return std::make_unique<Retry>();
}

std::unique_ptr<Verb> make_stop_job()
{
	return std::make_unique<StopJob>();
}

} // namespace dm_remap::tool
