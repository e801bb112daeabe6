// SPDX-License-Identifier: GPL-2.0
// The devices and sets of this machine as they are judged, with the names that their parts have on it.
#ifndef DMREMAP_MACHINE_JUDGED_HH
#define DMREMAP_MACHINE_JUDGED_HH

#include "judgement.hh"
#include "machine/machine.hh"

namespace dm_remap::tool {

// As the file has them, or by a name that stays. Of a spare that is missing: what it was called last, if that can be told, or "not there".
std::string path_of_main(const Machine &machine, const Running &device);
std::string path_of_spare(const Machine &machine, const Running &device, const LiveStatus &live, const LiveSpare &spare);

Judgement judge_running(const Machine &machine, const Running &device, const LiveStatus &live);

// A set that runs, or that should. What it points at is the machine's.
struct JudgedSet {
	std::string name, set;	// the UUID; empty: nobody knows
	const ConfiguredSet *configured = nullptr;
	const Running *running = nullptr;
	std::optional<LiveStatus> live;	// no value: it does not run
	std::string main;	// a path
	Judgement judgement;
};

// All that run or are in the file, by name. A device that goes meanwhile is left out. Throws Failure: how one is cannot be told.
std::vector<JudgedSet> judge_all(const Machine &machine);
// By name, by a path that leads to the device, or by UUID. Throws Failure not-found.
const JudgedSet &find_judged(const std::vector<JudgedSet> &sets, const std::string &name);

} // namespace dm_remap::tool

#endif
