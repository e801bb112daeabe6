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

Error Members::init(dmr_instance *inst, const dmr_member_range *ranges, const dmr_setup &setup)
{
	inst_ = inst;
	io_ = static_cast<uint8_t *>(dmr_io_buffer_alloc(buffer_bytes));
	drafts_ = static_cast<uint8_t *>(dmr_io_buffer_alloc(buffer_bytes));
	if (!io_ || !drafts_)
		return Error(ENOMEM);
	for (uint32_t i = 0; i < setup.member_count; ++i)
		if (ranges[i].dev)
			attach(i, ranges[i], setup.members[i].unit_bytes);
	adopt(setup);
	return Error::none();
}

void Members::attach(uint32_t i, const dmr_member_range &range, uint32_t unit_bytes)
{
	ranges_[i] = range;
	areas_[i] = Area(range, unit_bytes);
	if (buffer_bytes / unit_bytes < batch_)
		batch_ = buffer_bytes / unit_bytes;
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
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i)
		__builtin_memcpy(uuids_[i], setup.members[i].uuid, DMR_UUID_SIZE);
}

void Members::set_parts(uint32_t current, uint32_t incoming)
{
	__atomic_store_n(&current_, current, __ATOMIC_RELAXED);
	incoming_ = incoming;
}

void Members::leave(uint32_t i)
{
	set_parts(current_ & ~(1u << i), incoming_ & ~(1u << i));
}

void Members::fail(uint32_t i, const char *what)
{
	dmr_device_info info = {};

	leave(i);
	dmr_device_describe(areas_[i].dev(), &info);
	dmr_log(inst_, DMR_LOG_ERR, "spare %s: %s of its metadata failed: it is left out of further commits; before its disk is replaced, move what lives there to another one (add_spare, remove_spare)",
		info.name, what);
}

void Members::fail_write(uint32_t i, uint32_t flags)
{
	if (flags & DMR_IO_FUA && dmr_device_flushes_for_fua(areas_[i].dev()))
		lost_ |= 1u << i;
	fail(i, "a write");
}

void Members::write(uint32_t member, Kind kind, Copy copy, UnitNumber first, uint32_t n, const Moment &moment, uint32_t flags)
{
	const Area &area = areas_[member];
	const uint32_t stride = area.unit_bytes();
	// Where nothing lies between units, they are written as they are.
	const bool apart = stride != sizeof(format::Unit);

	for (uint32_t i = 0; i < n; ++i) {
		uint8_t *to = io_ + size_t{i} * stride;

		seal(draft(i), place(member, kind, copy, first + i), moment);
		if (apart) {
			__builtin_memcpy(to, &draft(i), sizeof(format::Unit));
			__builtin_memset(to + sizeof(format::Unit), 0, stride - sizeof(format::Unit));
		}
	}
	if (area.write(first, n, apart ? io_ : drafts_, flags))
		fail_write(member, flags);
}

void Members::write_all(uint32_t to, Kind kind, Copy copy, UnitNumber first, uint32_t n, const Moment &moment,
			uint32_t flags)
{
	// One that fails leaves by itself alone.
	for (uint32_t left = to & taking_part(); left; left &= left - 1)
		write(static_cast<uint32_t>(__builtin_ctz(left)), kind, copy, first, n, moment, flags);
}

void Members::flush(uint32_t which)
{
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
		if (!has(which & taking_part(), i) || dmr_device_flush(areas_[i].dev()) == DMR_STS_OK)
			continue;
		lost_ |= 1u << i;
		fail(i, "a flush");
	}
}

bool Members::ours(uint32_t member, Sectors sector)
{
	constexpr uint32_t sectors = format::sectors_per_unit;

	return dmr_device_read(areas_[member].dev(), sector.value, io_, sectors) == DMR_STS_OK &&
	       !__builtin_memcmp(io_, format::magic, sizeof(format::magic));
}

void Members::write_zeroes(uint32_t member, Sectors sector, uint32_t n)
{
	__builtin_memset(io_, 0, n);
	if (dmr_device_write(areas_[member].dev(), sector.value, io_, n / format::sector_bytes, DMR_IO_FUA) != DMR_STS_OK &&
	    has(taking_part(), member))
		fail_write(member, DMR_IO_FUA);
}

} // namespace dm_remap::metadata
