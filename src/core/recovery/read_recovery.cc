// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/read_recovery.hh"

#include <optional>

namespace dm_remap {

dmr_status ReadRecovery::read(Job &job)
{
	MainBlock end = job.start + job.length;
	dmr_status worst = DMR_STS_OK;

	// The other pieces are read all the same: their bad blocks should be known too.
	for (MainBlock at = job.start; at < end;) {
		Blocks left = end - at;
		Blocks length = left.value < BlockSet::capacity ? left : Blocks(BlockSet::capacity);
		dmr_status status = read_piece(job, at, length);

		if (status != DMR_STS_OK)
			worst = status;
		if (status != DMR_STS_OK && (status != DMR_STS_MEDIUM || dmr_now_ns() > job.deadline))
			break;
		at = at + length;
	}
	return worst;
}

dmr_status ReadRecovery::read_piece(Job &job, MainBlock first, Blocks length)
{
	WorkerSpace &space = *job.space;
	MainBlock end = first + length;
	dmr_status worst = DMR_STS_OK;

	space.bad.clear();
	space.weak.clear();
	for (MainBlock at = first; at < end;) {
		Segment segment = io_->segment_at(at, end);
		dmr_status status = DMR_STS_OK;

		if (!segment.found)
			status = read_main(job, first, at, segment.length);
		else if (segment.is(ExtentKind::mapped))
			status = read_spare(job, segment);
		else if (segment.is(ExtentKind::pending))
			status = read_pending(job, first, segment);
		else
			status = DMR_STS_IOERR;
		if (status != DMR_STS_OK && segment.found)
			status = as_medium(status);
		if (status != DMR_STS_OK)
			worst = status;
		if (status != DMR_STS_OK && status != DMR_STS_MEDIUM)
			break;
		at = at + segment.length;
	}
	if (!space.bad.empty())
		record_pending(job, first);
	if (!space.weak.empty())
		move_->rescue(job, first);
	return worst;
}

// Main once. What comes may not come again.
dmr_status ReadRecovery::read_pending(Job &job, MainBlock piece, const Segment &segment)
{
	dmr_status status = io_->main_io(job, segment.start, segment.length);

	if (status == DMR_STS_OK)
		job.space->weak.add(static_cast<uint32_t>((segment.start - piece).value), static_cast<uint32_t>(segment.length.value));
	return status;
}

// OK, MEDIUM with the unreadable blocks in the set of bad ones, or a failure of main as a whole.
dmr_status ReadRecovery::read_main(Job &job, MainBlock piece, MainBlock first, Blocks length)
{
	dmr_status status = io_->main_io(job, first, length);
	dmr_status worst = DMR_STS_OK;
	// What is known of the first block alone: nothing, unless it was read alone.
	std::optional<dmr_status> first_status;

	// That it failed in the reader's own I/O says nothing of a block: one command may have carried its neighbours too.
	if (status == DMR_STS_OK || !may_be_media(status))
		return status;
	if (length == Blocks(1))
		first_status = status;
	if (status != DMR_STS_MEDIUM && !job.main_tested) {
		first_status = io_->main_io(job, first, Blocks(1));
		if (*first_status != DMR_STS_OK && *first_status != DMR_STS_MEDIUM &&
		    !p_.main_test->reads(job.space->block, job.start, job.length))
			return status;
		job.main_tested = true;
	}
	for (Blocks i; i < length; i = i + Blocks(1)) {
		MainBlock at = first + i;
		bool known = first_status && i == Blocks(0);

		// Untried blocks fail without becoming pending: nothing is known of them.
		if (!known && dmr_now_ns() > job.deadline)
			return DMR_STS_MEDIUM;
		bool weak;

		status = retry_block(job, at, known ? *first_status : io_->main_io(job, at, Blocks(1)), weak);
		// A single block has failed by itself before.
		if (status == DMR_STS_OK && (weak || length == Blocks(1)))
			job.space->weak.add(static_cast<uint32_t>((at - piece).value));
		if (status == DMR_STS_OK)
			continue;
		if (!may_be_media(status))
			return status;
		worst = DMR_STS_MEDIUM;
		job.failure = status;
		job.space->bad.add(static_cast<uint32_t>((at - piece).value));
	}
	return worst;
}

// status: what the block has answered when it was read alone. weak: it came, but not at once.
dmr_status ReadRecovery::retry_block(Job &job, MainBlock at, dmr_status status, bool &weak)
{
	bool at_once = status == DMR_STS_OK;

	for (uint32_t i = 0; i < p_.read_retries && status != DMR_STS_OK && dmr_now_ns() <= job.deadline; i++)
		status = io_->main_io(job, at, Blocks(1));
	weak = status == DMR_STS_OK && !at_once;
	return status;
}

// The remap stays whatever happens: nobody else has this data.
dmr_status ReadRecovery::read_spare(Job &job, const Segment &segment)
{
	if (!p_.members->present(segment.extent.member))
		return DMR_STS_MEDIUM;
	dmr_status status = io_->spare_io(job, segment, segment.start, segment.length);

	for (uint32_t i = 0; i < p_.read_retries && may_be_media(status) && dmr_now_ns() <= job.deadline; i++)
		status = io_->spare_io(job, segment, segment.start, segment.length);
	return status;
}

void ReadRecovery::record_pending(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;
	CommitTicket ticket;
	Error error = Error::none();

	// A disk that has gone away since its last good answer looks like a run of bad blocks.
	if (job.failure != DMR_STS_MEDIUM && !p_.main_test->reads(space.block, job.start, job.length))
		return;
	space.record_count = 0;
	for (auto run = space.bad.run_from(0); run.length > 0; run = space.bad.run_from(run.start + run.length))
		space.add_record({ (piece + Blocks(run.start)).value, 0, run.length, DMR_RECORD_PENDING, 0, 0 });
	ticket.records = std::span<const dmr_record>(space.records.data(), space.record_count);
	if (p_.read_only)
		error = p_.map->remember(ticket.records);
	else
		error = p_.map->commit(ticket);
	if (error.code() == ENOSPC)
		dmr_event(p_.inst, DMR_EVENT_MAP_FULL);
	const char *outcome = p_.read_only ? "known until this read-only table is gone" : "pending until they are written";

	dmr_log(p_.inst, DMR_LOG_WARN, "%u blocks of %u bytes cannot be read in the request at sector %llu: %s", space.bad.count(),
		p_.block_size.bytes(), static_cast<unsigned long long>(job.info.sector),
		error ? "they could not be recorded" : outcome);
	dmr_event(p_.inst, DMR_EVENT_PENDING);
}

} // namespace dm_remap
