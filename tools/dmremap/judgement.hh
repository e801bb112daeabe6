// SPDX-License-Identifier: GPL-2.0
// What a set's state means for the one who looks after it: each thing that is to be known, with what to do.
#ifndef DMREMAP_JUDGEMENT_HH
#define DMREMAP_JUDGEMENT_HH

#include "exit_status.hh"
#include "live_status.hh"

#include <functional>
#include <string>
#include <vector>

namespace dm_remap::tool {

enum class Urgency : uint8_t {
	note,		// nothing needs to be done now
	attention,	// something is to be done
	critical,	// at once, or data will be lost
};

// id is for programs: short, documented, and never changed.
struct Finding {
	std::string id, text, action;
	Urgency urgency;
	std::string where = {}; // a file or a device, if it is about one
};

struct Judgement {
	std::string state;	// ONLINE, DEGRADED, CRITICAL, OFFLINE
	Verdict verdict = Verdict::well;
	std::vector<Finding> findings; // the gravest first

	// Of a device that runs: more that is known of it. State and verdict follow from all.
	void add(std::vector<Finding> more);
};

// What the modules do not say of a device that runs.
struct Surroundings {
	std::string name;	// of the device
	std::string main;	// a path
	std::function<std::string(const LiveSpare &)> path; // of a spare, or what it is known by
	bool suspended = false;
	bool configured = true;	// in sets.conf
};

Judgement judge(const LiveStatus &status, const Surroundings &around);
// One that is in sets.conf and does not run.
// why: what the last start by itself was about that came to nothing; empty: there was none. released: main may be used by itself.
Judgement judge_offline(const std::string &name, const std::string &why = {}, bool released = false);

const char *urgency_text(Urgency urgency);

} // namespace dm_remap::tool

#endif
