// SPDX-License-Identifier: GPL-2.0
// With which table line a set is started, or why it is not. Asks nobody: what was found is told to it.
#ifndef DMREMAP_START_PLAN_HH
#define DMREMAP_START_PLAN_HH

#include "dm.hh"
#include "seen_set.hh"

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

// A main as it is now. identity.id: what the table line calls its disk.
struct MainNow {
	std::string path;
	dmr_main_identity identity = {};
	std::string place = {};	// of a partition: as dmr_device_info has it
};

// What is wished for beyond the set as it was recorded.
struct StartWishes {
	bool degraded = false;	// without spares that the others have recorded as dropped
	bool force = false;	// without others as well: what only they know is lost
	bool read_only = false;
	bool new_main = false;	// main is another disk now, or a smaller one
	bool grow = false;	// all of main, however much it was
	std::optional<uint64_t> read_retries; // else as recorded
};

struct StartPlan {
	dm::Segment segment;
	std::vector<uint32_t> left_out;	// spares that are not there
};

// A word of a table line: device-mapper splits them at spaces.
std::string table_word(const std::string &path);

// A spare as the table line names it.
struct RangeWords {
	std::string path;
	uint64_t start = 0, sectors = 0;
};
// What stands behind "remap". spares: one at least.
std::string table_arguments(const std::string &main, const std::vector<RangeWords> &spares, std::vector<std::string> features);

// Throws Failure: "missing", "not-one-set", "wrong-main". What it names as remedies are options of `open`.
StartPlan plan_start(const SeenSet &set, const MainNow &main, const StartWishes &wishes);

} // namespace dm_remap::tool

#endif
