// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/read_recovery.hh"

namespace dm_remap {

dmr_status ReadRecovery::read(Job &job)
{
	MainBlock end = job.start + job.length;
	dmr_status worst = DMR_STS_OK;

	// The other pieces are read all the same: their bad blocks should be known too.
	for (MainBlock at = job.start; at < end;) {
		Blocks length = p_.physical.cut(at, Blocks(BlockSet::capacity), end) - at;
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
	// That it failed in the reader's own I/O says nothing of a block: one command may have carried its neighbours too.
	Narrowing search(p_.physical, first, first + length, job.length, asked_before(job));
	dmr_status worst = DMR_STS_OK;

	for (bool tried = false; !search.done(); tried = true) {
		// Untried blocks fail without becoming pending: nothing is known of them. But each request that fails finds one bad
		// block, or the next would fail for the same.
		if (tried && dmr_now_ns() > job.deadline && (job.found_bad || !search.suspects())) {
			job.cut_short = true;
			return DMR_STS_MEDIUM;
		}
		MainBlock at = search.at();
		Blocks part = search.length();
		uint32_t offset = static_cast<uint32_t>((at - piece).value), count = static_cast<uint32_t>(part.value);
		dmr_status status = io_->main_io(job, at, part);

		if (status != DMR_STS_OK && !may_be_media(status))
			return status;
		if (search.alone()) {
			if (dmr_status gone = ask_main(job, status))
				return gone;
			if (status != DMR_STS_OK) {
				status = retry(job, at, part, status);
				if (status == DMR_STS_OK)
					job.space->weak.add(offset, count);
				else if (!may_be_media(status))
					return status;
			}
		}
		if (status == DMR_STS_OK) {
			job.main_tested = true;
			search.passed();
			continue;
		}
		if (search.alone()) {
			job.space->bad.add(offset, count);
			job.failure = status;
			job.found_bad = true;
			worst = DMR_STS_MEDIUM;
		}
		search.failed();
	}
	return worst;
}

// Timeouts and unplugged disks look like bad blocks too: asked before a search that would take minutes. Not OK: main as a
// whole fails. status: what a block has answered.
dmr_status ReadRecovery::ask_main(Job &job, dmr_status status)
{
	if (!job.main_tested && status != DMR_STS_OK && status != DMR_STS_MEDIUM &&
	    !p_.main_test->reads(job.space->block, job.start, job.length))
		return status;
	job.main_tested = true;
	return DMR_STS_OK;
}

// Again, what has failed when it was read alone.
dmr_status ReadRecovery::retry(Job &job, MainBlock at, Blocks length, dmr_status status)
{
	for (uint32_t i = 0; i < p_.read_retries && may_be_media(status) && dmr_now_ns() <= job.deadline; i++)
		status = io_->main_io(job, at, length);
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
	space.add_bad(DMR_RECORD_PENDING, piece);
	ticket.records = std::span<const dmr_record>(space.records.data(), space.record_count);
	if (p_.read_only)
		error = p_.map->remember(ticket.records);
	else
		error = p_.map->commit(ticket);
	if (!error)
		job.recorded += space.bad.count();
	if (error.code() == ENOSPC)
		dmr_event(p_.inst, DMR_EVENT_MAP_FULL);
	const char *outcome = p_.read_only ? "known until this read-only table is gone" : "pending until they are written";

	dmr_log(p_.inst, DMR_LOG_WARN, "%u blocks of %u bytes cannot be read in the request at sector %llu: %s", space.bad.count(),
		p_.block_size.bytes(), static_cast<unsigned long long>(job.info.sector),
		error ? "they could not be recorded" : outcome);
	dmr_event(p_.inst, DMR_EVENT_PENDING);
}

} // namespace dm_remap
