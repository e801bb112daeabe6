// SPDX-License-Identifier: GPL-2.0
#include "job_text.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

std::string range_text(const SectorRange &range)
{
	return range.sectors == 1 ? fmt::format("sector {}", range.start) : fmt::format("sectors {} to {}", range.start, range.end() - 1);
}

std::string job_name(std::string_view kind, const std::optional<SectorRange> &range)
{
	if (range)
		return fmt::format("{} {} {}", kind, kind == "guard" ? "within" : "of", range_text(*range));
	return kind == "unguard" ? "unguard" : "retry of pending sectors";
}

std::string job_name(const LiveJob &job)
{
	// These go through all of main.
	return job.kind == "retry_pending" || job.kind == "unguard" ? job_name(job.kind, {}) : job_name(job.kind, SectorRange{job.from, job.end - job.from});
}

std::string job_numbers(const LiveJob &job)
{
	std::string out = fmt::format("{} sectors moved", job.moved);

	if (job.unreadable)
		out += fmt::format(", {} unreadable", job.unreadable);
	if (job.refused)
		out += fmt::format(", {} refused by main", job.refused);
	return out;
}

std::string job_text(const LiveJob &job)
{
	if (job.running())
		return fmt::format("{} is under way: {} %, at sector {}, {}", job_name(job), job.percent(), job.at, job_numbers(job));
	return fmt::format("the last one, {}, {}: {}", job_name(job),
			   job.state == "done"	    ? "is done"
			   : job.state == "stopped" ? fmt::format("was stopped at sector {}", job.at)
						    : fmt::format("has {} at sector {}, and the kernel's log tells why", job.state, job.at),
			   job_numbers(job));
}

void write_job(JsonWriter &out, const std::optional<LiveJob> &job)
{
	if (!job) {
		out.null("job");
		return;
	}
	out.begin_object("job", JsonWriter::Style::compact);
	out.value("kind", job->kind);
	out.value("state", job->state);
	out.value("sector", job->from);
	out.value("sectors", job->end - job->from);
	out.value("at", job->at);
	out.value("moved_sectors", job->moved);
	out.value("unreadable_sectors", job->unreadable);
	out.value("refused_sectors", job->refused);
	out.end();
}

} // namespace dm_remap::tool
