// SPDX-License-Identifier: GPL-2.0
// /etc/dm-remap/monitor.conf: whom `dmremap monitor` tells, and how often.
//
// A line is KEY=VALUE, as words of sets.conf are written; '#' begins a comment. What is not understood is a fault and hides nothing else:
// a monitor that tells of it is better than none.
#ifndef DMREMAP_MONITOR_CONFIG_HH
#define DMREMAP_MONITOR_CONFIG_HH

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace dm_remap::tool {

enum class DailyMail : uint8_t {
	never,
	bad,	// unless all is well
	always,
};

struct MonitorConfig {
	static constexpr const char *default_path = "/etc/dm-remap/monitor.conf";

	std::vector<std::string> mail;	// whom; empty: nobody
	std::string from;		// empty: whoever sendmail takes
	std::string sendmail = "/usr/sbin/sendmail";
	DailyMail daily_mail = DailyMail::never;
	bool journal = true;		// else stderr
	std::chrono::seconds together{60};	// what comes within it after a message is told in one
	std::chrono::seconds look_every{86400};	// at everything, and saying so
	std::chrono::seconds limit{30};		// for each mail and program
	std::vector<std::string> faults;	// "FILE:LINE: what is wrong"

	// A file that is not there says nothing; one that cannot be read is a fault.
	static MonitorConfig read(const std::string &path);
	static MonitorConfig parse(const std::string &path, const std::string &text);
};

} // namespace dm_remap::tool

#endif
