// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/block_move.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

void BlockMove::rescue(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;
	uint32_t rescued = 0;
	Job move;

	if (p_.read_only || p_.map->failed())
		return;
	if (dmr_drain(p_.inst, dmr_now_ns() + drain_ns))
		return;
	move.own = static_cast<const uint8_t *>(space.data);
	move.info.op = DMR_OP_WRITE;
	move.start = job.start;
	move.length = job.length;
	move.deadline = job.deadline;
	move.space = &space;
	space.forget_records();
	for (uint32_t i = 0; i < BlockSet::capacity; i++) {
		if (!space.weak.has(i))
			continue;
		if (dmr_now_ns() > job.deadline)
			break;
		move.info.sector = p_.block_size.to_sectors(piece + Blocks(i)).value;
		if (io_->read_own(job, p_.main, move.info.sector, static_cast<uint8_t *>(space.data), Blocks(1)) != DMR_STS_OK)
			continue;
		space.to_relocate.clear();
		space.to_relocate.add(i);
		if (relocation_->relocate_blocks(move, piece) != DMR_STS_OK)
			break;
		rescued++;
	}
	if (space.record_count > 0 && relocation_->commit_records(move) == DMR_STS_OK)
		p_.counters->add(&CounterValues::rescued, rescued);
}

BlockMove::Moved BlockMove::evacuate(uint32_t slot, MainBlock start, Blocks length, uint8_t *buffer, WorkerSpace &space)
{
	dmr_device *dev = p_.members->device(slot);
	MainBlock end = start + length;
	Moved result;
	Job move;

	move.own = buffer;
	move.info.op = DMR_OP_WRITE;
	move.info.sector = p_.block_size.to_sectors(start).value;
	move.start = start;
	move.length = length;
	move.deadline = dmr_now_ns() + request_budget_ns;
	move.remaps = false;
	move.space = &space;
	space.to_relocate.clear();
	space.forget_records();
	for (MainBlock at = start; at < end;) {
		Segment segment = io_->segment_at(at, end);
		uint32_t offset = static_cast<uint32_t>((at - start).value);
		uint8_t *to = buffer + size_t{offset} * p_.block_size.bytes();
		uint64_t sector = p_.members->range(slot).start + p_.block_size.to_sectors(segment.spare_of(at)).value;

		at = at + segment.length;
		if (!segment.on_member(slot))
			continue;
		if (io_->read_own(move, dev, sector, to, segment.length) == DMR_STS_OK) {
			space.to_relocate.add(offset, static_cast<uint32_t>(segment.length.value));
			continue;
		}
		for (uint32_t i = 0; i < segment.length.value; i++, sector += p_.block_size.sectors(), to += p_.block_size.bytes()) {
			if (io_->read_own(move, dev, sector, to, Blocks(1)) == DMR_STS_OK)
				space.to_relocate.add(offset + i);
			else
				result.unreadable++;
		}
	}
	uint32_t wanted = space.to_relocate.count();

	if (wanted == 0)
		return result;
	if (relocation_->relocate_blocks(move, start) == DMR_STS_OK && relocation_->commit_records(move) == DMR_STS_OK) {
		result.moved = wanted;
		p_.counters->add(&CounterValues::moved, wanted);
	} else {
		relocation_->give_up(move, move.failure);
		result.without_place = wanted;
	}
	return result;
}

} // namespace dm_remap
