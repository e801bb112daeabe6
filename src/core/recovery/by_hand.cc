// SPDX-License-Identifier: GPL-2.0
// BlockMove, what the administrator asks for: blocks to a spare before they fail, and back to main.
#include "core/recovery/block_move.hh"

namespace dm_remap {

static constexpr const char *not_recorded = "it cannot be recorded: the map is full, or its spares fail";

BlockMove::ByHand BlockMove::save(MainBlock start, Blocks length, bool narrow, Save what, uint8_t *buffer, WorkerSpace &space)
{
	const bool pending_alone = what == Save::pending;
	const uint32_t retries = narrow && !pending_alone ? p_.read_retries : 0;
	const MainBlock end = start + length;
	Job move = begin(start, length, buffer, space);
	ByHand result;

	move.told_at_end = true;
	move.guards = what == Save::to_guard;
	// What is guarded has not failed.
	move.remaps = !move.guards;
	for (MainBlock at = start; at < end;) {
		const Segment segment = io_->segment_at(at, end);
		const uint32_t offset = static_cast<uint32_t>((at - start).value), blocks = static_cast<uint32_t>(segment.length.value);

		at = at + segment.length;
		if (segment.found ? !segment.is(ExtentKind::pending) : pending_alone)
			continue;
		const uint64_t sector = p_.block_size.to_sectors(segment.start).value;
		uint8_t *data = buffer + size_t{offset} * p_.block_size.bytes();
		dmr_status status = io_->read_own(move, p_.main, sector, data, segment.length, retries);

		if (status == DMR_STS_OK && move.guards && any_guard(data, sectors_of(segment))) {
			result = {};
			result.failure = "main holds guard blocks there that this set does not know: it was guarded with other spares";
			return result;
		}
		if (status == DMR_STS_OK) {
			space.to_relocate.add(offset, blocks);
			continue;
		}
		if (!narrow) {
			result.narrow = true;
			return result;
		}
		move.failure = status;
		result.unreadable += blocks;
		if (!segment.found)
			space.bad.add(offset, blocks);
	}
	// A disk that does not answer looks like one of bad blocks.
	if (result.unreadable > 0 && move.failure != DMR_STS_MEDIUM &&
	    (!may_be_media(move.failure) || !p_.main_test->reads(space.block, start, length))) {
		result.failure = "main does not answer";
		return result;
	}
	const uint32_t wanted = space.to_relocate.count();

	if (relocation_->relocate_blocks(move, start) != DMR_STS_OK) {
		relocation_->give_up(move, move.failure);
		result.failure = "there is no spare block that takes it: add a spare, and try again";
		return result;
	}
	// Spare blocks that were bad may have used up the room for records.
	space.add_bad(DMR_RECORD_PENDING, start);
	if (space.record_count == 0)
		return result;
	if (relocation_->commit_records(move) != DMR_STS_OK) {
		relocation_->give_up(move, move.failure);
		result.failure = not_recorded;
		return result;
	}
	if (!space.bad.empty())
		dmr_event(p_.inst, DMR_EVENT_PENDING);
	if (pending_alone)
		p_.counters->add(&CounterValues::rescued, wanted);
	result.moved = wanted;
	return result;
}

BlockMove::ByHand BlockMove::give_back(MainBlock start, Blocks length, bool guarded, bool narrow, uint8_t *buffer, uint8_t *back,
				      WorkerSpace &space)
{
	const MainBlock end = start + length;
	Job move = begin(start, length, buffer, space);
	ByHand result;

	move.remaps = false;
	for (MainBlock at = start; at < end;) {
		const Segment segment = io_->segment_at(at, end);
		const uint32_t blocks = static_cast<uint32_t>(segment.length.value);

		at = at + segment.length;
		if (!segment.is(ExtentKind::mapped) || segment.guarded() != guarded)
			continue;
		const bool read = spare_gives(move, segment, buffer);

		if (read && main_takes(segment, buffer, back)) {
			space.add_record({ segment.start.value, 0, blocks, DMR_RECORD_CLEAR, 0, 0 });
			result.moved += blocks;
			continue;
		}
		// What is on main already is there twice, and recorded when it is asked for again.
		if (!narrow) {
			result = {};
			result.narrow = true;
			return result;
		}
		(read ? result.refused : result.unreadable) += blocks;
		if (guarded)
			dmr_log(p_.inst, DMR_LOG_WARN, "%u sectors from sector %llu on stay guarded: %s", sectors_of(segment),
				p_.block_size.to_sectors(segment.start).print(), read ? "main does not take their data" : "their spare does not give their data");
	}
	if (space.record_count > 0 && relocation_->commit_records(move) != DMR_STS_OK) {
		result.moved = 0;
		result.failure = not_recorded;
	}
	return result;
}

bool BlockMove::spare_gives(const Job &move, const Segment &segment, uint8_t *to) const
{
	return p_.members->present(segment.extent.member) &&
	       read_spare(move, segment, segment.start, segment.length, to, p_.read_retries) == DMR_STS_OK;
}

// On its medium, as far as the drive tells.
bool BlockMove::main_takes(const Segment &segment, const uint8_t *data, uint8_t *back) const
{
	const uint64_t sector = p_.block_size.to_sectors(segment.start).value;
	const uint32_t sectors = sectors_of(segment);

	return p_.main_flush->write_durably(sector, data, sectors) == DMR_STS_OK &&
	       dmr_device_read(p_.main, sector, back, sectors) == DMR_STS_OK &&
	       __builtin_memcmp(data, back, size_t{sectors} * DMR_SECTOR_SIZE) == 0;
}

} // namespace dm_remap
