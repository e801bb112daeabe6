// SPDX-License-Identifier: GPL-2.0
// Points of interest: what histories must have come across, or they show less than they claim.
#ifndef DMR_SIM_POINTS_HH
#define DMR_SIM_POINTS_HH

#include <array>
#include <cstddef>
#include <cstdint>

namespace dm_remap::sim {

enum class Point : uint8_t {
	block_remapped,
	bad_spare_block,	// a spare refused a write
	block_pending,		// a read that main refused
	pending_written,	// straight to a spare
	last_spare_block_taken,
	map_full,
	log_wrapped,		// a half of the log used for the second time in one boot
	batch_of_two,		// records in one log unit
	checkpoint_torn,	// a head of which a cut left some sectors, and the load after it
	write_torn,		// users' data of which a cut left some sectors
	metadata_failed,
	in_doubt,
	flush_failed,
	main_gone,
	main_read_only,
	past_the_budget,	// blocks that went to a spare untested
	drain_waited,
	allocation_failure_survived,	// while users were served
	start_without_memory,	// a table that could not be made, and then could
	reload_with_both_alive,
	cut_while_formatting,
	cut_while_starting,	// of a set that existed
	rot_mended,
	requests_waited_for_resume,
	spare_added,
	spare_removed,
	spare_evacuated,	// by a job that moved what lived on it
	block_rescued,
	member_dropped,
	started_without_a_spare,
	stale_member_returned,
	diverged_refused,
	main_grown,		// a table longer than any before
	table_shortened,	// the old line again, over a map that may reach beyond it
	spare_forgotten,
	dropped_spare_forgotten, // though it was there
	lost_with_a_spare,	// and what lived on it
	lost_by_removal,	// what could not be read, by force
	block_lost,
	lost_written,
	moved_by_hand,	// by remap or retry_pending
	given_back,	// to main, by unremap
	job_stopped,
	patrol_complete,
	patrol_found,	// what was bad since it began
	patrol_moved,	// from weak spare blocks
	patrol_paused_itself,
	guarded,
	unguarded,
	guard_seen,	// in the end, and compared with main
	guard_cut,	// a cut that left guarded blocks without their guard
	count_
};

const char *name_of(Point point);

class Points final {
public:
	void reached(Point point, uint64_t times = 1) { counts_[static_cast<size_t>(point)] += times; }
	uint64_t count(Point point) const { return counts_[static_cast<size_t>(point)]; }
	void add(const Points &other)
	{
		for (size_t i = 0; i < counts_.size(); i++)
			counts_[i] += other.counts_[i];
	}
	// Prints each with its count; answers how many were never reached.
	uint32_t print() const;

private:
	std::array<uint64_t, static_cast<size_t>(Point::count_)> counts_{};
};

} // namespace dm_remap::sim

#endif
