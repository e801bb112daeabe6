// SPDX-License-Identifier: GPL-2.0
// How the monitor tells: the journal at once; mail and programs one after the other, while it goes on listening.
#ifndef DMREMAP_MONITOR_CHANNELS_HH
#define DMREMAP_MONITOR_CHANNELS_HH

#include "monitor/jobs.hh"
#include "monitor/message.hh"
#include "monitor/programs.hh"

namespace dm_remap::tool {

class Channels final {
public:
	Channels(MonitorConfig config, std::string folder);

	const MonitorConfig &config() const { return config_; }
	// To all that it is for. What a mail or a program could not be told is told by the journal.
	// As write().
	bool tell(const Message &message);
	// Of the folder: skipped programs are told of by the journal, once for each reason.
	Programs programs();

	// For one who waits: see Jobs.
	Jobs &jobs() { return jobs_; }
	// What of the jobs has ended; failures are told by the journal.
	std::vector<JobEnd> step(Jobs::Time now);

	// Is there a journal that is to be written to?
	bool has_journal() const;
	// To the journal, or to stderr if there is none. False: the journal refused it, and stderr has it.
	bool write(const Message &message) const;

private:
	void add(Job job);

	MonitorConfig config_;
	std::string folder_, host_;
	Jobs jobs_;
	std::vector<Programs::Skipped> told_;
};

} // namespace dm_remap::tool

#endif
