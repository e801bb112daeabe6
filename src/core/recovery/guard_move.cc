// SPDX-License-Identifier: GPL-2.0
// BlockMove, guarding: the data goes to a spare, then the record says so, and only then main is overwritten. Each step may be done
// again after any crash.
#include "core/recovery/block_move.hh"

namespace dm_remap {

BlockMove::ByHand BlockMove::guard(MainBlock start, Blocks length, const GuardStamp &stamp, bool narrow, uint8_t *buffer,
				  WorkerSpace &space)
{
	ByHand result = save(start, length, narrow, Save::to_guard, buffer, space);

	if (result.narrow || result.failure)
		return result;
	if (const Error error = mark_guarded(start, length, space)) {
		result.failure = error.code() == ESTALE ? "a spare was given up, and what lived there is lost" :
							  "it cannot be recorded: the map is full, or its spares fail";
		return result;
	}
	// The commit may have cost a spare, and who starts with that one alone is given guard blocks as data.
	if (!p_.map->complete()) {
		result.failure = not_all_know;
		return result;
	}
	const ByHand written = write_guards(start, length, stamp, narrow, buffer, space);

	result.moved = written.moved;
	result.refused = written.refused;
	result.narrow = written.narrow;
	result.failure = written.failure;
	return result;
}

// What lives on spares already stays where it is. Its record says what was so but for the mark: whatever becomes of it, no spare
// block is given back.
Error BlockMove::mark_guarded(MainBlock start, Blocks length, WorkerSpace &space)
{
	const MainBlock end = start + length;
	CommitTicket ticket;

	space.forget_records();
	for (MainBlock at = start; at < end;) {
		const Segment segment = io_->segment_at(at, end);

		at = at + segment.length;
		if (segment.is(ExtentKind::mapped) && !segment.extent.guarded)
			space.add_record({ segment.start.value, segment.spare_of(segment.start).value,
					   static_cast<uint32_t>(segment.length.value), DMR_RECORD_MAP, segment.extent.member,
					   DMR_RECORD_GUARDED });
	}
	ticket.records = std::span<const dmr_record>(space.records.data(), space.record_count);
	ticket.marks = true;
	return p_.map->commit(ticket);
}

// What is guarded, durably, as the map says now.
BlockMove::ByHand BlockMove::write_guards(MainBlock start, Blocks length, const GuardStamp &stamp, bool narrow, uint8_t *buffer,
					 WorkerSpace &space)
{
	const MainBlock end = start + length;
	ByHand result;

	for (MainBlock at = start; at < end;) {
		const Segment segment = io_->segment_at(at, end);
		const uint64_t sector = p_.block_size.to_sectors(segment.start).value;

		at = at + segment.length;
		if (!segment.guarded())
			continue;
		stamp.fill(buffer, sector, sectors_of(segment));
		const dmr_status status = p_.main_flush->write_durably(sector, buffer, sectors_of(segment));

		if (status == DMR_STS_OK) {
			result.moved += static_cast<uint32_t>(segment.length.value);
			continue;
		}
		if (!narrow) {
			result = {};
			result.narrow = true;
			return result;
		}
		result.refused += static_cast<uint32_t>(segment.length.value);
		dmr_log(p_.inst, DMR_LOG_WARN, "main does not take a guard at sector %llu, %u sectors long (status %u): it still shows there what it held",
			static_cast<unsigned long long>(sector), sectors_of(segment), status);
		// A disk that does not answer, or has turned read-only, looks like one of bad blocks.
		if (status != DMR_STS_MEDIUM && !p_.main_test->writes(space.block, start, length)) {
			result.failure = "main takes no writes";
			return result;
		}
	}
	return result;
}

} // namespace dm_remap
