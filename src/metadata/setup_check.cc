// SPDX-License-Identifier: GPL-2.0
#include "metadata/setup_check.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap::metadata {

namespace {

// The start of the range is nowhere on disk, and all starts within one unit have the superblock in one place: where the
// spare blocks begin tells those apart that are multiples of a block, as lay_out() wants them.
Error check_member(const dmr_member_range &range, const dmr_member_entry &entry, uint32_t block_bytes, const Layout &layout,
		   Reason reason)
{
	dmr_device_info info = {};

	dmr_device_describe(range.dev, &info);
	if (!unit_bytes_possible(entry.unit_bytes) || range.start > format::max_sectors)
		return DMR_REFUSE_WITH(reason, EINVAL,
				       "spare %s: units of %u bytes from sector %llu on are not possible: see docs/administration.md", info.name,
				       entry.unit_bytes, print(range.start));
	if (entry.sectors != range.sectors)
		return DMR_REFUSE_WITH(reason, EINVAL,
				       "spare %s: the set knows it as a range of %llu sectors, %llu were given: name the range as it was formatted",
				       info.name, print(entry.sectors), print(range.sectors));
	uint64_t expected = data_start(range, block_bytes, entry.unit_bytes, layout).value;

	if (range.start % (block_bytes / format::sector_bytes) || expected != entry.data_start || expected > range.sectors)
		return DMR_REFUSE_WITH(reason, EINVAL,
				       "spare %s: the set knows it as a range whose spare blocks begin at its sector %llu, with %llu as start it would be %llu: name the range as it was formatted",
				       info.name, print(entry.data_start), print(range.start), print(expected));
	return Error::none();
}

// Of the set, as it is on disk.
bool named(const dmr_member_entry &entry)
{
	return entry.state == DMR_MEMBER_ACTIVE || entry.state == DMR_MEMBER_DROPPED;
}

bool same_member(const dmr_member_entry &a, const dmr_member_entry &b)
{
	return same_uuid(a.uuid, b.uuid) && a.sectors == b.sectors && a.data_start == b.data_start &&
	       a.unit_bytes == b.unit_bytes;
}

} // namespace

Error check_setup(const dmr_metadata_params &params, const dmr_setup &setup, Reason reason)
{
	Layout layout = layout_of(setup);

	if (!setup.member_count || setup.member_count > DMR_MAX_MEMBERS || params.member_count != setup.member_count)
		return DMR_REFUSE_WITH(reason, EINVAL, "%u spares were given for a set of %u", params.member_count,
				       setup.member_count);
	if (!BlockSize::supported(setup.main.block_bytes))
		return DMR_REFUSE_WITH(reason, EINVAL, "main has blocks of %u bytes: 512 and 4096 are supported",
				       setup.main.block_bytes);
	if (!possible(layout, setup.max_extents))
		return DMR_REFUSE_WITH(reason, EINVAL,
				       "the set's layout (%u units a copy, %u a checkpoint, %u half a log, %llu extents) is not possible: see docs/administration.md",
				       layout.copy_units, layout.checkpoint_units, layout.log_half_units,
				       print(setup.max_extents));
	for (uint32_t i = 0; i < params.member_count; ++i) {
		if (!params.members[i].dev)
			continue;
		if (setup.members[i].state == DMR_MEMBER_ABSENT)
			return DMR_REFUSE_WITH(reason, EINVAL, "the set has no spare %u: name the spares that it has", i);
		if (Error error = check_member(params.members[i], setup.members[i], setup.main.block_bytes, layout, reason))
			return error;
	}
	return Error::none();
}

bool same_members(const dmr_setup &a, const dmr_setup &b)
{
	if (!same_uuid(a.set_uuid, b.set_uuid) || a.max_extents != b.max_extents ||
	    a.main.block_bytes != b.main.block_bytes || layout_of(a) != layout_of(b))
		return false;
	// Slots that are not in use are all zero, hence absent.
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
		const dmr_member_entry &x = a.members[i], &y = b.members[i];

		if (named(x) != named(y) || (named(x) && !same_member(x, y)))
			return false;
	}
	return true;
}

bool same_but_for_options(const dmr_setup &a, const dmr_setup &b)
{
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i)
		if (a.members[i].state != b.members[i].state)
			return false;
	return same_members(a, b) && same_branch(a, b);
}

} // namespace dm_remap::metadata
