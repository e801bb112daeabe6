// SPDX-License-Identifier: GPL-2.0
// SlowIo, relocation: the blocks that main (or their spare) refuses get new spare blocks.
#include "slow_io.hh"

#include <dm_remap/breaks.hh>

namespace dm_remap {

// Spare blocks that refuse their first write cost a round each.
static constexpr uint32_t placement_rounds = 4;
// A drive that has turned read-only may report that as medium errors: after so many refusals in a row main must show
// that it still takes writes. A failure that is not a medium error asks each time.
static constexpr uint32_t trusted_failures = 8;

// A run that continues the last record lengthens it.
void SlowIo::add_record(WorkerSpace &space, const dmr_record &record)
{
	if (space.record_count > 0) {
		dmr_record &last = space.records[space.record_count - 1];
		bool spare_follows = last.spare_block + last.length == record.spare_block && last.member == record.member;
		bool main_follows = last.main_block + last.length == record.main_block;

		if (last.kind == record.kind &&
		    ((record.kind == DMR_RECORD_MAP && main_follows && spare_follows) ||
		     (record.kind == DMR_RECORD_BAD_SPARE && spare_follows) ||
		     ((record.kind == DMR_RECORD_PENDING || record.kind == DMR_RECORD_CLEAR) && main_follows))) {
			last.length += record.length;
			return;
		}
	}
	space.records[space.record_count++] = record;
}

bool SlowIo::main_takes_writes(Job &job, MainBlock piece)
{
	uint32_t allowed = job.failure == DMR_STS_MEDIUM ? trusted_failures : 1;
	bool refused_now = false;

	for (uint32_t i = 0; i < BlockSet::capacity && !refused_now; i++) {
		refused_now = job.space->bad.has(i) && !job.space->was_pending.has(i) &&
			      !c_.store->lookup(piece + Blocks(i), piece + Blocks(i + 1)).found;
	}
	// Only blocks that were known before, or that fail on a spare: main is not accused of anything new.
	if (!refused_now || c_.main_test->failures() < allowed)
		return true;
	return c_.main_test->writes(job.space->block, job.start, job.length);
}

dmr_status SlowIo::relocate(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;

	if (c_.read_only)
		return job.failure;
	if (c_.store->failed())
		return without_spare(job, piece);
	if (!main_takes_writes(job, piece))
		return give_up(job, job.failure);

	// Again, as long as the spare that lost what was written to it is not the only one.
	for (uint32_t lost = 0;;) {
		space.unplaced = space.bad;
		if (place_all(job, piece) != DMR_STS_OK)
			return without_spare(job, piece);

		if (broken(Break::complete_before_commit) && job.length <= Blocks(BlockSet::capacity)) {
			dmr_request_end(job.req, DMR_STS_OK);
			job.req = nullptr;
			commit_records(job);
			return DMR_STS_OK;
		}
		dmr_status status = commit_records(job, &lost);

		if (broken(Break::data_after_record) && status == DMR_STS_OK)
			status = place_late(job);
		if (status == DMR_STS_NOSPC)
			dmr_event(c_.inst, DMR_EVENT_MAP_FULL);
		if (status == DMR_STS_OK)
			return status;
		if (!avoid(lost))
			return without_spare(job, piece);
		space.data_members = 0;
	}
}

// Spare blocks for all that is unplaced, written. Not OK: some are still without one.
dmr_status SlowIo::place_all(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;

	space.refusing_members = 0;
	for (uint32_t round = 0; round < placement_rounds && !space.unplaced.empty(); round++) {
		// Not one bad block but many: perhaps another spare does better.
		if (round == placement_rounds / 2)
			avoid(space.refusing_members);
		for (auto run = space.unplaced.run_from(0); run.length > 0;
		     run = space.unplaced.run_from(run.start + run.length)) {
			dmr_status status = place(job, piece, piece + Blocks(run.start), Blocks(run.length));

			if (status == DMR_STS_NOSPC)
				dmr_event(c_.inst, DMR_EVENT_SPARE_EXHAUSTED);
			if (status != DMR_STS_OK)
				return status;
		}
	}
	return space.unplaced.empty() ? static_cast<dmr_status>(DMR_STS_OK) : job.failure;
}

// Of Break::data_after_record: the data, when its record is durable.
dmr_status SlowIo::place_late(Job &job)
{
	dmr_status status = DMR_STS_OK;

	for (uint32_t i = 0; i < job.space->record_count && status == DMR_STS_OK; i++) {
		const dmr_record &record = job.space->records[i];

		if (record.kind == DMR_RECORD_MAP)
			status = spare_io_at(job, MainBlock(record.main_block), Blocks(record.length), record.member,
					     SpareBlock(record.spare_block), DMR_IO_FUA);
	}
	return status;
}

// Write [at, at + length) to newly allocated spare blocks. What was taken leaves the unplaced ones; what a spare
// block refused stays among them. NOSPC: the pool is empty.
dmr_status SlowIo::place(Job &job, MainBlock piece, MainBlock at, Blocks length)
{
	WorkerSpace &space = *job.space;

	while (length.value > 0) {
		// Room for the worst that one allocation can add: each block a record of its own.
		uint32_t room = static_cast<uint32_t>(space.records.size()) - space.record_count;

		if (room == 0)
			return job.failure;
		Result<dmr_spare_extent> spare = c_.store->allocate(length.value < room ? length : Blocks(room));

		if (!spare.ok())
			return spare.error().code() == ENOSPC ? DMR_STS_NOSPC : DMR_STS_RESOURCE;
		Blocks got(spare->length);
		dmr_status status = DMR_STS_OK;

		if (!space.data_members)
			space.placed_at = c_.flush_state->moment();

		if (!broken(Break::data_after_record))
			status = spare_io_at(job, at, got, spare->member, SpareBlock(spare->block), 0);
		if (status == DMR_STS_OK) {
			add_record(space, { at.value, spare->block, spare->length, DMR_RECORD_MAP, static_cast<uint8_t>(spare->member), 0 });
			for (uint32_t i = 0; i < got.value; i++)
				space.unplaced.remove(static_cast<uint32_t>((at - piece).value) + i);
		} else if (!may_be_media(status) || (status != DMR_STS_MEDIUM && !spare_answers(job, spare->member))) {
			c_.store->release(*spare);
			if (avoid(1u << spare->member))
				continue;
			return status;
		} else if (dmr_status gone = try_spare_blocks(job, piece, at, *spare)) {
			if (!avoid(1u << spare->member))
				return gone;
		}
		space.data_members |= 1u << spare->member;
		at = at + got;
		length = length - got;
	}
	return DMR_STS_OK;
}

// One of these spare blocks refused the write: find out which. Not OK: the member does not answer any more; the blocks
// that it was not asked for are free again.
dmr_status SlowIo::try_spare_blocks(Job &job, MainBlock piece, MainBlock at, const dmr_spare_extent &spare)
{
	for (uint32_t i = 0; i < spare.length; i++) {
		SpareBlock block(spare.block + i);
		dmr_status status = spare_io_at(job, at + Blocks(i), Blocks(1), spare.member, block, 0);
		uint8_t member = static_cast<uint8_t>(spare.member);

		if (status == DMR_STS_OK) {
			add_record(*job.space, { (at + Blocks(i)).value, block.value, 1, DMR_RECORD_MAP, member, 0 });
			job.space->unplaced.remove(static_cast<uint32_t>((at - piece).value) + i);
		} else if (!may_be_media(status) || (status != DMR_STS_MEDIUM && !spare_answers(job, spare.member))) {
			c_.store->release({ block.value, spare.length - i, spare.member });
			return status;
		} else {
			job.space->refusing_members |= 1u << spare.member;
			c_.counters->error(job.info.op);
			add_record(*job.space, { 0, block.value, 1, DMR_RECORD_BAD_SPARE, member, 0 });
		}
	}
	return DMR_STS_OK;
}

// Does the map still have this spare block, which refused a write, serve a block of the job?
bool SlowIo::serves_now(const Job &job, uint32_t member, uint64_t spare_block) const
{
	MainBlock end = job.start + job.length;

	for (MainBlock at = job.start; at < end;) {
		Segment segment = segment_at(at, end);
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
dmr_status SlowIo::commit_records(Job &job, uint32_t *lost_members)
{
	WorkerSpace &space = *job.space;
	CommitTicket ticket;

	ticket.records = std::span<const dmr_record>(space.records.data(), space.record_count);
	ticket.data_members = space.data_members;
	ticket.placed_at = space.placed_at;
	Error error = c_.store->commit(ticket);
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < ticket.committed; i++) {
		if (space.records[i].kind == DMR_RECORD_MAP)
			blocks += space.records[i].length;
	}
	if (blocks > 0 && job.remaps) {
		dmr_log(c_.inst, DMR_LOG_INFO, "remapped %llu blocks of %u bytes in the request at sector %llu",
			static_cast<unsigned long long>(blocks), c_.block_size.bytes(),
			static_cast<unsigned long long>(job.info.sector));
		if (c_.counters->remapped(blocks))
			dmr_event(c_.inst, DMR_EVENT_FIRST_REMAP);
	}
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
			c_.store->release({ record.spare_block, record.length, record.member });
		// Of one run some may serve, and the others have been allocated in vain.
		else if (bad) {
			for (uint64_t at = record.spare_block; at < record.spare_block + record.length; at++) {
				if (!serves_now(job, record.member, at))
					c_.store->release({ at, 1, record.member });
			}
		}
	}
	space.record_count = kept;
	if (lost_members)
		*lost_members = ticket.lost_members;
	return error.code() == ENOSPC ? static_cast<dmr_status>(DMR_STS_NOSPC) : job.failure;
}

// The request fails: what it had allocated is free again; spare blocks found bad are remembered all the same.
dmr_status SlowIo::give_up(Job &job, dmr_status status)
{
	WorkerSpace &space = *job.space;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < space.record_count; i++) {
		const dmr_record record = space.records[i];

		if (record.kind == DMR_RECORD_MAP)
			c_.store->release({ record.spare_block, record.length, record.member });
		else
			space.records[kept++] = record;
	}
	space.record_count = kept;
	space.data_members = 0;
	if (kept > 0 && !c_.store->failed())
		commit_records(job);
	return status;
}

// As the bare disk: what main refused has failed. Pending blocks it has not been asked yet: its answer stands, and one
// that takes the write is pending no more.
dmr_status SlowIo::without_spare(Job &job, MainBlock piece)
{
	WorkerSpace &space = *job.space;

	dmr_status failure = DMR_STS_OK;

	give_up(job, job.failure);
	space.record_count = 0;
	for (uint32_t i = 0; i < BlockSet::capacity; i++) {
		if (space.bad.has(i) && !space.was_pending.has(i))
			return job.failure;
	}
	for (auto run = space.was_pending.run_from(0); run.length > 0;
	     run = space.was_pending.run_from(run.start + run.length)) {
		MainBlock end = piece + Blocks(run.start + run.length);

		for (MainBlock at = piece + Blocks(run.start); at < end;) {
			Segment segment = segment_at(at, end);

			// A commit of this very request may have failed in its midst.
			if (segment.found && segment.extent.kind == ExtentKind::in_doubt)
				return job.failure;
			at = at + segment.length;
			if (segment.found && segment.extent.kind == ExtentKind::mapped)
				continue;
			dmr_status status = main_io(job, segment.start, segment.length);

			if (status != DMR_STS_OK && !broken(Break::clear_pending_on_failure))
				return status;
			failure = status != DMR_STS_OK ? status : failure;
			add_record(space, { segment.start.value, 0, static_cast<uint32_t>(segment.length.value), DMR_RECORD_CLEAR, 0, 0 });
		}
	}
	// Should these records be lost, the blocks stay pending: main holds their only copy, which is true.
	if (!c_.store->failed())
		commit_records(job);
	return failure;
}

} // namespace dm_remap
