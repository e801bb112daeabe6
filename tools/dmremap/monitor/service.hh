// SPDX-License-Identifier: GPL-2.0
// `dmremap monitor`: waits for what happens, and tells it. Between events it sleeps; it holds a bounded number of them.
#ifndef DMREMAP_MONITOR_SERVICE_HH
#define DMREMAP_MONITOR_SERVICE_HH

#include "machine/udev.hh"
#include "monitor/channels.hh"

#include <map>

namespace dm_remap::tool {

class MonitorService final {
public:
	// folder: of the programs. Throws std::system_error.
	MonitorService(MonitorConfig config, std::string folder);

	// Until SIGTERM or SIGINT; these are blocked from the constructor on. Then what has come is told, and mail and programs that wait get
	// 20 seconds more. Throws std::system_error.
	void run();

private:
	using Time = std::chrono::steady_clock::time_point;

	MachineState look() const;
	void see_to_jobs();
	void wait(std::optional<Time> until);
	void take_events();
	void tell_bursts(const std::vector<Burst> &bursts);
	// What is not as it was told.
	void compare(const MachineState &now);
	void note(const MachineState &now, const std::string &device);
	void daily();
	void finish();

	Channels channels_;
	udev::Monitor monitor_;
	Fd signals_, timer_;
	Bursts bursts_;
	std::map<std::string, DeviceState> told_; // by name; the machine's own is ""
	bool stop_ = false, look_now_ = false;
};

} // namespace dm_remap::tool

#endif
