// SPDX-License-Identifier: GPL-2.0
#include "machine/hand_job.hh"

#include "exit_status.hh"
#include "job_text.hh"
#include "machine/waiting.hh"
#include "sysfs.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

// Of many jobs in a few seconds the kernel does not log every end.
std::string as_status_has_it(const LiveStatus &now)
{
	if (now.mode == "main_gone")
		return "main does not answer";
	return now.pool_free ? "" : "there is no spare block left";
}

} // namespace

std::string HandOrder::message() const
{
	std::string out = kind;

	for (const SectorRange &piece : pieces)
		out += fmt::format(" {} {}", piece.start, piece.sectors);
	return range && pieces.empty() ? fmt::format("{} {} {}", kind, range->start, range->sectors) : out;
}

std::string HandOrder::text() const
{
	return job_name(kind, range);
}

bool HandOrder::begot(const LiveJob &job) const
{
	return job.kind == kind && (!range || (job.from <= range->start && job.end >= range->end()));
}

// One at a time: the kernel's words for that name its messages.
void HandJob::begin() const
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

LiveJob HandJob::wait(const std::function<bool(const LiveJob &)> &goes_on) const
{
	const LiveStatus end = wait_while(device_, [&](const LiveStatus &now) {
		return now.job && order_.begot(*now.job) && now.job->running() && goes_on(*now.job);
	});

	if (!end.job)
		throw Failure(ExitStatus::failed, "job-stopped",
			      fmt::format("{} was ended by another table of {}: what was moved stays moved; ask for it again", order_.text(), device_.name()));
	if (!order_.begot(*end.job))
		throw Failure(ExitStatus::failed, "job-unknown",
			      fmt::format("{} has ended, and another job has begun: the kernel's log tells how, in its line '{} …'", order_.text(), order_.kind));
	return *end.job;
}

void HandJob::refuse_unless_done(const LiveJob &job) const
{
	if (job.state == "stopped")
		throw Failure(ExitStatus::failed, "job-stopped",
			      fmt::format("{} was stopped at sector {}: {}; what was moved stays moved", order_.text(), job.at, job_numbers(job)));
	if (job.state != "done")
		throw Failure(ExitStatus::failed, "job-failed",
			      fmt::format("{} has ended at sector {}: {}; {}; what was moved stays moved", order_.text(), job.at, why(), job_numbers(job)));
}

// "remap ends at sector 8: WHY (0 blocks moved)"
std::string HandJob::why() const
{
	const std::string beginning = fmt::format("{} ends at sector ", order_.kind), between = ": ";
	const std::string line = log_.last_line(device_.device().kernel_name, beginning);
	const size_t from = line.find(between, beginning.size()), end = line.rfind(" (");

	const bool said = from != line.npos && end != line.npos && end >= from;
	const std::string reason = said ? line.substr(from + between.size(), end - from - between.size()) : as_status_has_it(device_.status());

	if (reason.empty())
		return "the kernel's log tells why";
	if (reason.starts_with("there is no spare block"))
		return fmt::format("{} ('dmremap add-spare {} DEV')", reason, device_.name());
	return reason.starts_with("main does not answer") ? reason + ": check its cable and power" : reason;
}

SectorRange place_on_disk(const Running &device, const std::string &instead)
{
	const std::string main = device.main_number(), disk = sysfs::disk(main);
	const sysfs::Partition place = sysfs::place(main);

	// A disk's own log knows nothing of what is made of several.
	if (sysfs::disks_below(main) != std::vector{disk} || !place.sectors)
		throw Failure(ExitStatus::failed, "refused", fmt::format("main, {}, is neither a disk nor a partition of one: {}", sysfs::node(main), instead));
	return {place.start, place.sectors};
}

} // namespace dm_remap::tool
