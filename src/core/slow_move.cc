// SPDX-License-Identifier: GPL-2.0
// SlowIo, moves: data that the engine reads itself, after the drain, and stores on a spare. What users write meanwhile
// waits for the range.
#include "slow_io.hh"

#include <dm_remap/breaks.hh>

namespace dm_remap {

static constexpr uint64_t drain_ns = 5'000'000'000ull;

// Into a buffer of the engine's own, with retries.
dmr_status SlowIo::read_own(const Job &job, dmr_device *dev, uint64_t sector, uint8_t *to, Blocks length) const
{
	uint32_t sectors = static_cast<uint32_t>(c_.block_size.to_sectors(length).value);
	dmr_status status = dmr_device_read(dev, sector, to, sectors);

	for (uint32_t i = 0; i < c_.read_retries && may_be_media(status) && dmr_now_ns() <= job.deadline; i++)
		status = dmr_device_read(dev, sector, to, sectors);
	return status;
}

// The weak blocks of a piece that was read with trouble. Whatever goes wrong here, the user has his data, and the blocks
// stay where they are.
void SlowIo::rescue(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;
	uint32_t rescued = 0;
	Job move;

	if (c_.read_only || c_.store->failed())
		return;
	if (!broken(Break::move_without_drain) && dmr_drain(c_.inst, dmr_now_ns() + drain_ns))
		return;
	move.own = static_cast<const uint8_t *>(space.data);
	move.info.op = DMR_OP_WRITE;
	move.start = job.start;
	move.length = job.length;
	move.deadline = job.deadline;
	move.space = &space;
	space.record_count = 0;
	space.data_members = 0;
	for (uint32_t i = 0; i < BlockSet::capacity; i++) {
		if (!space.weak.has(i))
			continue;
		if (dmr_now_ns() > job.deadline)
			break;
		move.info.sector = c_.block_size.to_sectors(piece + Blocks(i)).value;
		if (read_own(job, c_.main, move.info.sector, static_cast<uint8_t *>(space.data), Blocks(1)) != DMR_STS_OK)
			continue;
		space.unplaced.clear();
		space.unplaced.add(i);
		if (place_all(move, piece) != DMR_STS_OK)
			break;
		rescued++;
	}
	if (space.record_count > 0 && commit_records(move) == DMR_STS_OK)
		c_.counters->add(&CounterValues::rescued, rescued);
}

SlowIo::Moved SlowIo::evacuate(uint32_t slot, MainBlock start, Blocks length, uint8_t *buffer, WorkerSpace &space)
{
	dmr_device *dev = c_.members->device(slot);
	MainBlock end = start + length;
	Moved result;
	Job move;

	move.own = buffer;
	move.info.op = DMR_OP_WRITE;
	move.info.sector = c_.block_size.to_sectors(start).value;
	move.start = start;
	move.length = length;
	move.deadline = dmr_now_ns() + budget_ns;
	move.remaps = false;
	move.space = &space;
	space.unplaced.clear();
	space.record_count = 0;
	space.data_members = 0;
	for (MainBlock at = start; at < end;) {
		Segment segment = segment_at(at, end);
		uint32_t offset = static_cast<uint32_t>((at - start).value);
		uint8_t *to = buffer + size_t{offset} * c_.block_size.bytes();
		SpareBlock spare = segment.extent.spare + (at - segment.extent.start);
		uint64_t sector = c_.members->range(slot).start + c_.block_size.to_sectors(spare).value;

		at = at + segment.length;
		if (!segment.found || segment.extent.kind != ExtentKind::mapped || segment.extent.member != slot)
			continue;
		if (read_own(move, dev, sector, to, segment.length) == DMR_STS_OK) {
			space.unplaced.add(offset, static_cast<uint32_t>(segment.length.value));
			continue;
		}
		for (uint32_t i = 0; i < segment.length.value; i++, sector += c_.block_size.sectors(), to += c_.block_size.bytes()) {
			if (read_own(move, dev, sector, to, Blocks(1)) == DMR_STS_OK)
				space.unplaced.add(offset + i);
			else
				result.unreadable++;
		}
	}
	uint32_t wanted = space.unplaced.count();

	if (wanted == 0)
		return result;
	if (place_all(move, start) == DMR_STS_OK && commit_records(move) == DMR_STS_OK) {
		result.moved = wanted;
		c_.counters->add(&CounterValues::moved, wanted);
	} else {
		give_up(move, move.failure);
		result.unplaced = wanted;
	}
	return result;
}

} // namespace dm_remap
