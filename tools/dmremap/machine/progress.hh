// SPDX-License-Identifier: GPL-2.0
// A line on a terminal that says how far something is. Where stderr is none, it says nothing.
#ifndef DMREMAP_MACHINE_PROGRESS_HH
#define DMREMAP_MACHINE_PROGRESS_HH

#include <chrono>
#include <cstdint>
#include <string>

namespace dm_remap::tool {

class Progress final {
public:
	Progress();
	// The line goes.
	~Progress();
	Progress(const Progress &) = delete;
	Progress &operator=(const Progress &) = delete;

	// Sectors of what is called `step`; with each other step, or round, rate and time begin anew. besides: at the end of the line.
	void show(const std::string &step, uint64_t done, uint64_t total, const std::string &besides);

private:
	using Clock = std::chrono::steady_clock;

	bool visible_;
	bool shown_ = false;
	std::string step_;
	uint64_t done_at_start_ = 0, last_ = 0;
	Clock::time_point begun_, drawn_;
};

// "3 min"
std::string human_time(double seconds);

} // namespace dm_remap::tool

#endif
