// SPDX-License-Identifier: GPL-2.0
// A job that moves blocks by hand, from the message that begins it to its end.
#ifndef DMREMAP_MACHINE_HAND_JOB_HH
#define DMREMAP_MACHINE_HAND_JOB_HH

#include "kernel_log.hh"
#include "running.hh"
#include "sector_range.hh"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

// What is asked for. range: of main; none: all that is pending, or guarded.
struct HandOrder {
	const char *kind;	// as the message is called
	std::optional<SectorRange> range;
	std::vector<SectorRange> pieces = {}; // of it, in order; none: all of it

	std::string message() const;
	std::string text() const;
	// Widened by the modules to whole blocks.
	bool begot(const LiveJob &job) const;
};

class HandJob final {
public:
	// What the kernel says of it is looked for in its log from now on.
	HandJob(const Running &device, HandOrder order) : device_(device), order_(std::move(order)) {}

	const HandOrder &order() const { return order_; }
	// Throws Failure: another job is in the way, or the kernel does not want it.
	void begin() const;
	// Until it has ended, or `goes_on` says no of one that runs; it is asked whenever something is known. Throws Failure: nobody knows how
	// it has ended.
	LiveJob wait(const std::function<bool(const LiveJob &)> &goes_on) const;
	// Throws Failure: it did not come to its end, and why.
	void refuse_unless_done(const LiveJob &job) const;

private:
	std::string why() const;

	const KernelLog log_;
	const Running &device_;
	HandOrder order_;
};

// Where main lies on its disk, which is main itself unless it is a partition. Throws Failure: it lies on no disk, or on several; instead:
// what to do then.
SectorRange place_on_disk(const Running &device, const std::string &instead);

} // namespace dm_remap::tool

#endif
