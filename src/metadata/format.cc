// SPDX-License-Identifier: GPL-2.0
// Formatting a set, so that it can be cut off anywhere.
#include "metadata/store.hh"
#include "metadata/superblock_places.hh"

namespace dm_remap::metadata {

// The order of formatting. The mark, one sector in the place of superblock A, says that nothing was ever stored here,
// and stays until all else is durable. Superblock B goes first, so that a torn superblock A is not alone.
Error Store::format(Reason reason)
{
	if (read_only_)
		return DMR_REFUSE_WITH(reason, EROFS, "a read-only table writes nothing: load it read-write once to format its spare");
	if (failed_)
		return DMR_REFUSE_WITH(reason, EIO, "a write of metadata has failed before: load the table again");
	ready_ = false;
	setup_.generation = format::first_setup_generation;

	Error error = write_marks();

	if (!error)
		error = wipe_old_superblocks();
	if (!error)
		error = write_empty_log();
	if (!error)
		error = write_empty_checkpoints();
	if (!error)
		error = members_.flush_all();
	if (!error)
		error = write_superblocks(Copy::b);
	if (!error)
		error = write_superblocks(Copy::a);
	if (error) {
		failed_ = true;
		return DMR_REFUSE_WITH(reason, EIO,
				       "the metadata area of a spare cannot be written: replace its disk, or choose another range");
	}

	Generation newest(format::first_generation[1]);

	loaded_ = {};
	loaded_.slot = Slot::one;
	loaded_.head.generation = newest;
	loaded_.tail = {Slot::one, 0, newest, newest};
	ready_ = true;
	return Error::none();
}

Error Store::write_marks()
{
	for (uint32_t i = 0; i < members_.count(); ++i) {
		if (!members_.active(i))
			continue;
		members_.clear_drafts(1);
		format::Formatting &mark = payload_of<format::Formatting>(members_.draft(0));

		mark.unit_bytes = members_.area(i).unit_bytes();
		mark.copy_units = setup_.copy_units;
		header_of(members_.draft(0)).length = static_cast<uint32_t>(sizeof(mark));
		if (Error error = members_.write(i, Kind::formatting, Copy::a, UnitNumber(0), 1, {}, DMR_IO_FUA))
			return error;
	}
	return Error::none();
}

// A superblock that an earlier life left at another place would be found one day, when copy A cannot be read.
Error Store::wipe_old_superblocks()
{
	for (uint32_t i = 0; i < members_.count(); ++i) {
		Sectors mark = members_.area(i).sector(UnitNumber(0));
		SuperblockPlaces places(members_.range(i));
		Sectors place;

		while (members_.active(i) && places.next(place)) {
			// What cannot be read will not be found either.
			if (place == mark || !members_.ours(i, place))
				continue;
			if (Error error = members_.write_zeroes(i, place, format::unit_content_bytes))
				return error;
		}
	}
	return Error::none();
}

// Whole units of generation 0: nothing else will do as evidence that a log ends there.
Error Store::write_empty_log()
{
	const Layout &layout = members_.layout();

	members_.clear_drafts(members_.batch());
	for (Copy copy : format::copies) {
		UnitNumber first = layout.log(copy, Slot::zero);
		uint32_t units = 2 * layout.log_half_units;

		for (uint32_t done = 0, n = 0; done < units; done += n) {
			n = units - done < members_.batch() ? units - done : members_.batch();
			if (Error error = members_.write_all(Kind::log, copy, first + done, n, {}, 0))
				return error;
		}
	}
	return Error::none();
}

// Both slots, so that from the beginning there is an older checkpoint to fall back to.
Error Store::write_empty_checkpoints()
{
	for (Slot slot : slots) {
		CheckpointHead head;

		head.generation = Generation(format::first_generation[static_cast<uint32_t>(slot)]);
		head.written = dmr_wall_seconds();
		if (Error error = write_heads(head, slot))
			return error;
	}
	return Error::none();
}

} // namespace dm_remap::metadata
