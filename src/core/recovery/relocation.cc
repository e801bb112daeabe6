// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/relocation.hh"

#include "core/recovery/deferred_writes.hh"

namespace dm_remap {

// Spare blocks that refuse their first write cost a round each.
static constexpr uint32_t relocation_rounds = 4;
// A drive that has turned read-only may report that as medium errors: after so many refusals in a row main must show
// that it still takes writes. A failure that is not a medium error asks each time.
static constexpr uint32_t trusted_failures = 8;

bool Relocation::main_takes_writes(Job &job, MainBlock piece)
{
	uint32_t allowed = job.failure == DMR_STS_MEDIUM ? trusted_failures : 1;
	bool refused_now = false;

	// It has shown it just now.
	if (job.vouched_for)
		return true;
	for (uint32_t i = 0; i < BlockSet::capacity && !refused_now; i++) {
		refused_now = job.space->bad.has(i) && !job.space->known_before.has(i) &&
			      !p_.map->lookup(piece + Blocks(i), piece + Blocks(i + 1)).found;
	}
	// Only blocks that were known before, or that fail on a spare: main is not accused of anything new.
	if (!refused_now || p_.main_test->failures() < allowed)
		return true;
	return p_.main_test->writes(job.space->block, job.start, job.length);
}

dmr_status Relocation::relocate(Job &job, MainBlock piece)
{
	if (p_.read_only)
		return job.failure;
	if (p_.map->failed())
		return without_spare(job, piece);
	if (!main_takes_writes(job, piece))
		return give_up(job, job.failure);
	job.piece = piece;
	return place_and_commit(job, piece);
}

dmr_status Relocation::relocate_again(Job &job)
{
	return p_.map->failed() ? without_spare(job, job.piece) : place_and_commit(job, job.piece);
}

// Spare blocks for all that is bad, and its records.
dmr_status Relocation::place_and_commit(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;

	// Again, as long as the spare that lost what was written to it is not the only one.
	for (uint32_t lost = 0;;) {
		space.to_relocate = space.bad;
		p_.map->announce();
		if (relocate_blocks(job, piece) != DMR_STS_OK) {
			p_.map->withdraw();
			return without_spare(job, piece);
		}
		if (p_.deferred->take(job))
			return DMR_STS_OK;
		dmr_status status = commit_records(job, &lost, true);

		if (status == DMR_STS_NOSPC)
			dmr_event(p_.inst, DMR_EVENT_MAP_FULL);
		if (status == DMR_STS_OK)
			return status;
		if (!io_->avoid(lost))
			return without_spare(job, piece);
		space.data_members = 0;
	}
}

// Spare blocks for all that is to_relocate, written. Not OK: some are still without one.
dmr_status Relocation::relocate_blocks(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;

	space.refusing_members = 0;
	for (uint32_t round = 0; round < relocation_rounds && !space.to_relocate.empty(); round++) {
		// Not one bad block but many: perhaps another spare does better.
		if (round == relocation_rounds / 2)
			io_->avoid(space.refusing_members);
		for (auto run = space.to_relocate.run_from(0); run.length > 0;
		     run = space.to_relocate.run_from(run.start + run.length)) {
			dmr_status status = relocate_run(job, piece, piece + Blocks(run.start), Blocks(run.length));

			if (status == DMR_STS_NOSPC)
				dmr_event(p_.inst, DMR_EVENT_SPARE_EXHAUSTED);
			if (status != DMR_STS_OK)
				return status;
		}
	}
	return space.to_relocate.empty() ? static_cast<dmr_status>(DMR_STS_OK) : job.failure;
}

// Write [at, at + length) to newly allocated spare blocks. What was taken leaves the to_relocate ones; what a spare
// block refused stays among them. NOSPC: the pool is empty.
dmr_status Relocation::relocate_run(Job &job, MainBlock piece, MainBlock at, Blocks length)
{
	WorkerSpace &space = *job.space;

	while (length.value > 0) {
		// Room for the worst that one allocation can add: each block a record of its own.
		uint32_t room = static_cast<uint32_t>(space.records.size()) - space.record_count;

		if (room == 0)
			return job.failure;
		Result<dmr_spare_extent> spare = p_.map->spares().allocate(length.value < room ? length : Blocks(room));

		if (!spare.ok())
			return spare.error().code() == ENOSPC ? DMR_STS_NOSPC : DMR_STS_RESOURCE;
		Blocks got(spare->length);
		dmr_status status = DMR_STS_OK;

		if (!space.data_members)
			space.data_moment = p_.flush_state->moment();

		status = io_->spare_io_at(job, at, got, spare->member, SpareBlock(spare->block), 0);
		if (status == DMR_STS_OK) {
			add_mapped(job, at, *spare);
			space.to_relocate.remove(static_cast<uint32_t>((at - piece).value), static_cast<uint32_t>(got.value));
		} else if (!may_be_media(status) || (status != DMR_STS_MEDIUM && !io_->spare_answers(job, spare->member))) {
			p_.map->release(*spare);
			if (io_->avoid(1u << spare->member))
				continue;
			return status;
		} else if (dmr_status gone = try_spare_blocks(job, piece, at, *spare)) {
			if (!io_->avoid(1u << spare->member))
				return gone;
		}
		space.data_members |= 1u << spare->member;
		at = at + got;
		length = length - got;
	}
	return DMR_STS_OK;
}

// Records: the blocks from `at` on live on these spare blocks. What is guarded stays so wherever it lives, as main does not have
// its data.
void Relocation::add_mapped(Job &job, MainBlock at, const dmr_spare_extent &spare)
{
	const MainBlock start = at, end = at + Blocks(spare.length);

	while (at < end) {
		const Segment segment = io_->segment_at(at, end);
		const bool guarded = job.guards || segment.guarded();

		job.space->add_record({ at.value, (SpareBlock(spare.block) + (at - start)).value,
					static_cast<uint32_t>(segment.length.value), DMR_RECORD_MAP, static_cast<uint8_t>(spare.member),
					static_cast<uint16_t>(guarded ? DMR_RECORD_GUARDED : 0) });
		at = at + segment.length;
	}
}

// One of these spare blocks refused the write: find out which. Not OK: the member does not answer any more; the blocks
// that it was not asked for are free again.
dmr_status Relocation::try_spare_blocks(Job &job, MainBlock piece, MainBlock at, const dmr_spare_extent &spare)
{
	for (uint32_t i = 0; i < spare.length; i++) {
		SpareBlock block(spare.block + i);
		dmr_status status = io_->spare_io_at(job, at + Blocks(i), Blocks(1), spare.member, block, 0);
		uint8_t member = static_cast<uint8_t>(spare.member);

		if (status == DMR_STS_OK) {
			add_mapped(job, at + Blocks(i), { block.value, 1, spare.member });
			job.space->to_relocate.remove(static_cast<uint32_t>((at - piece).value) + i);
		} else if (!may_be_media(status) || (status != DMR_STS_MEDIUM && !io_->spare_answers(job, spare.member))) {
			p_.map->release({ block.value, spare.length - i, spare.member });
			return status;
		} else {
			job.space->refusing_members |= 1u << spare.member;
			p_.counters->error(job.info.op);
			job.space->add_record({ 0, block.value, 1, DMR_RECORD_BAD_SPARE, member, 0 });
		}
	}
	return DMR_STS_OK;
}

// Does the map still have this spare block, which refused a write, serve a block of the job?
bool Relocation::serves_now(const Job &job, uint32_t member, uint64_t spare_block) const
{
	MainBlock end = job.start + job.length;

	for (MainBlock at = job.start; at < end;) {
		Segment segment = io_->segment_at(at, end);
		uint64_t first = segment.extent.spare.value;

		if (segment.found && segment.extent.kind == ExtentKind::mapped && segment.extent.member == member &&
		    spare_block >= first && spare_block < first + segment.extent.length.value)
			return true;
		at = at + segment.length;
	}
	return false;
}

// NOSPC: the map is full. On any failure the spare blocks that no record speaks of are free again. lost_members: those
// whose flush failed.
dmr_status Relocation::commit_records(Job &job, uint32_t *lost_members, bool announced)
{
	WorkerSpace &space = *job.space;
	CommitTicket ticket;

	ticket.records = std::span<const dmr_record>(space.records.data(), space.record_count);
	ticket.data_members = space.data_members;
	ticket.data_moment = space.data_moment;
	ticket.announced = announced;
	Error error = p_.map->commit(ticket);

	if (job.remaps)
		p_.note_remapped(ticket.records.first(ticket.committed), job.info.sector, !job.told_at_end);
	if (!error)
		return DMR_STS_OK;
	// What is in doubt stays allocated: a later load may find it in use.
	uint32_t kept = 0;

	for (uint32_t i = ticket.committed; i < space.record_count && !ticket.in_doubt; i++) {
		const dmr_record record = space.records[i];
		bool bad = record.kind == DMR_RECORD_BAD_SPARE;

		// The next attempt records it.
		if (bad && lost_members && ticket.lost_members)
			space.records[kept++] = record;
		else if (record.kind == DMR_RECORD_MAP)
			p_.map->release({ record.spare_block, record.length, record.member });
		// Of one run some may serve, and the others have been allocated in vain.
		else if (bad) {
			for (uint64_t at = record.spare_block; at < record.spare_block + record.length; at++) {
				if (!serves_now(job, record.member, at))
					p_.map->release({ at, 1, record.member });
			}
		}
	}
	space.record_count = kept;
	if (lost_members)
		*lost_members = ticket.lost_members;
	return error.code() == ENOSPC ? static_cast<dmr_status>(DMR_STS_NOSPC) : job.failure;
}

// The request fails: what it had allocated is free again; spare blocks found bad are remembered all the same.
dmr_status Relocation::give_up(Job &job, dmr_status status)
{
	WorkerSpace &space = *job.space;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < space.record_count; i++) {
		const dmr_record record = space.records[i];

		if (record.kind == DMR_RECORD_MAP)
			p_.map->release({ record.spare_block, record.length, record.member });
		else
			space.records[kept++] = record;
	}
	space.record_count = kept;
	space.data_members = 0;
	if (kept > 0 && !p_.map->failed())
		commit_records(job);
	return status;
}

// As the bare disk: what main refused has failed. Of pending and lost blocks it has not been asked yet: its answer stands,
// and one that takes the write is neither any more.
dmr_status Relocation::without_spare(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;
	bool any_lost = false;

	give_up(job, job.failure);
	space.record_count = 0;
	for (uint32_t i = 0; i < BlockSet::capacity; i++) {
		if (space.bad.has(i) && !space.known_before.has(i))
			return job.failure;
	}
	for (auto run = space.known_before.run_from(0); run.length > 0;
	     run = space.known_before.run_from(run.start + run.length)) {
		MainBlock end = piece + Blocks(run.start + run.length);

		for (MainBlock at = piece + Blocks(run.start); at < end;) {
			Segment segment = io_->segment_at(at, end);

			// A commit of this very request may have failed in its midst.
			if (segment.found && segment.extent.kind == ExtentKind::in_doubt)
				return job.failure;
			at = at + segment.length;
			if (segment.found && segment.extent.kind == ExtentKind::mapped)
				continue;
			bool lost = segment.is(ExtentKind::lost);

			// What main held of a lost block is outdated: it must not come back when the record says that main serves.
			if (lost && p_.map->failed())
				return job.failure;
			const uint32_t moment = p_.main_flush->moment();
			const bool flushes = lost && p_.main_flush->is_behind();
			dmr_status status = io_->main_io(job, segment.start, segment.length, lost && !flushes ? DMR_IO_FUA : 0);

			if (status == DMR_STS_OK && flushes)
				status = p_.main_flush->make_durable(moment);
			if (status != DMR_STS_OK)
				return status;
			any_lost |= lost;
			job.wrote_main = true;
			space.add_record({ segment.start.value, 0, static_cast<uint32_t>(segment.length.value), DMR_RECORD_CLEAR, 0, 0 });
		}
	}
	dmr_status status = p_.map->failed() ? job.failure : commit_records(job);

	// Should these records not be made, pending blocks stay pending: main holds their only copy, which is true. Lost ones
	// would stay lost, and what was written now is not to be had.
	if (!any_lost)
		return DMR_STS_OK;
	// That the map has no room is not for users, who would take the device for full.
	return status == DMR_STS_NOSPC ? job.failure : status;
}

} // namespace dm_remap
