// SPDX-License-Identifier: GPL-2.0
// Programs that are run one after the other, each for a limited time, while somebody else waits for other things, too.
#ifndef DMREMAP_MONITOR_JOBS_HH
#define DMREMAP_MONITOR_JOBS_HH

#include "os/fd.hh"

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dm_remap::tool {

struct Job {
	std::string what;		// as it is called when it is told how it went
	std::vector<std::string> words;	// the first is its path
	std::vector<std::string> environment;
	std::string input;		// what it can read from stdin
};

struct JobEnd {
	std::string what;
	std::string wrong;		// empty: it went
};

class Jobs final {
public:
	using Time = std::chrono::steady_clock::time_point;

	static constexpr size_t most = 128;

	// What a program says goes to stderr.
	explicit Jobs(std::chrono::seconds limit) : limit_(limit) {}
	// One that runs is killed.
	~Jobs();
	Jobs(const Jobs &) = delete;
	Jobs &operator=(const Jobs &) = delete;

	// False: too many wait already.
	bool add(Job job);
	bool idle() const { return waiting_.empty() && !running(); }
	// Can be read from when the one that runs has ended; -1: none runs.
	int fd() const { return end_.get(); }
	// When its time is over.
	std::optional<Time> deadline() const { return running() ? std::optional(deadline_) : std::nullopt; }
	// Sees to what has ended or lasts too long, and begins the next. Those that came to an end.
	std::vector<JobEnd> step(Time now);

private:
	bool running() const { return pid_ > 0; }
	std::optional<std::string> ended(Time now);
	std::string begin(const Job &job, Time now);

	std::chrono::seconds limit_;
	std::deque<Job> waiting_;
	std::string what_;
	pid_t pid_ = 0;
	Fd end_;
	Time deadline_;
};

} // namespace dm_remap::tool

#endif
