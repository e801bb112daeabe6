// SPDX-License-Identifier: GPL-2.0
// What a history is like: drawn once, from its seed alone.
#ifndef DMR_SIM_PLAN_HH
#define DMR_SIM_PLAN_HH

#include "host/disk.hh"
#include "host/random.hh"

#include <vector>

namespace dm_remap::sim {

// Which faults there are. Chances are in percent of the occasions to inject one.
struct Misfortune {
	uint32_t bad_blocks = 0;	// of main: each occasion marks a run of them
	uint32_t bad_spare_blocks = 0;	// of a spare's data area
	uint32_t whole_main = 0;	// gone, read-only, slow
	uint32_t whole_spare = 0;
	uint32_t metadata = 0;		// blocks of a metadata area
	uint32_t flushes = 0;		// flushes fail
	uint32_t memory = 0;		// allocations fail for a while
	uint32_t longest_run = 4;	// of bad blocks
	bool rot = false;		// of one copy, between a clean removal and the next start
};

struct Plan {
	Plan(uint64_t seed, uint32_t steps);

	uint64_t seed;
	uint32_t steps;			// requests of users, at least
	host::DiskOptions main;
	uint64_t first_sectors = 0;	// of main, before it grows
	std::vector<host::DiskOptions> spares;
	uint32_t members = 1;		// of them in the first table; add_spare takes the others
	uint64_t max_extents = 0;
	uint32_t block_sectors = 1;
	uint32_t users = 8;
	uint32_t cuts = 2;
	uint32_t worker_limit = 0, max_workers = 32, read_retries = 1;
	Misfortune misfortune;
	std::vector<uint64_t> hot;	// blocks round which users and faults meet
	uint32_t hot_blocks = 16;
	uint32_t write_percent = 45;
	uint32_t flush_percent = 6;
	uint32_t longest_request = 160;	// sectors
};

} // namespace dm_remap::sim

#endif
