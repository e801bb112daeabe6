// SPDX-License-Identifier: GPL-2.0
// Where units lie: the layout of a set, and how it is chosen.
#ifndef DMR_METADATA_LAYOUT_HH
#define DMR_METADATA_LAYOUT_HH

#include "metadata/reason.hh"

#include <dm_remap/format.hh>
#include <dm_remap/units.hh>

#include <span>

namespace dm_remap::metadata {

using format::Copy;

// A checkpoint slot, and the log half that follows the checkpoint in it: 0 or 1.
enum class Slot : uint32_t { zero = 0, one = 1 };
inline constexpr Slot slots[] = {Slot::zero, Slot::one};
constexpr Slot other(Slot s)
{
	return s == Slot::zero ? Slot::one : Slot::zero;
}

// The number of a unit in an area, copies included.
using UnitNumber = Quantity<struct UnitNumberTag>;
constexpr UnitNumber operator+(UnitNumber u, uint64_t n)
{
	return UnitNumber(u.value + n);
}

// What every member of a set shares. A copy is: superblock, slot 0, slot 1, half 0, half 1, and what the rounding of
// copy_units left over.
struct Layout {
	uint32_t copy_units = 0;
	uint32_t checkpoint_units = 0;	// of a slot: the head, then the body
	uint32_t log_half_units = 0;

	constexpr UnitNumber superblock(Copy copy) const
	{
		return UnitNumber(uint64_t{copy_units} * static_cast<uint32_t>(copy));
	}
	constexpr UnitNumber head(Copy copy, Slot slot) const
	{
		return superblock(copy) + 1 + uint64_t{checkpoint_units} * static_cast<uint32_t>(slot);
	}
	constexpr UnitNumber body(Copy copy, Slot slot) const { return head(copy, slot) + 1; }
	constexpr UnitNumber log(Copy copy, Slot half) const
	{
		return superblock(copy) + 1 + 2 * uint64_t{checkpoint_units} +
		       uint64_t{log_half_units} * static_cast<uint32_t>(half);
	}
	constexpr uint64_t total_units() const { return 2 * uint64_t{copy_units}; }
	constexpr uint64_t body_units() const { return checkpoint_units - 1; }

	constexpr bool operator==(const Layout &) const = default;
};

constexpr uint64_t body_units_for(uint64_t entries)
{
	return (entries + format::records_per_unit - 1) / format::records_per_unit;
}

// The layout can be one: its parts fit into a copy, and a checkpoint of max_extents into a slot.
bool possible(const Layout &layout, uint64_t max_extents);

constexpr bool unit_bytes_possible(uint32_t bytes)
{
	return bytes >= format::unit_content_bytes && bytes <= format::max_unit_bytes && !(bytes & (bytes - 1));
}

// The first multiple of unit_bytes on the device at or after the start of the range: where unit 0 is.
constexpr Sectors area_start(Sectors range_start, uint32_t unit_bytes)
{
	uint64_t unit = unit_bytes / format::sector_bytes;

	return Sectors((range_start.value + unit - 1) / unit * unit);
}

// Sectors from the start of the range to the end of the area, before rounding to blocks.
constexpr Sectors area_end(Sectors range_start, uint32_t unit_bytes, const Layout &layout)
{
	return area_start(range_start, unit_bytes) - range_start +
	       Sectors(layout.total_units() * (unit_bytes / format::sector_bytes));
}

// The stride for a device: its physical block, where that is a power of two from 4 to 64 KiB, else 4 KiB.
uint32_t unit_bytes_for(const dmr_device_info &info);

struct Plan {
	Layout layout;
	uint64_t max_extents = 0;
};

// One layout for all ranges, by the smallest. max_extents 0: the default. See dmr_metadata_ops::lay_out.
Result<Plan> plan(std::span<const dmr_member_range> ranges, uint32_t block_bytes, uint64_t max_extents, Reason reason);

// Sectors from the start of the range to the first spare block.
Sectors data_start(const dmr_member_range &range, uint32_t block_bytes, uint32_t unit_bytes, const Layout &layout);

// As dmr_metadata_ops::lay_out.
Error lay_out(std::span<const dmr_member_range> ranges, uint64_t max_extents, dmr_setup &setup, Reason reason);

// A further member of a set that has its layout: unit_bytes, sectors and data_start of its entry. ENOSPC with a reason.
Error lay_out_further(const dmr_member_range &range, const dmr_setup &setup, dmr_member_entry &entry, Reason reason);

// copy_units are powers of two and one and a half times those, so that copy B of a superblock is found without copy A:
// it lies at one of these few distances from unit 0, whatever the stride.
class CopyUnitsChoice final {
public:
	// The smallest that is at least `wanted`, at most max_copy_units.
	static uint32_t at_least(uint64_t wanted);
	// The largest that is at most `most`; 0 if there is none.
	static uint32_t at_most(uint64_t most);
	// The next larger one, 0 after the last.
	static constexpr uint32_t after(uint32_t units)
	{
		uint32_t larger = units & (units - 1) ? units / 3 * 4 : units / 2 * 3;

		return larger > format::max_copy_units ? 0 : larger;
	}
	static constexpr bool contains(uint64_t units)
	{
		for (uint32_t u = format::min_copy_units; u; u = after(u))
			if (u == units)
				return true;
		return false;
	}
};
static_assert(CopyUnitsChoice::contains(12) && CopyUnitsChoice::contains(16) && CopyUnitsChoice::contains(24));
static_assert(CopyUnitsChoice::contains(format::max_copy_units) && !CopyUnitsChoice::contains(20));

} // namespace dm_remap::metadata

#endif
