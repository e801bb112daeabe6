// SPDX-License-Identifier: GPL-2.0
// SlowIo: the ways to the devices that reads and writes share.
#include "slow_io.hh"

namespace dm_remap {

dmr_status SlowIo::serve(Job &job)
{
	job.deadline = dmr_now_ns() + budget_ns;
	switch (job.info.op) {
	case DMR_OP_READ:
		return read(job);
	case DMR_OP_WRITE:
	case DMR_OP_WRITE_ZEROES:
		return write(job);
	default:
		return discard(job);
	}
}

// What the index says from `at` on, cut at `end`.
SlowIo::Segment SlowIo::segment_at(MainBlock at, MainBlock end) const
{
	IndexAnswer answer = c_.store->lookup(at, end);
	MainBlock stop = answer.extent.end() < end ? answer.extent.end() : end;

	return { at, stop - at, answer.found, answer.extent };
}

dmr_status SlowIo::main_io(Job &job, MainBlock at, Blocks length)
{
	uint64_t sector = c_.block_size.to_sectors(at).value;

	return dmr_request_io(job.req, static_cast<uint32_t>(sector - job.info.sector),
			      static_cast<uint32_t>(c_.block_size.to_sectors(length).value), c_.main, sector, job.info.flags);
}

dmr_status SlowIo::spare_io_at(Job &job, MainBlock at, Blocks length, uint32_t member, SpareBlock spare, uint32_t flags)
{
	const dmr_member_range &range = c_.members->range(member);
	uint64_t offset = c_.block_size.to_sectors(at).value - job.info.sector;
	uint64_t sector = range.start + c_.block_size.to_sectors(spare).value;
	uint32_t sectors = static_cast<uint32_t>(c_.block_size.to_sectors(length).value);

	dmr_status status = job.own ? dmr_device_write(range.dev, sector, job.own + offset * DMR_SECTOR_SIZE, sectors, flags) :
				      dmr_request_io(job.req, static_cast<uint32_t>(offset), sectors, range.dev, sector, flags);

	if (status != DMR_STS_OK && job.info.op != DMR_OP_READ && flags & DMR_IO_FUA)
		c_.flush_state->fua_failed(*c_.members, member);
	return status;
}

// To the spare, which is there, that serves this part of a mapped segment.
dmr_status SlowIo::spare_io(Job &job, const Segment &segment, MainBlock at, Blocks length)
{
	SpareBlock spare = segment.extent.spare + (at - segment.extent.start);
	dmr_status status = spare_io_at(job, at, length, segment.extent.member, spare, job.info.flags);

	if (status == DMR_STS_OK && job.info.op != DMR_OP_READ)
		c_.flush_state->written(segment.extent.member);
	return status;
}

// Does the member answer at all? Asked in its first, middle and last block: any one of them may itself be bad.
bool SlowIo::spare_answers(const Job &job, uint32_t member)
{
	const dmr_member_range &range = c_.members->range(member);
	uint64_t last = range.sectors / c_.block_size.sectors() - 1;

	for (uint64_t block : { uint64_t{0}, last / 2, last }) {
		dmr_status status = dmr_device_read(range.dev, range.start + block * c_.block_size.sectors(), job.space->block,
						    c_.block_size.sectors());

		if (status == DMR_STS_OK || status == DMR_STS_MEDIUM)
			return true;
	}
	return false;
}

// Is there another spare for what these did not take?
bool SlowIo::avoid(uint32_t members)
{
	bool others = members != 0;

	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (members & 1u << i)
			others &= c_.store->avoid(i);
	}
	return others;
}

// Advice to the devices, cut where the map says; it never changes the map.
dmr_status SlowIo::discard(Job &job)
{
	MainBlock end = job.start + job.length;

	for (MainBlock at = job.start; at < end;) {
		Segment segment = segment_at(at, end);
		dmr_status status = DMR_STS_OK;

		if (segment.found && segment.extent.kind == ExtentKind::mapped)
			status = c_.members->present(segment.extent.member) ? spare_io(job, segment, at, segment.length) : status;
		else if (!segment.found || segment.extent.kind == ExtentKind::pending)
			status = main_io(job, at, segment.length);
		if (status != DMR_STS_OK)
			return status;
		at = at + segment.length;
	}
	return DMR_STS_OK;
}

} // namespace dm_remap
