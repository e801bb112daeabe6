// SPDX-License-Identifier: GPL-2.0
// Opening a set, and its commits.
#include "metadata/setup_check.hh"
#include "metadata/store.hh"

namespace dm_remap::metadata {

Error Store::init(const dmr_metadata_params &params, Reason reason)
{
	inst_ = params.inst;
	read_only_ = params.read_only;
	setup_ = *params.setup;
	if (!setup_.copy_units && setup_.member_count <= DMR_MAX_MEMBERS && params.member_count == setup_.member_count) {
		if (Error error = lay_out({params.members, params.member_count}, setup_.max_extents, setup_, reason))
			return error;
		for (uint32_t i = 0; i < setup_.member_count; ++i)
			if (params.setup->members[i].data_start != setup_.members[i].data_start)
				return DMR_REFUSE_WITH(reason, EINVAL,
						       "spare %u: spare blocks are to begin at sector %llu of its range, its layout has them at %llu",
						       i, print(params.setup->members[i].data_start),
						       print(setup_.members[i].data_start));
	}
	if (Error error = check_setup(params, setup_, reason))
		return error;
	if (members_.init(params.members, setup_))
		return DMR_REFUSE_WITH(reason, ENOMEM, "not enough memory for the metadata's buffers");
	return Error::none();
}

void Store::destroy()
{
	members_.destroy();
}

Error Store::writable() const
{
	if (read_only_)
		return Error(EROFS);
	if (failed_)
		return Error(EIO);
	return ready_ ? Error::none() : Error(EINVAL);
}

Error Store::fail(Error error)
{
	failed_ = true;
	return error;
}

bool Store::wants_checkpoint() const
{
	return ready_ && (loaded_.mend.checkpoint || loaded_.tail.used >= members_.layout().log_half_units);
}

// The order of a commit. The data that the records speak of is durable already. Copy B is touched only when copy A is
// durable on every member: of a block that a power cut tore in copy A, copy B is provably older.
Error Store::append(std::span<const dmr_record> records)
{
	Tail &tail = loaded_.tail;

	if (Error error = writable())
		return error;
	if (loaded_.mend.checkpoint || records.empty() || records.size() > format::records_per_unit)
		return Error(EINVAL);
	if (tail.used >= members_.layout().log_half_units)
		return Error(ENOSPC);

	format::Unit &unit = members_.draft(0);
	uint32_t count = static_cast<uint32_t>(records.size());

	members_.clear_drafts(1);
	for (uint32_t i = 0; i < count; ++i)
		encode(records[i], record_of(unit, i));
	header_of(unit).count = count;
	header_of(unit).length = static_cast<uint32_t>(count * sizeof(format::Record));

	Moment moment = {next(tail.generation), tail.checkpoint};

	for (Copy copy : format::copies) {
		UnitNumber place = members_.layout().log(copy, tail.half) + tail.used;

		if (Error error = members_.write_all(Kind::log, copy, place, 1, moment, DMR_IO_FUA))
			return fail(error);
	}
	tail.generation = moment.generation;
	++tail.used;
	return Error::none();
}

Error Store::checkpoint(const dmr_record_source &source)
{
	const Mend &mend = loaded_.mend;

	if (Error error = writable())
		return error;
	if (source.count > setup_.max_extents)
		return Error(ENOSPC);
	if (mend.superblocks)
		for (Copy copy : format::copies)
			if (Error error = write_superblocks(copy))
				return fail(error);
	// The slot that is now written holds the only other way to the newest state.
	if (mend.head)
		if (Error error = write_heads(loaded_.head, loaded_.slot))
			return fail(error);
	// Twice, if the older checkpoint is not to be a dead end.
	for (int rounds = mend.chain ? 2 : 1; rounds > 0; --rounds)
		if (Error error = write_checkpoint(source))
			return fail(error);
	loaded_.mend = {};
	return Error::none();
}

// The order of a checkpoint. All goes into the slot that does not hold the newest one, whose log half no recovery needs
// once the heads are durable; nothing is believed before that.
Error Store::write_checkpoint(const dmr_record_source &source)
{
	Slot slot = other(loaded_.slot);
	CheckpointHead head;

	head.generation = next(loaded_.tail.generation);
	head.entries = source.count;
	head.body_units = static_cast<uint32_t>(body_units_for(source.count));
	head.written = dmr_wall_seconds();
	if (Error error = write_body(source, slot, head))
		return error;
	if (Error error = members_.flush_all())
		return error;
	if (Error error = write_heads(head, slot))
		return error;
	loaded_.slot = slot;
	loaded_.head = head;
	loaded_.tail = {slot, 0, head.generation, head.generation};
	return Error::none();
}

// Both copies of all body units; computes head.body_crc.
Error Store::write_body(const dmr_record_source &source, Slot slot, CheckpointHead &head)
{
	Moment moment = {head.generation, head.generation};
	uint32_t n = 0;

	source.rewind(source.context);
	for (uint32_t first = 0; first < head.body_units; first += n) {
		n = head.body_units - first < members_.batch() ? head.body_units - first : members_.batch();
		if (Error error = compose_body(source, head, first, n, head.body_crc))
			return error;
		for (Copy copy : format::copies) {
			UnitNumber place = members_.layout().body(copy, slot) + first;

			if (Error error = members_.write_all(Kind::checkpoint_body, copy, place, n, moment, 0))
				return error;
		}
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

Error Store::write_heads(const CheckpointHead &head, Slot slot)
{
	Moment moment = {head.generation, head.generation};

	encode_head(head, slot, setup_.branch, members_.draft(0));
	for (Copy copy : format::copies) {
		UnitNumber place = members_.layout().head(copy, slot);

		if (Error error = members_.write_all(Kind::checkpoint_head, copy, place, 1, moment, DMR_IO_FUA))
			return error;
	}
	return Error::none();
}

// One copy on every member.
Error Store::write_superblocks(Copy copy)
{
	Moment moment = {Generation(setup_.generation), Generation(0)};

	for (uint32_t i = 0; i < members_.count(); ++i) {
		if (!members_.active(i))
			continue;
		encode_superblock(setup_, i, scratch_, members_.draft(0));
		if (Error error = members_.write(i, Kind::superblock, copy, members_.layout().superblock(copy), 1, moment,
						 DMR_IO_FUA))
			return error;
	}
	return Error::none();
}

Error Store::update_setup(const dmr_setup &setup)
{
	if (Error error = writable())
		return error;
	if (!same_formatting(setup, setup_))
		return Error(EINVAL);
	uint64_t generation = setup_.generation + 1;

	setup_ = setup;
	setup_.generation = generation;
	members_.adopt(setup_);
	for (Copy copy : format::copies)
		if (Error error = write_superblocks(copy))
			return fail(error);
	loaded_.mend.superblocks = false;
	return Error::none();
}

} // namespace dm_remap::metadata
