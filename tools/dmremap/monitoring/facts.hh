// SPDX-License-Identifier: GPL-2.0
// What is known of this machine's devices and sets at one moment, for those who watch them from afar.
#ifndef DMREMAP_MONITORING_FACTS_HH
#define DMREMAP_MONITORING_FACTS_HH

#include "boot/last_event.hh"
#include "live_status.hh"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm_remap::tool {

// Of the families that sysfs has as well (src/stats/families.hh), the values as they are written, by names without the prefix.
using Values = std::map<std::string, std::string, std::less<>>;

// A disk that main is on.
struct DiskFacts {
	std::string name;	// as the kernel calls it: sda
	std::string serial, wwn; // empty: nobody knows
};

struct DeviceFacts {
	std::string label;	// its name in the kernel, as it stands between the quotes of a label
	std::string name;	// as a command line has it; of one that sysfs alone tells of, the label
	std::string set;	// UUID; empty: nobody knows
	Values values;
	// Of what device-mapper alone tells.
	std::optional<LiveStatus> live;
	bool suspended = false;
	std::optional<LastEvent> event = {};
	std::string main;	// a path
	std::vector<DiskFacts> disks;
	std::map<uint32_t, std::string> spare_paths; // by number; of one that is missing what it was called last, or a word for that
};

struct SetFacts {
	std::string uuid, name;
	bool automatic = true, assembled = false;
};

struct ModuleFacts {
	std::string name;	// as the kernel has it
	std::string version;
	std::optional<bool> current; // it is the one that is installed for this kernel; no value: that is not known
};

struct MachineFacts {
	bool all_seen = true;		// device-mapper was asked, or cannot have anything of ours; else sysfs alone was
	std::vector<DeviceFacts> devices; // by label
	std::vector<SetFacts> sets;	// those of sets.conf
	uint64_t config_faults = 0;	// lines of it that are not understood
	std::vector<ModuleFacts> modules; // those that are loaded
	uint64_t time = 0;		// seconds since 1970

	// There is nothing to watch.
	bool nothing() const { return devices.empty() && sets.empty() && !config_faults; }
};

// A text as a label's value, escaped as Prometheus has it: the way of the modules.
std::string label_text(const std::string &text);
// A text of the modules about one device: whose it is, and its values. An empty label: it is none.
DeviceFacts read_statistics(std::string_view text);
// What the answers to the messages `status` and `stats` tell.
Values values_of(const LiveStatus &status, std::string_view counters);
// What a device is like of which the values alone are known; it then has no spares. No value: they are not enough.
std::optional<LiveStatus> status_of(const Values &values);
// Is the module of this name that is loaded the one that is installed? By what modinfo says of the installed ones; no value: it does not.
std::optional<bool> is_current(const std::string &name, const std::string &srcversion, std::string_view modinfo);

} // namespace dm_remap::tool

#endif
