// SPDX-License-Identifier: GPL-2.0
// How all devices and sets are, as `dmremap status` judges them, for one who compares what is with what was.
#ifndef DMREMAP_MONITOR_STATE_HH
#define DMREMAP_MONITOR_STATE_HH

#include "judgement.hh"

#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace dm_remap::tool {

struct DeviceState {
	std::string name;		// empty: the machine itself
	std::string kernel_name = {};	// as a uevent has it; empty: it does not run
	std::string set = {};		// UUID; empty: nobody knows
	std::string main = {};		// a path
	Judgement judgement = {"ONLINE", Verdict::well, {}};

	// The ids of what is to be done.
	std::set<std::string> troubles() const;
};

struct MachineState {
	DeviceState machine;		// what is wrong with none of them alone
	std::vector<DeviceState> devices; // by name
	bool known = true;		// else machine says why not

	// By its name, or as the kernel has it; null: there is none.
	const DeviceState *find(const std::string &name) const;
	Verdict verdict() const;
};

// Of the running system. config_faults: of the monitor's own file.
MachineState look(const std::vector<std::string> &config_faults);
// The same by another process, which is given up after that time: what hangs in the kernel is then the finding.
MachineState look_within(std::chrono::seconds time, const std::vector<std::string> &config_faults);

// Between processes of one program.
std::string to_text(const MachineState &state);
MachineState from_text(const std::string &text);

} // namespace dm_remap::tool

#endif
