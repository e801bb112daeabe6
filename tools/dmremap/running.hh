// SPDX-License-Identifier: GPL-2.0
// A remap device that runs: what its table and its messages say.
#ifndef DMREMAP_RUNNING_HH
#define DMREMAP_RUNNING_HH

#include "dm.hh"
#include "exit_status.hh"
#include "live_status.hh"

#include <functional>

namespace dm_remap::tool {

// A range of a device, as a table has it.
struct RunningSpare {
	std::string number;	// MAJOR:MINOR
	uint64_t start = 0, sectors = 0;
};

class Running final {
public:
	// By the device's name, or by a path that leads to it. Throws Failure: there is none, or it is not a remap device.
	static Running find(const std::string &name);
	// No value: there is none.
	static std::optional<Running> find_if_any(const std::string &name);
	static bool serves(const dm::Device &device);
	// Those that run.
	static std::vector<Running> all();

	const dm::Device &device() const { return device_; }
	const std::string &name() const { return device_.name; }
	// Empty: its UUID does not say it.
	std::string set_uuid() const;
	// As device-mapper prints it: devices by number.
	const dm::Segment &segment() const { return segment_; }
	uint64_t sectors() const { return segment_.sectors; }
	// MAJOR:MINOR.
	std::string main_number() const { return segment_.text.substr(0, segment_.text.find(' ')); }
	// Those of the table that are there.
	std::vector<RunningSpare> spares() const;
	LiveStatus status() const;
	// What it has counted: lines, the answer to `stats`.
	std::string counters() const;
	// How errors went lately: a line, the answer to `health`.
	std::string health() const;
	// In the order of main, piece by piece: no sector twice. Answers whether nothing was committed meanwhile.
	bool each_extent(const std::function<void(const LiveExtent &)> &f) const;

private:
	Running(dm::Device device, dm::Segment segment) : device_(std::move(device)), segment_(std::move(segment)) {}

	dm::Device device_;
	dm::Segment segment_;
};

// f, of a device that may have gone away meanwhile: then there is nothing to do.
template <typename F>
void unless_gone(F f)
{
	try {
		f();
	} catch (const Failure &failure) {
		if (failure.status() != ExitStatus::not_found)
			throw;
	}
}

// The UUID that the mapped device of this set has: the kernel refuses a second one.
std::string dm_uuid_of(const std::string &set_uuid);

} // namespace dm_remap::tool

#endif
