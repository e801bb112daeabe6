// SPDX-License-Identifier: GPL-2.0
// The sets of this machine: those in sets.conf, those that run, and those of which spares are seen on its disks.
#ifndef DMREMAP_MACHINE_MACHINE_HH
#define DMREMAP_MACHINE_MACHINE_HH

#include "answer.hh"
#include "running.hh"
#include "seen_set.hh"
#include "sets_config.hh"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

// Where the devices of a set are, as they would be named on a command line. Empty: nobody knows.
struct SetPlaces {
	std::string main;
	std::vector<std::string> spares;	// PATH@START
};

class Machine final {
public:
	// Reads the file and asks device-mapper; no disk is read. Lines of the file that are not understood are warned of.
	explicit Machine(Answer &answer);

	const SetsConfig &config() const { return config_; }
	const std::vector<Running> &running() const { return running_; }
	// Why it is not known what runs; no value: it is.
	const std::optional<std::string> &unavailable() const { return unavailable_; }
	// Throws Failure: it is not known what runs.
	void must_know_what_runs() const;
	// By name, path, or the UUID of its set. Throws Failure: it does not run, or nobody knows.
	Running find(const std::string &name) const;
	// The device that serves this set; null: none does.
	const Running *serving(const std::string &set_uuid) const;
	// Of a device that runs. Its UUID says it, or else its spares do; empty: neither does.
	std::string set_of(const Running &device) const;
	// The set of a device that runs; null: the file does not have it.
	const ConfiguredSet *configured(const Running &device) const { return config_.find(set_of(device)); }

	// Of a set that runs or is in the file, by name, path or UUID; no value: neither has it.
	std::optional<SetPlaces> places(const std::string &name) const;
	// What a device of this number is called: as the file does, or by a name that stays, if there is one.
	std::string path_of(const std::string &number, const ConfiguredSet *set) const;

	// Looks at the start of every disk and partition, and where the file and the devices that run have ranges of spares. Of devices that
	// nobody named as little is read as can be: one of them may be a dying main.
	std::vector<SeenSet> scan(Answer &answer) const;

private:
	const std::string &number_of(const std::string &path) const;

	SetsConfig config_;
	std::optional<std::string> unavailable_;
	std::vector<Running> running_;
	mutable std::map<std::string, std::string> set_uuids_; // by device, of those whose UUID does not say it
	mutable std::map<std::string, std::string> numbers_; // by the file's name for a device, as it was when it was first asked for
};

// A member by its place, if it is one there; what is in the way is noted.
std::optional<Member> look_for_member(const std::string &path, std::optional<uint64_t> start, Answer &answer);

} // namespace dm_remap::tool

#endif
