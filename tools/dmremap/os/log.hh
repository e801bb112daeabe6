// SPDX-License-Identifier: GPL-2.0
// Where the product's own log lines go: to stderr as they come, or kept for whoever asks.
#ifndef DMREMAP_OS_LOG_HH
#define DMREMAP_OS_LOG_HH

#include <string>
#include <vector>

namespace dm_remap::os {

// While one lives, lines are kept in it and not printed.
class LogCollector final {
public:
	LogCollector();
	~LogCollector();
	LogCollector(const LogCollector &) = delete;
	LogCollector &operator=(const LogCollector &) = delete;

	// With paths in place of tokens.
	std::vector<std::string> lines;

private:
	LogCollector *outer_;
};

} // namespace dm_remap::os

#endif
