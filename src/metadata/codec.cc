// SPDX-License-Identifier: GPL-2.0
#include "metadata/codec.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap::metadata {

namespace {

// [first, first + length) lies within [begin, end), whatever the numbers.
constexpr bool within(uint64_t first, uint64_t length, uint64_t begin, uint64_t end)
{
	return first >= begin && first < end && length <= end - first;
}

template <size_t size>
bool terminated(const char (&text)[size])
{
	for (char c : text)
		if (!c)
			return true;
	return false;
}

template <size_t size>
void copy_bytes(char (&to)[size], const char (&from)[size])
{
	__builtin_memcpy(to, from, size);
}

void copy_uuid(uint8_t (&to)[DMR_UUID_SIZE], const uint8_t (&from)[DMR_UUID_SIZE])
{
	__builtin_memcpy(to, from, DMR_UUID_SIZE);
}

void encode_member(const dmr_member_entry &entry, format::Member &out)
{
	copy_uuid(out.uuid, entry.uuid);
	out.sectors = entry.sectors;
	out.data_start = entry.data_start;
	out.state = entry.state;
	out.unit_bytes = entry.unit_bytes;
	copy_bytes(out.identity, entry.identity);
}

// own: it is the one that holds the superblock. A member that was dropped is never told so, and one that joins tells
// nobody else.
bool state_possible(const format::Member &member, bool own)
{
	switch (member.state) {
	case DMR_MEMBER_ABSENT:
		return !own && all_zero(&member, sizeof(member));
	case DMR_MEMBER_ACTIVE:
		return true;
	case DMR_MEMBER_DROPPED:
		return !own;
	case DMR_MEMBER_JOINING:
		return own;
	default:
		return false;
	}
}

// One that cannot be is none: the set does not depend on it.
dmr_patrol_record patrol_of(const format::Superblock &from)
{
	if (from.patrol_state > DMR_PATROL_PAUSED || from.patrol_at > from.main_sectors)
		return {};
	return {from.patrol_at, from.patrol_begun, from.patrol_ended, from.patrol_rate, from.patrol_state};
}

bool decode_member(const format::Member &member, bool own, const Layout &layout, dmr_member_entry &out)
{
	if (!state_possible(member, own))
		return false;
	if (member.state == DMR_MEMBER_ABSENT)
		return true;
	copy_uuid(out.uuid, member.uuid);
	out.sectors = member.sectors;
	out.data_start = member.data_start;
	out.state = member.state;
	out.unit_bytes = member.unit_bytes;
	copy_bytes(out.identity, member.identity);
	return out.sectors <= format::max_sectors && out.data_start <= out.sectors &&
	       unit_bytes_possible(out.unit_bytes) && terminated(out.identity) &&
	       out.data_start >= layout.total_units() * (out.unit_bytes / format::sector_bytes);
}

} // namespace

bool options_possible(const dmr_setup &setup)
{
	const dmr_main_identity &main = setup.main;

	return BlockSize::supported(main.block_bytes) && main.sectors && main.sectors <= format::max_sectors &&
	       BlockSize(main.block_bytes).aligned(Sectors(main.sectors)) && terminated(main.identity) &&
	       terminated(main.disk) && terminated(main.id) && terminated(setup.name);
}

RecordLimits::RecordLimits(const dmr_setup &setup) : members_(setup.member_count)
{
	BlockSize block(setup.main.block_bytes);

	main_blocks_ = block.to_blocks(Sectors(setup.main.sectors)).value;
	lost_ = setup.features & DMR_FEATURE_LOST;
	guard_ = setup.features & DMR_FEATURE_GUARD;
	for (uint32_t i = 0; i < members_ && i < DMR_MAX_MEMBERS; ++i) {
		const dmr_member_entry &entry = setup.members[i];

		// What was said of a member that has left stays in the log for a while, behind it what replaced it.
		if (entry.state == DMR_MEMBER_ABSENT || entry.state == DMR_MEMBER_JOINING) {
			spare_[i].end = format::max_sectors;
			continue;
		}
		known_ |= 1u << i;
		spare_[i].first = block.to_blocks(Sectors(entry.data_start + block.sectors() - 1)).value;
		spare_[i].end = block.to_blocks(Sectors(entry.sectors)).value;
	}
}

bool RecordLimits::within_main(const dmr_record &record) const
{
	return within(record.main_block, record.length, 0, main_blocks_);
}

bool RecordLimits::within_spare(const dmr_record &record) const
{
	return record.member < members_ &&
	       within(record.spare_block, record.length, spare_[record.member].first, spare_[record.member].end);
}

bool RecordLimits::allow(const dmr_record &record) const
{
	const bool guarded = guard_ && record.kind == DMR_RECORD_MAP && record.flags == DMR_RECORD_GUARDED;

	if (!record.length || (record.flags && !guarded))
		return false;
	switch (record.kind) {
	case DMR_RECORD_MAP:
		return within_main(record) && within_spare(record);
	case DMR_RECORD_PENDING:
	case DMR_RECORD_CLEAR:
		return within_main(record) && !record.spare_block && !record.member;
	case DMR_RECORD_LOST:
		return lost_ && within_main(record) && !record.spare_block && !record.member;
	case DMR_RECORD_BAD_SPARE:
		return !record.main_block && within_spare(record);
	default:
		return false;
	}
}

void encode(const dmr_record &record, format::Record &out)
{
	out.main_block = record.main_block;
	out.spare_block = record.spare_block;
	out.length = record.length;
	out.kind = record.kind;
	out.member = record.member;
	out.flags = record.flags;
}

dmr_record decode(const format::Record &record)
{
	return {record.main_block, record.spare_block, record.length, record.kind, record.member, record.flags};
}

void encode_superblock(const dmr_setup &setup, uint32_t own_index, format::Superblock &scratch, format::Unit &unit)
{
	__builtin_memset(&scratch, 0, sizeof(scratch));
	scratch.incompatible = setup.features;
	copy_uuid(scratch.branch, setup.branch);
	scratch.created = setup.created;
	scratch.max_extents = setup.max_extents;
	scratch.copy_units = setup.copy_units;
	scratch.checkpoint_units = setup.checkpoint_units;
	scratch.log_half_units = setup.log_half_units;
	scratch.member_count = setup.member_count;
	scratch.own_index = own_index;
	scratch.read_retries = setup.read_retries;
	scratch.main_sectors = setup.main.sectors;
	scratch.main_block_bytes = setup.main.block_bytes;
	copy_bytes(scratch.main_identity, setup.main.identity);
	copy_bytes(scratch.main_disk, setup.main.disk);
	copy_bytes(scratch.main_id, setup.main.id);
	scratch.patrol_at = setup.patrol.at;
	scratch.patrol_begun = setup.patrol.begun;
	scratch.patrol_ended = setup.patrol.ended;
	scratch.patrol_rate = setup.patrol.rate;
	scratch.patrol_state = setup.patrol.state;
	copy_uuid(scratch.main_uuid, setup.main_uuid);
	copy_bytes(scratch.name, setup.name);
	for (uint32_t i = 0; i < setup.member_count; ++i)
		if (setup.members[i].state != DMR_MEMBER_JOINING || i == own_index)
			encode_member(setup.members[i], scratch.members[i]);
	scratch.ancestor_count = setup.ancestor_count;
	for (uint32_t i = 0; i < setup.ancestor_count; ++i)
		copy_uuid(scratch.ancestors[i], setup.ancestors[i]);
	__builtin_memset(&unit, 0, sizeof(unit));
	scatter_payload(unit, &scratch, sizeof(scratch));
	header_of(unit).length = format::superblock_length;
}

SuperblockState decode_superblock(const format::Unit &unit, format::Superblock &scratch, dmr_setup &out)
{
	const format::Header &header = header_of(unit);

	__builtin_memset(&out, 0, sizeof(out));
	if (header.length != format::superblock_length)
		return SuperblockState::impossible;
	gather_payload(unit, &scratch, sizeof(scratch));
	if (scratch.incompatible & ~uint64_t{DMR_FEATURES_KNOWN})
		return SuperblockState::unsupported;

	copy_uuid(out.set_uuid, header.set);
	copy_uuid(out.branch, scratch.branch);
	out.generation = header.generation;
	out.features = scratch.incompatible;
	out.created = scratch.created;
	out.max_extents = scratch.max_extents;
	out.copy_units = scratch.copy_units;
	out.checkpoint_units = scratch.checkpoint_units;
	out.log_half_units = scratch.log_half_units;
	out.member_count = scratch.member_count;
	out.own_index = scratch.own_index;
	out.read_retries = scratch.read_retries;
	out.main.sectors = scratch.main_sectors;
	out.main.block_bytes = scratch.main_block_bytes;
	copy_bytes(out.main.identity, scratch.main_identity);
	copy_bytes(out.main.disk, scratch.main_disk);
	copy_bytes(out.main.id, scratch.main_id);
	out.patrol = patrol_of(scratch);
	copy_uuid(out.main_uuid, scratch.main_uuid);
	copy_bytes(out.name, scratch.name);

	Layout layout = layout_of(out);
	bool sane = out.generation && out.generation <= format::max_generation && options_possible(out) &&
		    possible(layout, out.max_extents) && out.member_count &&
		    out.member_count <= DMR_MAX_MEMBERS && out.own_index < out.member_count &&
		    scratch.ancestor_count <= DMR_MAX_ANCESTORS;

	for (uint32_t i = 0; sane && i < out.member_count; ++i)
		sane = decode_member(scratch.members[i], i == out.own_index, layout, out.members[i]);
	if (!sane || !same_uuid(out.members[out.own_index].uuid, header.member))
		return SuperblockState::impossible;
	out.ancestor_count = scratch.ancestor_count;
	for (uint32_t i = 0; i < out.ancestor_count; ++i)
		copy_uuid(out.ancestors[i], scratch.ancestors[i]);
	return SuperblockState::good;
}

bool log_possible(const format::Unit &unit, const RecordLimits &limits)
{
	const format::Header &header = header_of(unit);
	uint32_t count = header.count;

	// Only what formatting left, generation 0, is empty.
	if (count > format::records_per_unit || header.length != count * sizeof(format::Record) ||
	    !count != !header.generation)
		return false;
	for (uint32_t i = 0; i < count; ++i)
		if (!limits.allow(decode(record_of(unit, i))))
			return false;
	return true;
}

bool body_possible(const format::Unit &unit, const RecordLimits &limits, uint32_t count)
{
	const format::Header &header = header_of(unit);

	if (header.count != count || header.length != count * sizeof(format::Record))
		return false;
	for (uint32_t i = 0; i < count; ++i)
		if (!limits.allow_in_checkpoint(decode(record_of(unit, i))))
			return false;
	return true;
}

void encode_head(const CheckpointHead &head, Slot slot, const uint8_t *branch, format::Unit &unit)
{
	__builtin_memset(&unit, 0, sizeof(unit));
	format::CheckpointHead &out = payload_of<format::CheckpointHead>(unit);

	out.entries = head.entries;
	out.body_units = head.body_units;
	out.body_crc = head.body_crc;
	out.slot = static_cast<uint32_t>(slot);
	out.written = head.written;
	__builtin_memcpy(out.branch, branch, DMR_UUID_SIZE);
	header_of(unit).length = static_cast<uint32_t>(sizeof(out));
}

bool decode_head(const format::Unit &unit, Slot slot, uint64_t max_extents, CheckpointHead &out)
{
	const format::Header &header = header_of(unit);
	const format::CheckpointHead &head = payload_of<format::CheckpointHead>(unit);

	out.generation = Generation(header.generation);
	out.entries = head.entries;
	out.body_units = head.body_units;
	out.body_crc = head.body_crc;
	out.written = head.written;
	return header.length == sizeof(head) && header.generation && header.generation <= format::max_generation &&
	       header.checkpoint == header.generation && head.slot == static_cast<uint32_t>(slot) &&
	       out.entries <= max_extents &&
	       out.body_units == body_units_for(out.entries);
}

} // namespace dm_remap::metadata
