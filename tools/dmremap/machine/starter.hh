// SPDX-License-Identifier: GPL-2.0
// Starts a set: finds its spares and its main, looks whether somebody uses them, makes the device, and keeps the file up to date.
#ifndef DMREMAP_MACHINE_STARTER_HH
#define DMREMAP_MACHINE_STARTER_HH

#include "machine/machine.hh"
#include "start_plan.hh"

namespace dm_remap::tool {

struct StartRequest {
	std::string set;			// name or UUID
	std::string main;			// a path; empty: whatever it is
	std::vector<std::string> spares;	// as named on the command line; empty: those that are found
	std::optional<std::string> main_id;
	StartWishes wishes;
	bool automatic = false;			// nobody has asked for it just now
};

struct Started {
	std::string name, set_uuid, main;
	StartPlan plan;
	std::string path;	// of the device; empty: it was not made
};

// Throws Failure busy: a device of this name is there.
void refuse_if_taken(const std::string &name);

class Starter final {
public:
	Starter(const Machine &machine, Answer &answer) : machine_(machine), answer_(answer) {}

	// Throws Failure: "no-set", "busy", what plan_start() and find_main() throw, and what the kernel says.
	Started start(const StartRequest &request);

private:
	SeenSet find_set(const StartRequest &request, const ConfiguredSet *configured) const;
	std::vector<SeenSet> configured_places(const ConfiguredSet &configured) const;
	void refuse_if_running(const std::string &uuid) const;
	void remove_what_was_broken_off(const Started &out) const;
	void refuse_if_released(const StartRequest &request, const Started &out) const;

	const Machine &machine_;
	Answer &answer_;
};

// Throws Failure "busy", with who uses it and what to do. Other remap devices may have ranges of a spare. held: this process, or one that
// will let go of it, has it open exclusively.
void refuse_if_used(const std::string &path, bool as_spare, bool held = false);

// The file has this set as it is now: where main and each spare are. What was said of it by hand stays. A file that cannot be written is
// warned of. root: the system boots from it.
void remember(const SeenSet &set, const std::string &name, const MainNow &main, Answer &answer, bool root = false);
// The same of a device that runs, by its own table.
void remember(const Running &device, Answer &answer);

} // namespace dm_remap::tool

#endif
