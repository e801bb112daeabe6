// SPDX-License-Identifier: GPL-2.0
#include "machine/hand_ranges.hh"

#include "exit_status.hh"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

volatile std::sig_atomic_t asked_to_end;

// A wait for a job ends with any of them: no SA_RESTART.
void heed_signals()
{
	struct sigaction action = {};

	action.sa_handler = [](int) { asked_to_end = 1; };
	for (const int signal : {SIGINT, SIGTERM, SIGHUP})
		sigaction(signal, &action, nullptr);
}

void stop_if_asked()
{
	if (asked_to_end)
		throw Failure(ExitStatus::failed, "interrupted", "it was broken off");
}

} // namespace

void HandTotals::add(const LiveJob &job)
{
	looked_at += job.at - job.from;
	moved += job.moved;
	unreadable += job.unreadable;
}

std::string HandTotals::text() const
{
	std::string out = fmt::format("{} sectors moved", moved);

	if (unreadable)
		out += fmt::format(", {} unreadable", unreadable);
	if (untouched())
		out += fmt::format(", {} on spares already", untouched());
	return out;
}

HandRanges::HandRanges(const Running &device, const RangeSet &ranges) : device_(device), ranges_(ranges), sectors_(ranges.count())
{
	heed_signals();
}

void HandRanges::remap()
{
	uint64_t looked_at = 0; // up to here
	Progress progress;

	for (const Range &range : ranges_.ranges()) {
		// The last job may have gone on to the end of a physical block: what cannot be read there costs its failing commands once.
		const uint64_t start = std::max(range.start, looked_at);

		if (start < range.end())
			looked_at = remap(SectorRange{start, range.end() - start}, progress).end;
		totals_.ranges++;
	}
}

LiveJob HandRanges::remap(const SectorRange &range, Progress &progress)
{
	stop_if_asked();
	const HandJob job(device_, {"remap", range});

	job.begin();
	LiveJob end = job.wait([&](const LiveJob &now) {
		HandTotals so_far = totals_;

		so_far.add(now);
		progress.show("looked at", std::min(so_far.looked_at, sectors_), sectors_, fmt::format(", {}", so_far.text()));
		return !asked_to_end;
	});

	if (end.running()) {
		stop();
		end = job.wait([](const LiveJob &) { return true; });
	}
	totals_.add(end);
	// Who has stopped it: we, or another who looks after this device?
	if (end.state == "stopped")
		stop_if_asked();
	job.refuse_unless_done(end);
	return end;
}

// It may have ended by itself in this moment.
void HandRanges::stop() const
{
	try {
		dm::message(device_.device(), "stop_job");
	} catch (const Failure &) {
	}
}

} // namespace dm_remap::tool
