// SPDX-License-Identifier: GPL-2.0
// What the tool's exit statuses mean. They are an interface: tests hold them.
#ifndef DMREMAP_EXIT_STATUS_HH
#define DMREMAP_EXIT_STATUS_HH

#include <stdexcept>
#include <string>

namespace dm_remap::tool {

enum class ExitStatus : int {
	done = 0,
	failed = 1,	// or refused; nothing was changed
	usage = 2,
	not_found = 3,	// no such set or device
	busy = 4,
	would_lose = 5,	// refused, because data or the map would be lost; the message names the flag
};

// With --test a verb judges, and its exit status is this.
enum class Verdict : int { well = 0, attention = 1, critical = 2, cannot_tell = 4 };

// Ends a verb that judges, after it has told why by itself.
struct Judged {
	Verdict verdict;
};

// Ends a verb. The id is for programs: short, documented, and never changed.
class Failure final : public std::runtime_error {
public:
	Failure(ExitStatus status, std::string id, const std::string &text)
		: std::runtime_error(text), status_(status), id_(std::move(id)) {}

	ExitStatus status() const { return status_; }
	const std::string &id() const { return id_; }

private:
	ExitStatus status_;
	std::string id_;
};

} // namespace dm_remap::tool

#endif
