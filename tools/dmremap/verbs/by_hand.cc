// SPDX-License-Identifier: GPL-2.0
// remap, unremap, retry, stop-job: blocks are moved because somebody asks for it. The kernel does it, as a job.
#include "hand_range.hh"
#include "job_text.hh"
#include "kernel_log.hh"
#include "machine/machine.hh"
#include "machine/progress.hh"
#include "machine/waiting.hh"
#include "sysfs.hh"
#include "verbs.hh"

namespace dm_remap::tool {

namespace {

// What is asked for. range: of main; none: all that is pending.
struct Order {
	const char *kind;	// as the message is called
	std::optional<SectorRange> range;

	std::string message() const { return range ? fmt::format("{} {} {}", kind, range->start, range->sectors) : kind; }
	std::string text() const { return job_name(kind, range); }
	// Widened by the modules to whole blocks.
	bool begot(const LiveJob &job) const
	{
		return job.kind == kind && (!range || (job.from <= range->start && job.end >= range->end()));
	}
};

void report(Answer &answer, const std::string &device, const Order &order, const char *result, const std::optional<LiveJob> &job)
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
	Commission(Answer &answer, const Running &device, Order order) : answer_(answer), device_(device), order_(std::move(order)) {}

	int run(bool wait) const
	{
		const KernelLog log;

		begin();
		if (wait)
			return judge(wait_for_end(), log);
		tell("begun", {},
		     fmt::format("{} has begun: 'dmremap status {}' tells how far it is, and how it has ended; 'dmremap stop-job {}' ends it", order_.text(),
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
			report(answer_, device_.name(), order_, result, job);
		else
			answer_.line("{}", text);
	}

	// One at a time: the kernel's words for that name its messages.
	void begin() const
	{
		try {
			dm::message(device_.device(), order_.message());
		} catch (const Failure &failure) {
			if (failure.status() != ExitStatus::busy)
				throw;
			const LiveStatus now = device_.status();

			if (now.removal)
				throw Failure(ExitStatus::busy, "busy",
					      fmt::format("spare {0} of {1} is being removed, and there is one job at a time: wait for its end, or "
							  "'dmremap remove-spare {1} {0} --cancel'",
							  now.removal->number, device_.name()));
			if (!now.job || !now.job->running())
				throw;
			throw Failure(ExitStatus::busy, "busy",
				      fmt::format("{1}: {0} is under way, and there is one job at a time: wait for its end, which 'dmremap status {1}' tells, or "
						  "end it with 'dmremap stop-job {1}'",
						  job_name(*now.job), device_.name()));
		}
	}

	LiveJob wait_for_end() const
	{
		Progress progress;
		const LiveStatus end = wait_while(device_, [&](const LiveStatus &now) {
			if (!now.job || !order_.begot(*now.job) || !now.job->running())
				return false;
			progress.show("looked at", now.job->at - now.job->from, now.job->end - now.job->from, fmt::format(", {}", job_numbers(*now.job)));
			return true;
		});

		if (!end.job)
			throw Failure(ExitStatus::failed, "job-stopped",
				      fmt::format("{} was ended by another table of {}: what was moved stays moved; ask for it again", order_.text(),
						  device_.name()));
		if (!order_.begot(*end.job))
			throw Failure(ExitStatus::failed, "job-unknown",
				      fmt::format("{} has ended, and another job has begun: the kernel's log tells how, in its line '{} …'", order_.text(),
						  order_.kind));
		return *end.job;
	}

	int judge(const LiveJob &job, const KernelLog &log) const
	{
		if (job.state == "stopped")
			throw Failure(ExitStatus::failed, "job-stopped",
				      fmt::format("{} was stopped at sector {}: {}; what was moved stays moved", order_.text(), job.at, job_numbers(job)));
		if (job.state != "done")
			throw Failure(ExitStatus::failed, "job-failed",
				      fmt::format("{} has ended at sector {}: {}; {}; what was moved stays moved", order_.text(), job.at, why(log), job_numbers(job)));
		const bool all = !job.unreadable && !job.refused;

		tell(all ? "done" : "incomplete", job, all ? fmt::format("{} is done: {}", order_.text(), job_numbers(job)) : incomplete(job));
		return static_cast<int>(all ? ExitStatus::done : ExitStatus::failed);
	}

	// "remap ends at sector 8: WHY (0 blocks moved)"
	std::string why(const KernelLog &log) const
	{
		const std::string beginning = fmt::format("{} ends at sector ", order_.kind), between = ": ";
		const std::string line = log.last_line(device_.device().kernel_name, beginning);
		const size_t from = line.find(between, beginning.size()), end = line.rfind(" (");

		if (line.empty() || from == line.npos || end == line.npos || end < from)
			return "the kernel's log tells why";
		const std::string reason = line.substr(from + between.size(), end - from - between.size());

		if (reason.starts_with("there is no spare block"))
			return fmt::format("{} ('dmremap add-spare {} DEV')", reason, device_.name());
		return reason.starts_with("main does not answer") ? reason + ": check its cable and power" : reason;
	}

	std::string incomplete(const LiveJob &job) const
	{
		std::string out = fmt::format("{} has ended: {} sectors were moved", order_.text(), job.moved);
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
	Order order_;
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
		const std::string main = device.main_number(), disk = sysfs::disk(main);
		const sysfs::Partition place = sysfs::place(main);

		// A disk's own log knows nothing of what is made of several.
		if (sysfs::disks_below(main) != std::vector{disk} || !place.sectors)
			throw Failure(ExitStatus::failed, "refused",
				      fmt::format("main, {}, is neither a disk nor a partition of one: name SECTOR as it counts from the start of main, without --disk",
						  sysfs::node(main)));
		if (const std::string block = sysfs::attribute(disk, "queue/logical_block_size"); block != "512" && !block.empty())
			answer.warn("lba", fmt::format("{} has logical blocks of {} bytes: its SMART log counts in those, while SECTOR is of 512 bytes, as in "
						       "the kernel's log",
						       sysfs::node(disk), block));
		return {place.start, place.sectors};
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
	const char *summary() const override { return "end the job of remap, unremap or retry; what was moved stays moved"; }

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
