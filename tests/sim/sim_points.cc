// SPDX-License-Identifier: GPL-2.0
#include "sim_points.hh"

#include <fmt/core.h>

namespace dm_remap::sim {

const char *name_of(Point point)
{
	switch (point) {
	case Point::block_remapped: return "block_remapped";
	case Point::bad_spare_block: return "bad_spare_block";
	case Point::block_pending: return "block_pending";
	case Point::pending_written: return "pending_written";
	case Point::last_spare_block_taken: return "last_spare_block_taken";
	case Point::map_full: return "map_full";
	case Point::log_wrapped: return "log_wrapped";
	case Point::batch_of_two: return "batch_of_two";
	case Point::checkpoint_torn: return "checkpoint_torn";
	case Point::write_torn: return "write_torn";
	case Point::metadata_failed: return "metadata_failed";
	case Point::in_doubt: return "in_doubt";
	case Point::flush_failed: return "flush_failed";
	case Point::main_gone: return "main_gone";
	case Point::main_read_only: return "main_read_only";
	case Point::past_the_budget: return "past_the_budget";
	case Point::drain_waited: return "drain_waited";
	case Point::allocation_failure_survived: return "allocation_failure_survived";
	case Point::start_without_memory: return "start_without_memory";
	case Point::reload_with_both_alive: return "reload_with_both_alive";
	case Point::cut_while_formatting: return "cut_while_formatting";
	case Point::cut_while_starting: return "cut_while_starting";
	case Point::rot_mended: return "rot_mended";
	case Point::requests_waited_for_resume: return "requests_waited_for_resume";
	case Point::spare_added: return "spare_added";
	case Point::spare_removed: return "spare_removed";
	case Point::spare_evacuated: return "spare_evacuated";
	case Point::block_rescued: return "block_rescued";
	case Point::member_dropped: return "member_dropped";
	case Point::started_without_a_spare: return "started_without_a_spare";
	case Point::stale_member_returned: return "stale_member_returned";
	case Point::diverged_refused: return "diverged_refused";
	case Point::main_grown: return "main_grown";
	case Point::table_shortened: return "table_shortened";
	case Point::spare_forgotten: return "spare_forgotten";
	case Point::dropped_spare_forgotten: return "dropped_spare_forgotten";
	case Point::lost_with_a_spare: return "lost_with_a_spare";
	case Point::lost_by_removal: return "lost_by_removal";
	case Point::block_lost: return "block_lost";
	case Point::lost_written: return "lost_written";
	case Point::moved_by_hand: return "moved_by_hand";
	case Point::given_back: return "given_back";
	case Point::job_stopped: return "job_stopped";
	case Point::patrol_complete: return "patrol_complete";
	case Point::patrol_found: return "patrol_found";
	case Point::patrol_moved: return "patrol_moved";
	case Point::patrol_paused_itself: return "patrol_paused_itself";
	case Point::guarded: return "guarded";
	case Point::unguarded: return "unguarded";
	case Point::guard_seen: return "guard_seen";
	case Point::guard_cut: return "guard_cut";
	case Point::count_: break;
	}
	return "?";
}

uint32_t Points::print() const
{
	uint32_t missing = 0;

	for (size_t i = 0; i < counts_.size(); i++) {
		missing += counts_[i] == 0;
		fmt::print("point {:30} {}\n", name_of(static_cast<Point>(i)), counts_[i]);
	}
	return missing;
}

} // namespace dm_remap::sim
