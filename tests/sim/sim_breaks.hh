// SPDX-License-Identifier: GPL-2.0
// The deliberate mistakes by name.
#ifndef DMR_SIM_BREAKS_HH
#define DMR_SIM_BREAKS_HH

#include "dm_remap/breaks.hh"

#include <optional>
#include <string_view>

namespace dm_remap::sim {

struct NamedBreak {
	Break which;
	std::string_view name;
	std::string_view what;
};

inline constexpr NamedBreak breaks[] = {
	{Break::data_after_record, "data_after_record", "the record is made durable before the data that it speaks of is written"},
	{Break::no_flush_before_record, "no_flush_before_record", "the data of a remap is not flushed before its record"},
	{Break::no_fua_on_record, "no_fua_on_record", "records are written without FUA"},
	{Break::publish_before_commit, "publish_before_commit", "a remap is visible before its record is durable, and though that fails"},
	{Break::complete_before_commit, "complete_before_commit", "a write ends before the record of its remap is durable"},
	{Break::forget_bad_spare, "forget_bad_spare", "spare blocks that refused a write are not remembered"},
	{Break::forget_allocations, "forget_allocations", "the allocator does not learn at load what is in use"},
	{Break::clear_pending_on_failure, "clear_pending_on_failure", "a write that failed takes the pending mark away"},
	{Break::ignore_crc, "ignore_crc", "checksums of metadata are not compared"},
	{Break::older_generation, "older_generation", "a load chooses the older of two checkpoints"},
	{Break::no_spare_flush, "no_spare_flush", "a user's flush goes to main alone"},
	{Break::move_without_drain, "move_without_drain", "blocks are moved without waiting for what is in flight to them"},
	{Break::stale_lookup, "stale_lookup", "the index is not asked again after a range was taken"},
	{Break::publish_out_of_order, "publish_out_of_order", "records are published in another order than logged"},
	{Break::second_before_first, "second_before_first", "the record is sent out before the data on the first member is durable"},
	{Break::trust_later_flush, "trust_later_flush", "data that a failed flush may have lost counts as durable after the next one"},
	{Break::index_before_ranges, "index_before_ranges", "map looks at the index first, and at the taken ranges then"},
	{Break::tell_one_alone, "tell_one_alone", "a flush that waited while another failed is believed"},
	{Break::reuse_freed_at_once, "reuse_freed_at_once", "a spare block is free before the move away from it is durable"},
	{Break::accept_diverged, "accept_diverged", "members that went separate ways are merged by number"},
	{Break::wait_for_unstarted, "wait_for_unstarted", "a worker waits for one that was not started"},
};
static_assert(std::size(breaks) + 1 == static_cast<size_t>(Break::count_), "each break has a name");

inline std::optional<Break> break_named(std::string_view name)
{
	for (const NamedBreak &b : breaks) {
		if (b.name == name)
			return b.which;
	}
	return std::nullopt;
}

} // namespace dm_remap::sim

#endif
