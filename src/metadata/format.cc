// SPDX-License-Identifier: GPL-2.0
// Formatting a set, so that it can be cut off anywhere.
#include "metadata/store.hh"
#include "metadata/superblock_places.hh"

namespace dm_remap::metadata {

Error Store::format(Reason reason)
{
	if (read_only_)
		return DMR_REFUSE_WITH(reason, EROFS, "a read-only table writes nothing: load it read-write once to format its spare");
	if (failed_)
		return DMR_REFUSE_WITH(reason, EIO, "a write of metadata has failed before: load the table again");
	ready_ = false;
	setup_.generation = format::first_setup_generation;
	members_.adopt(setup_);

	uint32_t all = 0;

	for (uint32_t i = 0; i < setup_.member_count; ++i) {
		if (!members_.there(i))
			return DMR_REFUSE_WITH(reason, EINVAL, "a spare of a new set is missing: name all of them");
		all |= 1u << i;
	}
	members_.set_parts(all, 0);
	if (!write_new_set(all, nullptr)) {
		failed_ = true;
		return DMR_REFUSE_WITH(reason, EIO,
				       "the metadata area of a spare cannot be written: choose another range, or replace its disk");
	}

	Generation newest(format::first_generation[1]);

	loaded_ = {};
	loaded_.slot = Slot::one;
	loaded_.head.generation = newest;
	loaded_.tail = {Slot::one, 0, newest, newest};
	ready_ = true;
	return Error::none();
}

// The order of formatting. The mark, one sector in the place of superblock A, says that nothing was ever stored here,
// and stays until all else is durable. Superblock B goes first, so that a torn superblock A is not alone. map: null for an empty one.
bool Store::write_new_set(uint32_t members, const dmr_record_source *map)
{
	write_marks(members);
	if (members_.current() != members)
		return false;
	wipe_old_superblocks(members, true);
	for (Copy copy : format::copies)
		write_empty_log(members, copy);
	if (!map)
		write_empty_checkpoints(members);
	for (int rounds = map ? 2 : 0; rounds > 0; --rounds)
		if (write_checkpoint(*map))
			return false;
	members_.flush(members);
	// While one is not complete the marks stay on all.
	if (members_.current() != members)
		return false;
	write_new_superblocks(members);
	return members_.current() == members;
}

void Store::write_marks(uint32_t to)
{
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
		if (!has(to & members_.taking_part(), i))
			continue;
		members_.clear_drafts(1);
		format::Formatting &mark = payload_of<format::Formatting>(members_.draft(0));

		mark.unit_bytes = members_.area(i).unit_bytes();
		mark.copy_units = setup_.copy_units;
		header_of(members_.draft(0)).length = static_cast<uint32_t>(sizeof(mark));
		members_.write(i, Kind::formatting, Copy::a, UnitNumber(0), 1, {}, DMR_IO_FUA);
	}
}

// A superblock that an earlier life left at another place, or at that of copy B, would be found one day, when copy A cannot be
// read.
void Store::wipe_old_superblocks(uint32_t of, bool own_copy_b)
{
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
		Sectors mark = members_.area(i).sector(UnitNumber(0));
		Sectors keep = own_copy_b ? mark : members_.area(i).sector(members_.layout().superblock(Copy::b));
		SuperblockPlaces places(members_.range(i));
		Sectors place;

		while (has(of & members_.taking_part(), i) && places.next(place))
			// What cannot be read will not be found either.
			if (place != mark && place != keep && members_.ours(i, place))
				members_.write_zeroes(i, place, format::unit_content_bytes);
	}
}

// Whole units of generation 0: nothing else will do as evidence that a log ends there.
void Store::write_empty_log(uint32_t to, Copy copy)
{
	const Layout &layout = members_.layout();

	write_empty_blocks(to, copy, layout.log(copy, Slot::zero), 2 * layout.log_half_units);
}

void Store::write_empty_blocks(uint32_t to, Copy copy, UnitNumber first, uint32_t units)
{
	members_.clear_drafts(members_.batch());
	for (uint32_t done = 0, n = 0; done < units; done += n) {
		n = units - done < members_.batch() ? units - done : members_.batch();
		members_.write_all(to, Kind::log, copy, first + done, n, {}, 0);
	}
}

// Both slots, so that from the beginning there is an older checkpoint to fall back to.
void Store::write_empty_checkpoints(uint32_t to)
{
	for (Slot slot : slots) {
		CheckpointHead head;

		head.generation = Generation(format::first_generation[static_cast<uint32_t>(slot)]);
		head.written = dmr_wall_seconds();
		write_heads(to, head, slot);
	}
}

// Over the marks.
void Store::write_new_superblocks(uint32_t to)
{
	b_first_ |= to;
	write_superblocks(to);
}

} // namespace dm_remap::metadata
