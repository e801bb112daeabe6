// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/block_move.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

void BlockMove::rescue(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;
	uint32_t rescued = 0;

	if (p_.read_only || p_.map->failed())
		return;
	if (dmr_drain(p_.inst, dmr_now_ns() + drain_ns))
		return;
	uint8_t *data = static_cast<uint8_t *>(space.data);
	Job move = begin(job.start, job.length, data, space);
	Blocks length;

	move.deadline = job.deadline;

	for (auto run = space.weak.run_from(0); run.length > 0;
	     run = space.weak.run_from(run.start + static_cast<uint32_t>(length.value))) {
		MainBlock at = piece + Blocks(run.start);

		length = p_.physical.unit(at, at + Blocks(run.length));
		if (dmr_now_ns() > job.deadline)
			break;
		move.info.sector = p_.block_size.to_sectors(at).value;
		if (io_->read_own(job, p_.main, move.info.sector, data, length, p_.read_retries) != DMR_STS_OK)
			continue;
		space.to_relocate.clear();
		space.to_relocate.add(run.start, static_cast<uint32_t>(length.value));
		if (relocation_->relocate_blocks(move, piece) != DMR_STS_OK)
			break;
		rescued += static_cast<uint32_t>(length.value);
	}
	if (space.record_count == 0 || relocation_->commit_records(move) != DMR_STS_OK)
		return;
	p_.counters->add(&CounterValues::rescued, rescued);
	job.rescued += rescued;
}

// A move of what buffer will hold.
Job BlockMove::begin(MainBlock start, Blocks length, uint8_t *buffer, WorkerSpace &space) const
{
	Job move;

	move.own = buffer;
	move.info.op = DMR_OP_WRITE;
	move.info.sector = p_.block_size.to_sectors(start).value;
	move.start = start;
	move.length = length;
	move.deadline = dmr_now_ns() + request_budget_ns;
	move.space = &space;
	space.to_relocate.clear();
	space.bad.clear();
	space.forget_records();
	return move;
}

dmr_status BlockMove::read_spare(const Job &move, const Segment &segment, MainBlock at, Blocks length, uint8_t *to, uint32_t retries) const
{
	const dmr_member_range &range = p_.members->range(segment.extent.member);

	return io_->read_own(move, range.dev, range.start + p_.block_size.to_sectors(segment.spare_of(at)).value, to, length, retries);
}

BlockMove::Moved BlockMove::evacuate(uint32_t slot, MainBlock start, Blocks length, bool give_up, uint8_t *buffer,
				    WorkerSpace &space)
{
	MainBlock end = start + length;
	Moved result;
	Job move = begin(start, length, buffer, space);

	move.remaps = false;
	for (MainBlock at = start; at < end;) {
		Segment segment = io_->segment_at(at, end);
		uint32_t offset = static_cast<uint32_t>((at - start).value);
		const auto comes = [&](MainBlock from, Blocks blocks) {
			return read_spare(move, segment, from, blocks, place_of(move, from), p_.read_retries) == DMR_STS_OK;
		};

		at = at + segment.length;
		if (!segment.on_member(slot))
			continue;
		if (comes(segment.start, segment.length)) {
			space.to_relocate.add(offset, static_cast<uint32_t>(segment.length.value));
			continue;
		}
		for (uint32_t i = 0; i < segment.length.value; i++) {
			if (comes(segment.start + Blocks(i), Blocks(1)))
				space.to_relocate.add(offset + i);
			else
				space.bad.add(offset + i);
		}
	}
	uint32_t wanted = space.to_relocate.count(), given_up = 0;

	result.unreadable = space.bad.count();
	result.without_place = wanted;
	if (relocation_->relocate_blocks(move, start) != DMR_STS_OK) {
		relocation_->give_up(move, move.failure);
		return result;
	}
	// As far as there is room for records: the next pass finds the others.
	if (give_up && !space.bad.empty() && !p_.map->prepare_to_lose())
		given_up = space.add_bad(DMR_RECORD_LOST, start);
	if (wanted + given_up == 0)
		return result;
	if (relocation_->commit_records(move) != DMR_STS_OK) {
		relocation_->give_up(move, move.failure);
		result.without_place += given_up;
		return result;
	}
	p_.counters->add(&CounterValues::moved, wanted);
	if (given_up > 0)
		dmr_log(p_.inst, DMR_LOG_WARN, "spare %u is given up: %u blocks of %u bytes that lived on it are lost and fail until they are written",
			slot, given_up, p_.block_size.bytes());
	return { wanted, given_up, result.unreadable - given_up, 0 };
}

} // namespace dm_remap
