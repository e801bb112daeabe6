// SPDX-License-Identifier: GPL-2.0
// Opening a set, and the order of its commits and checkpoints. See membership.cc for who takes part.
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
	if (Error error = lay_out_joining(params, reason))
		return error;
	if (Error error = check_setup(params, setup_, reason))
		return error;
	if (members_.init(inst_, params.members, setup_))
		return DMR_REFUSE_WITH(reason, ENOMEM, "not enough memory for the metadata's buffers");
	return Error::none();
}

// Spares that the table names beside the set's get the set's layout.
Error Store::lay_out_joining(const dmr_metadata_params &params, Reason reason)
{
	for (uint32_t i = 0; i < setup_.member_count && i < params.member_count && i < DMR_MAX_MEMBERS; ++i) {
		if (setup_.members[i].state != DMR_MEMBER_JOINING)
			continue;
		if (!params.members[i].dev)
			return DMR_REFUSE_WITH(reason, EINVAL, "spare %u is to join the set and is missing: name its range", i);
		if (Error error = lay_out_further(params.members[i], setup_, setup_.members[i], reason))
			return error;
	}
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
// durable on every member: of a block that a power cut tore in copy A, copy B is provably older. A member that fails
// stays behind with what it has, and the others say so before the commit counts.
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

	for (Copy copy : format::copies)
		members_.write_all(members_.current(), Kind::log, copy, members_.layout().log(copy, tail.half) + tail.used, 1,
				   moment, DMR_IO_FUA);
	if (Error error = record_drops())
		return error;
	tail.generation = moment.generation;
	++tail.used;
	return Error::none();
}

// Each step is durable before the next begins. Until take_in() the superblocks of those who are behind, or new, say so.
Error Store::checkpoint(const dmr_record_source &source)
{
	const Mend &mend = loaded_.mend;

	if (Error error = writable())
		return error;
	if (source.count > setup_.max_extents)
		return Error(ENOSPC);
	// Who is missing is told before anything else is written.
	if (Error error = record_drops())
		return error;
	if (mend.superblocks)
		write_superblocks(members_.current());
	// The slot that is now written holds the only other way to the newest state.
	if (mend.head)
		write_heads(members_.current(), loaded_.head, loaded_.slot);
	restore_log_ends(members_.current());
	prepare_joining(joining() & ~prepared_);
	// Twice, if the older checkpoint is not to be a dead end, and where there is none yet.
	for (int rounds = mend.chain || members_.incoming() ? 2 : 1; rounds > 0; --rounds)
		if (Error error = write_checkpoint(source))
			return fail(error);
	if (Error error = take_in())
		return error;
	loaded_.mend = {};
	return Error::none();
}

} // namespace dm_remap::metadata
