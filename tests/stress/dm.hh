// SPDX-License-Identifier: GPL-2.0
// device-mapper's control device, without a process for each call as dmsetup is: what the actors do many times a second.
#ifndef DMR_STRESS_DM_HH
#define DMR_STRESS_DM_HH

#include <cstdint>
#include <string>
#include <vector>

namespace dm_remap::stress {

struct Target {
	uint64_t start, sectors;
	std::string type, parameters;
};

struct Info {
	uint32_t number = 0;	// of /dev/dm-N
	uint32_t event = 0;	// how many it has had
	bool suspended = false;
};

// A mapped device, known by its UUID, as its name changes. Each call answers 0 or an errno.
class Mapped final {
public:
	enum Suspend : uint32_t { flush = 0, no_flush = 1, no_lockfs = 2 };

	explicit Mapped(std::string uuid) : uuid_(std::move(uuid)) {}

	int suspend(uint32_t how);	// Suspend, or'ed
	int resume();
	int load(const std::vector<Target> &table);
	int clear();
	int rename(const std::string &from, const std::string &to);
	int message(const std::string &text, std::string &answer);
	// The first target's line: of the live table, or its status.
	int table(Target &target) { return target_status(true, target); }
	int status(Target &target) { return target_status(false, target); }
	int dependencies(uint32_t &count);
	int info(Info &info);
	// Until it has had more events than that. EINTR: a signal came first.
	int wait(uint32_t &event);

private:
	int target_status(bool table, Target &target);

	std::string uuid_;
};

} // namespace dm_remap::stress

#endif
