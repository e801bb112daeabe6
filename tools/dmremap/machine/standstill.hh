// SPDX-License-Identifier: GPL-2.0
// A mapped device that stands still for a moment: all I/O has ended, and what comes waits.
//
// Whoever holds it may be killed, and its users would wait for ever, or a table that was loaded would come to serve when somebody else
// resumes the device. So a second process watches: when this one is gone, that table goes, and the device goes on as it was. Neither may need anything from the device meanwhile, which may hold the root filesystem: both are locked in
// memory, and between begin and end no file is touched, and nothing printed. Signals that ask a process to end wait until then.
#ifndef DMREMAP_MACHINE_STANDSTILL_HH
#define DMREMAP_MACHINE_STANDSTILL_HH

#include "dm.hh"

#include <chrono>
#include <csignal>
#include <sys/types.h>

namespace dm_remap::tool {

class Standstill final {
public:
	// From here on it is watched; a table may be loaded. Throws std::system_error.
	explicit Standstill(const dm::Device &device);
	// Unless it was ended: a table that was loaded goes, and the device goes on as it was.
	~Standstill();
	Standstill(const Standstill &) = delete;
	Standstill &operator=(const Standstill &) = delete;

	// Throws Failure.
	void begin(dm::Freeze freeze);
	// It goes on, with what was loaded last, if anything was. Throws Failure: the kernel refused to; it goes on as it was.
	void end();
	std::chrono::milliseconds lasted() const { return lasted_; }

private:
	void start_guard();
	void dismiss_guard();

	const dm::Device &device_;
	pid_t guard_ = -1;
	int to_guard_ = -1;
	bool ended_ = false;
	sigset_t mask_ = {};	// as it was
	std::chrono::steady_clock::time_point begun_;
	std::chrono::milliseconds lasted_{0};
};

} // namespace dm_remap::tool

#endif
