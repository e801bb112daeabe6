// SPDX-License-Identifier: GPL-2.0
#include "metadata/members.hh"

namespace dm_remap::metadata {

uint32_t Area::read(UnitNumber first, uint32_t n, void *buffer) const
{
	uint32_t all = n < 32 ? (1u << n) - 1 : ~0u;
	uint32_t readable = 0;

	if (dmr_device_read(dev_, sector(first).value, buffer, n * unit_sectors()) == DMR_STS_OK)
		return all;
	// One bad sector must not take its neighbours with it.
	for (uint32_t i = 0; i < n; ++i) {
		void *unit = static_cast<uint8_t *>(buffer) + size_t{i} * unit_bytes_;

		if (dmr_device_read(dev_, sector(first + i).value, unit, unit_sectors()) == DMR_STS_OK)
			readable |= 1u << i;
	}
	return readable;
}

Error Area::write(UnitNumber first, uint32_t n, const void *buffer, uint32_t flags) const
{
	return io_error(dmr_device_write(dev_, sector(first).value, buffer, n * unit_sectors(), flags));
}

Error Members::init(const dmr_member_range *ranges, const dmr_setup &setup)
{
	io_ = static_cast<uint8_t *>(dmr_io_buffer_alloc(buffer_bytes));
	drafts_ = static_cast<uint8_t *>(dmr_io_buffer_alloc(buffer_bytes));
	if (!io_ || !drafts_)
		return Error(ENOMEM);
	count_ = setup.member_count;
	for (uint32_t i = 0; i < count_; ++i) {
		ranges_[i] = ranges[i];
		areas_[i] = Area(ranges[i], setup.members[i].unit_bytes);
		if (buffer_bytes / areas_[i].unit_bytes() < batch_)
			batch_ = buffer_bytes / areas_[i].unit_bytes();
	}
	adopt(setup);
	return Error::none();
}

void Members::destroy()
{
	if (io_)
		dmr_io_buffer_free(io_, buffer_bytes);
	if (drafts_)
		dmr_io_buffer_free(drafts_, buffer_bytes);
	io_ = drafts_ = nullptr;
}

void Members::adopt(const dmr_setup &setup)
{
	layout_ = layout_of(setup);
	limits_ = RecordLimits(setup);
	__builtin_memcpy(set_, setup.set_uuid, DMR_UUID_SIZE);
	for (uint32_t i = 0; i < count_; ++i) {
		__builtin_memcpy(uuids_[i], setup.members[i].uuid, DMR_UUID_SIZE);
		active_[i] = areas_[i].dev() && setup.members[i].state == DMR_MEMBER_ACTIVE;
	}
}

Error Members::write(uint32_t member, Kind kind, Copy copy, UnitNumber first, uint32_t n, const Moment &moment,
		     uint32_t flags)
{
	const Area &area = areas_[member];
	uint32_t stride = area.unit_bytes();

	for (uint32_t i = 0; i < n; ++i) {
		uint8_t *to = io_ + size_t{i} * stride;

		seal(draft(i), place(member, kind, copy, first + i), moment);
		__builtin_memcpy(to, &draft(i), sizeof(format::Unit));
		__builtin_memset(to + sizeof(format::Unit), 0, stride - sizeof(format::Unit));
	}
	return area.write(first, n, io_, flags);
}

Error Members::write_all(Kind kind, Copy copy, UnitNumber first, uint32_t n, const Moment &moment, uint32_t flags)
{
	for (uint32_t i = 0; i < count_; ++i) {
		if (!active_[i])
			continue;
		if (Error error = write(i, kind, copy, first, n, moment, flags))
			return error;
	}
	return Error::none();
}

Error Members::flush_all()
{
	for (uint32_t i = 0; i < count_; ++i) {
		if (!active_[i])
			continue;
		if (Error error = io_error(dmr_device_flush(areas_[i].dev())))
			return error;
	}
	return Error::none();
}

bool Members::ours(uint32_t member, Sectors sector)
{
	constexpr uint32_t sectors = format::sectors_per_unit;

	return dmr_device_read(areas_[member].dev(), sector.value, io_, sectors) == DMR_STS_OK &&
	       !__builtin_memcmp(io_, format::magic, sizeof(format::magic));
}

Error Members::write_zeroes(uint32_t member, Sectors sector, uint32_t n)
{
	__builtin_memset(io_, 0, n);
	return io_error(dmr_device_write(areas_[member].dev(), sector.value, io_, n / format::sector_bytes, DMR_IO_FUA));
}

} // namespace dm_remap::metadata
