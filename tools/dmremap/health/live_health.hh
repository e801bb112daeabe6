// SPDX-License-Identifier: GPL-2.0
// The answer to the message `health`: the score, and what it is made of.
#ifndef DMREMAP_HEALTH_LIVE_HEALTH_HH
#define DMREMAP_HEALTH_LIVE_HEALTH_HH

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dm_remap::tool {

// What each takes off a hundred, as docs/health.md has it.
struct ScoreParts {
	uint32_t spare_use = 0, errors = 0, unreadable = 0;
	std::optional<uint32_t> cap; // by mode; no value: this tool does not know the mode
};

// Older modules have not what is optional.
struct LiveHealth {
	uint64_t score = 0;
	std::string mode;
	uint64_t errors_last_hour = 0;
	uint64_t spare_taken = 0, spare_total = 0;	// sectors; taken: in use, or bad
	uint64_t pending = 0, lost = 0;			// sectors
	std::optional<uint64_t> errors_last_day, in_a_row;
	std::string rate_of_day, trend;	// errors per hour; rising, falling, steady, unknown. Empty: older modules

	// Throws Failure: it is not understood.
	static LiveHealth parse(std::string_view answer);
	ScoreParts parts() const;
};

} // namespace dm_remap::tool

#endif
