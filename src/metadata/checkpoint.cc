// SPDX-License-Identifier: GPL-2.0
// Writing a checkpoint.
#include "metadata/store.hh"

namespace dm_remap::metadata {

// From a lost block on to the end of its half nothing is needed: the log ends before it, or, in the half of the older
// checkpoint, that one can lead no further. It is made empty before anything can come to end there, one copy at a time.
void Store::restore_log_ends(uint32_t to)
{
	const Layout &layout = members_.layout();

	for (Slot half : slots) {
		uint32_t first = loaded_.mend.lost_block[static_cast<uint32_t>(half)];

		for (Copy copy : format::copies) {
			if (first == Mend::none)
				continue;
			write_empty_blocks(to, copy, layout.log(copy, half) + first, layout.log_half_units - first);
			members_.flush(to);
		}
	}
}

// The order of a checkpoint. All goes into the slot that does not hold the newest one, whose log half no recovery needs
// once the heads are durable; nothing is believed before that.
Error Store::write_checkpoint(const dmr_record_source &source)
{
	Slot slot = other(loaded_.slot);
	CheckpointHead head;
	uint32_t to = members_.current() | members_.incoming();

	head.generation = next(loaded_.tail.generation);
	head.entries = source.count;
	head.body_units = static_cast<uint32_t>(body_units_for(source.count));
	head.written = dmr_wall_seconds();
	if (Error error = write_body(source, to, slot, head))
		return error;
	members_.flush(to);
	if (members_.current())
		write_heads(to, head, slot);
	if (!members_.current())
		return Error(EIO);
	loaded_.slot = slot;
	loaded_.head = head;
	loaded_.tail = {slot, 0, head.generation, head.generation};
	return Error::none();
}

// Both copies of all body units; computes head.body_crc.
Error Store::write_body(const dmr_record_source &source, uint32_t to, Slot slot, CheckpointHead &head)
{
	Moment moment = {head.generation, head.generation};
	uint32_t n = 0;

	source.rewind(source.context);
	for (uint32_t first = 0; first < head.body_units; first += n) {
		n = head.body_units - first < members_.batch() ? head.body_units - first : members_.batch();
		if (Error error = compose_body(source, head, first, n, head.body_crc))
			return error;
		for (Copy copy : format::copies)
			members_.write_all(to, Kind::checkpoint_body, copy, members_.layout().body(copy, slot) + first, n, moment, 0);
	}
	dmr_record extra;

	// A source that says more than it announced would be cut short on disk.
	return source.next(source.context, &extra, 1) ? Error(EINVAL) : Error::none();
}

// Body units [first, first + units) into the drafts.
Error Store::compose_body(const dmr_record_source &source, const CheckpointHead &head, uint32_t first, uint32_t units,
			  uint32_t &crc)
{
	members_.clear_drafts(units);
	for (uint32_t i = 0; i < units; ++i) {
		format::Unit &unit = members_.draft(i);
		uint32_t count = head.records_in(first + i);
		dmr_record records[16];

		for (uint32_t done = 0, n = 0; done < count; done += n) {
			uint32_t most = count - done < 16 ? count - done : 16;

			n = source.next(source.context, records, most);
			if (!n || n > most)
				return Error(EINVAL);
			for (uint32_t j = 0; j < n; ++j) {
				format::Record &out = record_of(unit, done + j);

				encode(records[j], out);
				crc = crc32c(&out, sizeof(out), crc);
			}
		}
		header_of(unit).count = count;
		header_of(unit).length = static_cast<uint32_t>(count * sizeof(format::Record));
	}
	return Error::none();
}

void Store::write_heads(uint32_t to, const CheckpointHead &head, Slot slot)
{
	Moment moment = {head.generation, head.generation};

	encode_head(head, slot, setup_.branch, members_.draft(0));
	for (Copy copy : format::copies)
		members_.write_all(to, Kind::checkpoint_head, copy, members_.layout().head(copy, slot), 1, moment, DMR_IO_FUA);
}

} // namespace dm_remap::metadata
