// SPDX-License-Identifier: GPL-2.0
#include "metadata/layout.hh"

namespace dm_remap::metadata {

namespace {

constexpr uint64_t default_extents = 65536;
constexpr uint64_t default_blocks_per_extent = 64;
// The area takes at most this part of a range.
constexpr uint64_t range_per_area = 4;
// Copies are at least so far apart where the range allows it.
constexpr uint64_t distance_wanted_bytes = 1u << 20;

constexpr uint32_t clamp(uint64_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : static_cast<uint32_t>(value);
}

// More records than this do not fit between two checkpoints of a small map, fewer make a large map's too frequent.
constexpr uint32_t least_log_half(uint64_t max_extents)
{
	return clamp(max_extents / 1024, format::min_log_half_units, 1024);
}

constexpr uint64_t units_needed(uint64_t max_extents)
{
	return 1 + 2 * (1 + body_units_for(max_extents)) + 2 * uint64_t{least_log_half(max_extents)};
}

// The most extents that a copy of so many units can hold. units_needed() grows with the number of extents.
constexpr uint64_t most_extents(uint64_t copy_units)
{
	uint64_t low = 0, high = body_units_for(format::max_extents_limit);

	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;

		if (units_needed(middle * format::records_per_unit) <= copy_units)
			low = middle;
		else
			high = middle - 1;
	}
	uint64_t extents = low * format::records_per_unit;

	return extents < format::max_extents_limit ? extents : format::max_extents_limit;
}
static_assert(most_extents(format::min_copy_units) == 2 * format::records_per_unit);
static_assert(units_needed(format::max_extents_limit) <= format::max_copy_units);

Layout layout_for(uint32_t copy_units, uint64_t max_extents)
{
	Layout layout;

	layout.copy_units = copy_units;
	layout.checkpoint_units = static_cast<uint32_t>(1 + body_units_for(max_extents));
	layout.log_half_units = (copy_units - 1 - 2 * layout.checkpoint_units) / 2;
	return layout;
}

// What a range can carry: units of one copy at most, so that the area stays within its part of the range.
struct Room {
	uint64_t copy_units = 0;
	uint64_t distance_units = 0;	// of copies as far apart as wanted
	uint64_t blocks = 0;		// of the whole range
	uint64_t least_sectors = 0;	// of a range at this place that could be used
};

constexpr uint64_t least_range_sectors(Sectors pad, uint64_t unit_sectors, uint64_t copy_units)
{
	return range_per_area * (pad.value + 2 * copy_units * unit_sectors);
}

Room room_of(const dmr_member_range &range, uint32_t block_bytes, uint32_t unit_bytes)
{
	uint64_t unit_sectors = unit_bytes / format::sector_bytes;
	Sectors pad = area_start(Sectors(range.start), unit_bytes) - Sectors(range.start);
	uint64_t quarter = range.sectors / range_per_area;
	Room room;

	if (quarter > pad.value)
		room.copy_units = (quarter - pad.value) / unit_sectors / 2;
	room.distance_units = distance_wanted_bytes / unit_bytes;
	room.blocks = range.sectors / (block_bytes / format::sector_bytes);
	room.least_sectors = least_range_sectors(pad, unit_sectors, format::min_copy_units);
	return room;
}

Error check_range(const dmr_member_range &range, uint32_t block_bytes, const dmr_device_info &info, Reason reason)
{
	uint32_t logical_sectors = info.logical_block_bytes / format::sector_bytes;
	uint32_t block_sectors = block_bytes / format::sector_bytes;

	if (range.sectors > format::max_sectors || range.start > format::max_sectors)
		return DMR_REFUSE_WITH(reason, EINVAL, "spare %s: a range of %llu sectors from sector %llu on is beyond any disk",
				       info.name, print(range.sectors), print(range.start));
	if (logical_sectors && range.start % logical_sectors)
		return DMR_REFUSE_WITH(reason, EINVAL,
				       "spare %s: start %llu is not a multiple of the device's logical block of %u sectors: choose one that is",
				       info.name, print(range.start), logical_sectors);
	if (range.start % block_sectors)
		return DMR_REFUSE_WITH(reason, EINVAL,
				       "spare %s: start %llu is not a multiple of main's logical block of %u sectors: choose one that is",
				       info.name, print(range.start), block_sectors);
	return Error::none();
}

} // namespace

bool possible(const Layout &layout, uint64_t max_extents)
{
	if (!CopyUnitsChoice::contains(layout.copy_units) || layout.log_half_units < format::min_log_half_units)
		return false;
	if (!max_extents || max_extents > format::max_extents_limit)
		return false;
	if (layout.checkpoint_units < 1 + body_units_for(max_extents))
		return false;
	return 1 + 2 * uint64_t{layout.checkpoint_units} + 2 * uint64_t{layout.log_half_units} <= layout.copy_units;
}

uint32_t unit_bytes_for(const dmr_device_info &info)
{
	return unit_bytes_possible(info.physical_block_bytes) ? info.physical_block_bytes : format::unit_content_bytes;
}

uint32_t CopyUnitsChoice::at_least(uint64_t wanted)
{
	uint32_t units = format::min_copy_units;

	while (units < wanted && after(units))
		units = after(units);
	return units;
}

uint32_t CopyUnitsChoice::at_most(uint64_t most)
{
	uint32_t best = 0;

	for (uint32_t units = format::min_copy_units; units && units <= most; units = after(units))
		best = units;
	return best;
}

Result<Plan> plan(std::span<const dmr_member_range> ranges, uint32_t block_bytes, uint64_t max_extents, Reason reason)
{
	uint64_t most_units = format::max_copy_units, distance = format::min_copy_units, blocks = 0;

	if (!BlockSize::supported(block_bytes) || ranges.empty())
		return DMR_REFUSE_WITH(reason, EINVAL, "main has blocks of %u bytes: 512 and 4096 are supported", block_bytes);
	if (max_extents > format::max_extents_limit)
		return DMR_REFUSE_WITH(reason, EINVAL, "max_extents %llu is too large: at most %llu are possible", print(max_extents),
				       print(format::max_extents_limit));
	for (const dmr_member_range &range : ranges) {
		dmr_device_info info = {};

		if (!range.dev)
			return DMR_REFUSE_WITH(reason, EINVAL, "a spare of a new set is missing: name all of them");
		dmr_device_describe(range.dev, &info);
		if (Error error = check_range(range, block_bytes, info, reason))
			return error;
		Room room = room_of(range, block_bytes, unit_bytes_for(info));

		if (CopyUnitsChoice::at_most(room.copy_units) == 0)
			return DMR_REFUSE_WITH(reason, ENOSPC,
					       "spare %s: %llu sectors are too few, a spare there needs at least %llu: give it a larger range",
					       info.name, print(range.sectors), print(room.least_sectors));
		if (room.copy_units < most_units)
			most_units = room.copy_units;
		if (room.distance_units > distance)
			distance = room.distance_units;
		blocks += room.blocks;
	}

	uint32_t largest = CopyUnitsChoice::at_most(most_units);
	Plan result;

	result.max_extents = max_extents;
	if (!max_extents) {
		uint64_t wanted = blocks / default_blocks_per_extent;
		uint64_t most = most_extents(largest);

		wanted = wanted > default_extents ? wanted : default_extents;
		result.max_extents = wanted < most ? wanted : most;
	} else if (units_needed(max_extents) > largest) {
		return DMR_REFUSE_WITH(reason, ENOSPC,
				       "max_extents %llu does not fit into a quarter of the smallest spare, which holds %llu: ask for fewer, or give a larger range",
				       print(max_extents), print(most_extents(largest)));
	}
	uint64_t wanted_units = units_needed(result.max_extents);

	if (wanted_units < distance)
		wanted_units = distance;
	if (wanted_units > largest)
		wanted_units = largest;
	result.layout = layout_for(CopyUnitsChoice::at_least(wanted_units), result.max_extents);
	return result;
}

Sectors data_start(const dmr_member_range &range, uint32_t block_bytes, uint32_t unit_bytes, const Layout &layout)
{
	uint64_t block = block_bytes / format::sector_bytes;
	uint64_t end = area_end(Sectors(range.start), unit_bytes, layout).value;

	return Sectors((end + block - 1) / block * block);
}

Error lay_out(std::span<const dmr_member_range> ranges, uint64_t max_extents, dmr_setup &setup, Reason reason)
{
	Result<Plan> chosen = plan(ranges, setup.main.block_bytes, max_extents, reason);

	if (!chosen.ok())
		return chosen.error();
	setup.max_extents = chosen->max_extents;
	setup.copy_units = chosen->layout.copy_units;
	setup.checkpoint_units = chosen->layout.checkpoint_units;
	setup.log_half_units = chosen->layout.log_half_units;
	for (size_t i = 0; i < ranges.size(); ++i) {
		dmr_device_info info = {};
		dmr_member_entry &entry = setup.members[i];

		dmr_device_describe(ranges[i].dev, &info);
		entry.unit_bytes = unit_bytes_for(info);
		entry.data_start = data_start(ranges[i], setup.main.block_bytes, entry.unit_bytes, chosen->layout).value;
	}
	return Error::none();
}

Error lay_out_further(const dmr_member_range &range, const dmr_setup &setup, dmr_member_entry &entry, Reason reason)
{
	Layout layout = {setup.copy_units, setup.checkpoint_units, setup.log_half_units};
	BlockSize block(setup.main.block_bytes);
	dmr_device_info info = {};

	dmr_device_describe(range.dev, &info);
	if (Error error = check_range(range, block.bytes(), info, reason))
		return error;
	entry.unit_bytes = unit_bytes_for(info);
	entry.sectors = range.sectors;
	entry.data_start = data_start(range, block.bytes(), entry.unit_bytes, layout).value;
	if (entry.data_start + block.sectors() > range.sectors)
		return DMR_REFUSE_WITH(reason, ENOSPC,
				       "spare %s: %llu sectors are too few: the metadata of this set, for %llu extents, takes %llu: give it a larger range",
				       info.name, print(range.sectors), print(setup.max_extents), print(entry.data_start));
	return Error::none();
}

} // namespace dm_remap::metadata
