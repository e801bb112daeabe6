// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/device_io.hh"

namespace dm_remap {

Segment DeviceIo::segment_at(MainBlock at, MainBlock end) const
{
	IndexAnswer answer = p_.map->lookup(at, end);
	MainBlock stop = answer.extent.end() < end ? answer.extent.end() : end;

	return { at, stop - at, answer.found, answer.extent };
}

dmr_status DeviceIo::main_io(const Job &job, MainBlock at, Blocks length, uint32_t more_flags) const
{
	const uint32_t flags = job.flushes_main ? 0 : job.info.flags;

	return device_io(job, at, length, p_.main, p_.block_size.to_sectors(at).value, flags | more_flags);
}

dmr_status DeviceIo::device_io(const Job &job, MainBlock at, Blocks length, dmr_device *dev, uint64_t sector, uint32_t flags) const
{
	uint32_t offset = static_cast<uint32_t>(p_.block_size.to_sectors(at).value - job.info.sector);
	uint32_t sectors = static_cast<uint32_t>(p_.block_size.to_sectors(length).value);

	if (!job.own)
		return dmr_request_io(job.req, offset, sectors, dev, sector, flags);
	uint8_t *data = job.own + size_t{offset} * DMR_SECTOR_SIZE;

	return job.info.op == DMR_OP_READ ? dmr_device_read(dev, sector, data, sectors) :
					    dmr_device_write(dev, sector, data, sectors, flags);
}

dmr_status DeviceIo::spare_io_at(const Job &job, MainBlock at, Blocks length, uint32_t member, SpareBlock spare,
				 uint32_t flags) const
{
	const dmr_member_range &range = p_.members->range(member);

	return device_io(job, at, length, range.dev, range.start + p_.block_size.to_sectors(spare).value, flags);
}

dmr_status DeviceIo::spare_io(const Job &job, const Segment &segment, MainBlock at, Blocks length) const
{
	uint32_t member = segment.extent.member;
	dmr_status status = spare_io_at(job, at, length, member, segment.spare_of(at), job.info.flags);

	if (job.info.op != DMR_OP_READ)
		p_.flush_state->write_ended(*p_.members, member, status, job.info.flags);
	return status;
}

dmr_status DeviceIo::read_own(const Job &job, dmr_device *dev, uint64_t sector, uint8_t *to, Blocks length,
			      uint32_t retries) const
{
	uint32_t sectors = static_cast<uint32_t>(p_.block_size.to_sectors(length).value);
	dmr_status status = dmr_device_read(dev, sector, to, sectors);

	for (uint32_t i = 0; i < retries && may_be_media(status) && dmr_now_ns() <= job.deadline; i++)
		status = dmr_device_read(dev, sector, to, sectors);
	return status;
}

// Asked in its first, middle and last block: any one of them may itself be bad.
bool DeviceIo::spare_answers(const Job &job, uint32_t member) const
{
	const dmr_member_range &range = p_.members->range(member);
	uint64_t last = range.sectors / p_.block_size.sectors() - 1;

	for (uint64_t block : { uint64_t{0}, last / 2, last }) {
		dmr_status status = dmr_device_read(range.dev, range.start + block * p_.block_size.sectors(), job.space->block,
						    p_.block_size.sectors());

		if (status == DMR_STS_OK || status == DMR_STS_MEDIUM)
			return true;
	}
	return false;
}

bool DeviceIo::avoid(uint32_t members) const
{
	bool others = members != 0;

	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (members & 1u << i)
			others &= p_.map->spares().avoid(i);
	}
	return others;
}

} // namespace dm_remap
