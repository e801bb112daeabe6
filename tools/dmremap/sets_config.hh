// SPDX-License-Identifier: GPL-2.0
// /etc/dm-remap/sets.conf: the sets of this machine, one a line, and where their devices were last seen. What belongs together is on the
// spares; this says which main goes with them, and what may be done without asking.
//
//   set UUID name=NAME main=PATH spare=UUID[@PATH:START]… [degraded=dropped|never] [main_id=TEXT] [read_retries=N]
//
// Words are separated by blanks; one that has a blank in it stands in double quotes, wherever they begin. In quotes, '\' takes the
// meaning from the character after it. '#' at the start of a word begins a comment. A line that cannot be understood hides no other.
#ifndef DMREMAP_SETS_CONFIG_HH
#define DMREMAP_SETS_CONFIG_HH

#include "os/fd.hh"
#include "os/new_file.hh"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dm_remap::tool {

struct ConfiguredSpare {
	std::string uuid;	// of the spare
	std::string path;	// as it was named; empty: nobody knows
	uint64_t start = 0;	// of its range there

	bool operator==(const ConfiguredSpare &) const = default;
};

// May the set be started without spares that the others have recorded as dropped?
enum class Degraded : uint8_t { dropped, never };

struct ConfiguredSet {
	std::string uuid, name;
	std::string main;	// as it was named
	std::vector<ConfiguredSpare> spares;
	Degraded degraded = Degraded::dropped;
	std::optional<std::string> main_id;
	std::optional<uint64_t> read_retries;
	std::vector<std::pair<std::string, std::string>> others; // keys of other versions, kept as they are
	std::string comment;	// at the end of its line
	size_t line = 0;	// from 1; 0: not written yet
};

class SetsConfig final {
public:
	// $DM_REMAP_CONFIG, or /etc/dm-remap/sets.conf.
	static std::string default_path();
	// A file that is not there has no sets. Throws std::system_error.
	static SetsConfig read(const std::string &path = default_path());
	static SetsConfig parse(const std::string &path, const std::string &text);

	const std::string &path() const { return path_; }
	const std::vector<ConfiguredSet> &sets() const { return sets_; }
	// "FILE:LINE: what is wrong" of each line that is not understood.
	// Of a line that is about this set and is not understood; null: there is none.
	const std::string *fault_of(const std::string &uuid) const;
	const std::vector<std::string> &faults() const { return faults_; }
	// By name or UUID; null if there is none.
	const ConfiguredSet *find(const std::string &name) const;

	// A set with this UUID takes the place of the one that is there, or comes last.
	void put(ConfiguredSet set);
	void remove(const std::string &uuid);
	// As the file has it: lines of which nothing was changed are what they were, byte by byte.
	std::string text() const;

private:
	void read_line(const std::string &line);

	std::string path_;
	std::vector<std::string> lines_;	// as they are; of a set that was changed, its new line
	std::vector<ConfiguredSet> sets_;
	std::vector<std::string> faults_;
	std::vector<std::pair<std::string, size_t>> faulty_sets_; // UUID, and which fault
};

// One who changes the file, alone: the lock is held from the constructor on, and it can be seen early whether the file can be written.
class ConfigEdit final {
public:
	// Makes the folder if need be. Throws std::system_error: it cannot be written.
	explicit ConfigEdit(const std::string &path = SetsConfig::default_path());
	ConfigEdit(const ConfigEdit &) = delete;
	ConfigEdit &operator=(const ConfigEdit &) = delete;

	SetsConfig config;

	// The new file takes the place of the old one as a whole, durably. Throws std::system_error; then the old one is what it was.
	void commit();

private:
	std::string path_;	// the file itself, behind links
	Fd folder_;
	std::optional<NewFile> file_;
};

} // namespace dm_remap::tool

#endif
