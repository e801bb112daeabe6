// SPDX-License-Identifier: GPL-2.0
// Many ranges of main, moved to spares: the kernel does one at a time.
#ifndef DMREMAP_MACHINE_HAND_RANGES_HH
#define DMREMAP_MACHINE_HAND_RANGES_HH

#include "files/range.hh"
#include "machine/hand_job.hh"
#include "machine/progress.hh"

namespace dm_remap::tool {

// Of all jobs together. In sectors, but for `ranges`: those that were looked at to their ends.
struct HandTotals {
	uint64_t ranges = 0, looked_at = 0, moved = 0, unreadable = 0;

	void add(const LiveJob &job);
	// What was on a spare when a job came there, or is lost.
	uint64_t untouched() const { return looked_at - std::min(looked_at, moved + unreadable); }
	std::string text() const;
};

class HandRanges final {
public:
	// From now on SIGINT, SIGTERM and SIGHUP end no more than run().
	HandRanges(const Running &device, const RangeSet &ranges);

	const HandTotals &totals() const { return totals_; }
	// One job after the other, each from its beginning to its end. Throws Failure: not all was looked at; with id "interrupted", as a signal
	// asked for: the job that was under way is stopped.
	void remap();

private:
	LiveJob remap(const SectorRange &range, Progress &progress);
	void stop() const;

	const Running &device_;
	const RangeSet &ranges_;
	const uint64_t sectors_;
	HandTotals totals_;
};

} // namespace dm_remap::tool

#endif
