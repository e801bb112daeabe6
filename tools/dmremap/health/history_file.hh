// SPDX-License-Identifier: GPL-2.0
// Where the history of a set is kept: one small file for each, of bounded size.
#ifndef DMREMAP_HEALTH_HISTORY_FILE_HH
#define DMREMAP_HEALTH_HISTORY_FILE_HH

#include "health/history.hh"

#include <optional>
#include <string>

namespace dm_remap::tool {

class HistoryFile final {
public:
	// In this folder. set: its UUID.
	HistoryFile(const std::string &folder, std::string set);

	const std::string &path() const { return path_; }
	// No value: there is none, or what is there is no history; fault() then says so.
	std::optional<History> read();
	const std::optional<std::string> &fault() const { return fault_; }
	// What was last read and is no history is kept beside it, as path().bad, in the place of an older one. Throws std::system_error.
	void set_aside() const;
	// Durable when it returns. Makes the folder if need be. Throws std::system_error; then the old one is what it was.
	void write(const History &history) const;

private:
	std::string set_, path_;
	std::optional<std::string> fault_;
};

// Takes the sample into the history of this set, if it is worth it. What is there and cannot be read is set aside; answers what there is to be
// said, or nothing. Throws std::system_error: it cannot be kept.
std::optional<std::string> record(HistoryFile &file, const std::string &set, const Sample &sample);

} // namespace dm_remap::tool

#endif
