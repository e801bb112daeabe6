// SPDX-License-Identifier: GPL-2.0
#include "metadata/offline/locate.hh"

#include "metadata/members.hh"
#include "metadata/superblock_places.hh"

#include <new>

namespace dm_remap::metadata {

namespace {

constexpr uint64_t looked_through = (16u << 20) / format::sector_bytes;

// Too large for a stack.
struct Look {
	dmr_setup setup;
	format::Superblock scratch;
};

// The kind is looked at first: units of any kind bear the magic.
bool member_at(dmr_device *dev, uint64_t end, Sectors place, const format::Unit &unit, Look &look, dmr_member_range &out)
{
	const format::Header &header = header_of(unit);

	if (__builtin_memcmp(header.magic, format::magic, sizeof(header.magic)) ||
	    header.kind != static_cast<uint16_t>(Kind::superblock) || header.copy > 1)
		return false;
	Copy copy = header.copy ? Copy::b : Copy::a;
	Sectors start;

	if (inspect(unit, {nullptr, nullptr, Kind::superblock, copy, UnitNumber(header.unit)}) != UnitState::good ||
	    decode_superblock(unit, look.scratch, look.setup) != SuperblockState::good ||
	    header.unit != layout_of(look.setup).superblock(copy).value || !range_start(look.setup, copy, place, start))
		return false;
	uint64_t sectors = look.setup.members[look.setup.own_index].sectors;

	if (start.value > end || sectors > end - start.value)
		return false;
	out = {dev, start.value, sectors};
	return true;
}

bool look_at_places(const dmr_member_range &whole, format::Unit &unit, Look &look, dmr_member_range &out)
{
	SuperblockPlaces places(whole);
	Sectors place;

	while (places.next(place))
		if (dmr_device_read(whole.dev, place.value, &unit, format::sectors_per_unit) == DMR_STS_OK &&
		    member_at(whole.dev, whole.sectors, place, unit, look, out) && out.start == 0)
			return true;
	return false;
}

bool look_through(const dmr_member_range &whole, format::Unit &unit, Look &look, dmr_member_range &out)
{
	uint64_t end = whole.sectors < looked_through ? whole.sectors : looked_through;

	for (uint64_t at = 0; at + format::sectors_per_unit <= end; at += format::sectors_per_unit)
		if (dmr_device_read(whole.dev, at, &unit, format::sectors_per_unit) == DMR_STS_OK &&
		    member_at(whole.dev, whole.sectors, Sectors(at), unit, look, out))
			return true;
	return false;
}

} // namespace

bool range_start(const dmr_setup &setup, Copy copy, Sectors place, Sectors &start)
{
	const dmr_member_entry &own = setup.members[setup.own_index];
	uint64_t unit_sectors = own.unit_bytes / format::sector_bytes;
	uint64_t before = layout_of(setup).superblock(copy).value * unit_sectors;
	uint64_t area = layout_of(setup).total_units() * unit_sectors;

	if (place.value < before || place.value - before + area < own.data_start)
		return false;
	start = Sectors(place.value - before + area - own.data_start);
	return area_start(start, own.unit_bytes).value == place.value - before;
}

namespace {

bool locate(dmr_device *dev, bool everywhere, dmr_member_range &out)
{
	void *memory = dmr_alloc(sizeof(Look)), *buffer = dmr_io_buffer_alloc(sizeof(format::Unit));
	bool found = false;

	if (memory && buffer) {
		Look &look = *new (memory) Look;
		format::Unit &unit = *static_cast<format::Unit *>(buffer);
		dmr_device_info info = {};

		dmr_device_describe(dev, &info);
		dmr_member_range whole = {dev, 0, info.sectors};

		found = look_at_places(whole, unit, look, out) || (everywhere && look_through(whole, unit, look, out));
	}
	if (buffer)
		dmr_io_buffer_free(buffer, sizeof(format::Unit));
	dmr_free(memory);
	return found;
}

} // namespace

bool locate(dmr_device *dev, dmr_member_range &out)
{
	return locate(dev, true, out);
}

bool locate_at_start(dmr_device *dev, dmr_member_range &out)
{
	return locate(dev, false, out);
}

uint64_t start_of(const dmr_member_entry &entry, const dmr_setup &setup)
{
	uint64_t unit_sectors = entry.unit_bytes / format::sector_bytes, area = layout_of(setup).total_units() * unit_sectors;
	// Before unit 0 there is less than a unit.
	uint64_t pad = entry.data_start > area ? (entry.data_start - area) % unit_sectors : 0;

	return pad ? unit_sectors - pad : 0;
}

bool known_by_heads(const dmr_setup &setup, uint32_t slot, const uint64_t *start, dmr_member_range &out)
{
	const dmr_member_entry &entry = setup.members[slot];
	Layout layout = layout_of(setup);
	void *buffer = dmr_io_buffer_alloc(entry.unit_bytes);
	bool found = false;

	out.start = start ? *start : start_of(entry, setup);
	out.sectors = entry.sectors;
	Area units(out, entry.unit_bytes);

	for (Slot half : slots)
		for (Copy copy : format::copies) {
			UnitNumber unit = layout.head(copy, half);

			if (buffer && !found && units.read(unit, 1, buffer))
				found = inspect(*static_cast<format::Unit *>(buffer),
						{setup.set_uuid, entry.uuid, Kind::checkpoint_head, copy, unit}) == UnitState::good;
		}
	if (buffer)
		dmr_io_buffer_free(buffer, entry.unit_bytes);
	return found;
}

bool formatting_begun(const dmr_member_range &range)
{
	FirstPlaces places(range);
	void *buffer = dmr_io_buffer_alloc(sizeof(format::Unit));
	bool found = false;
	Sectors place;

	while (buffer && !found && places.next(place) &&
	       place + Sectors(format::sectors_per_unit) <= Sectors(range.start + range.sectors)) {
		const format::Unit &unit = *static_cast<const format::Unit *>(buffer);

		found = dmr_device_read(range.dev, place.value, buffer, format::sectors_per_unit) == DMR_STS_OK &&
			inspect(unit, {nullptr, nullptr, Kind::formatting, Copy::a, UnitNumber(0)}) == UnitState::good;
	}
	if (buffer)
		dmr_io_buffer_free(buffer, sizeof(format::Unit));
	return found;
}

} // namespace dm_remap::metadata
