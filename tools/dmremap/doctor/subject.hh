// SPDX-License-Identifier: GPL-2.0
// A set that is looked at, or is to be, with what its main is called.
#ifndef DMREMAP_DOCTOR_SUBJECT_HH
#define DMREMAP_DOCTOR_SUBJECT_HH

#include "judgement.hh"
#include "machine/machine.hh"
#include "machine/main_names.hh"
#include "running.hh"
#include "sets_config.hh"

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

struct Subject {
	std::string name, set;	// set: its UUID; empty: nobody knows
	std::string main, device; // paths; device: what serves main, or would
	MainNames names;
	std::optional<std::string> main_id = {};
	const ConfiguredSet *configured = nullptr;
	const Running *running = nullptr;
	std::optional<LiveStatus> live = {}; // of one that runs

	bool guarded() const { return live && live->guard && live->guard->complete(); }
};

// Of a device that runs.
Subject subject_of(const Machine &machine, const Running &device);

using Findings = std::vector<Finding>;

} // namespace dm_remap::tool

#endif
