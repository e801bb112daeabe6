// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/write_recovery.hh"

namespace dm_remap {

dmr_status WriteRecovery::write(Job &job)
{
	MainBlock end = job.start + job.length;

	job.flushes_main = job.info.flags & DMR_IO_FUA && p_.main_flush->is_behind();
	job.main_moment = p_.main_flush->moment();
	for (MainBlock at = job.start; at < end;) {
		Blocks length = p_.physical.cut(at, Blocks(BlockSet::capacity), end) - at;

		job.may_leave = job.req && at + length == end && !job.flushes_main;
		if (dmr_status status = write_piece(job, at, length))
			return status;
		at = at + length;
	}
	return job.flushes_main && job.wrote_main ? p_.main_flush->make_durable(job.main_moment) : static_cast<dmr_status>(DMR_STS_OK);
}

dmr_status WriteRecovery::write_piece(Job &job, MainBlock first, Blocks length)
{
	WorkerSpace &space = *job.space;
	MainBlock end = first + length;

	space.begin_piece();
	for (MainBlock at = first; at < end;) {
		Segment segment = io_->segment_at(at, end);
		dmr_status status = DMR_STS_OK;

		if (!segment.found) {
			status = try_main(job, first, at, segment.length);
		} else if (segment.is(ExtentKind::mapped)) {
			status = rewrite_spare(job, first, segment);
		} else if (segment.is(ExtentKind::pending) || segment.is(ExtentKind::lost)) {
			uint32_t offset = static_cast<uint32_t>((at - first).value);

			space.bad.add(offset, static_cast<uint32_t>(segment.length.value));
			space.known_before.add(offset, static_cast<uint32_t>(segment.length.value));
		} else {
			status = DMR_STS_IOERR;
		}
		if (status != DMR_STS_OK)
			return status;
		at = at + segment.length;
	}
	if (space.bad.empty())
		return DMR_STS_OK;
	return relocation_->relocate(job, first);
}

// Main again, narrowed down to the blocks that refuse the write. OK: what failed is in the set of bad blocks.
// Anything else is a failure of main as a whole, or one that nobody can heal, and goes up.
dmr_status WriteRecovery::try_main(Job &job, MainBlock piece, MainBlock first, Blocks length)
{
	MainBlock end = first + length;
	Narrowing search(p_.physical, first, end, job.length, asked_before(job));

	for (bool tried = false; !search.done(); tried = true) {
		MainBlock at = search.at();
		Blocks part = search.length();

		if (tried && dmr_now_ns() > job.deadline) {
			skip_trials(job, piece, at, end - at);
			break;
		}
		dmr_status status = io_->main_io(job, at, part);

		if (status == DMR_STS_OK) {
			p_.main_test->write_succeeded();
			job.main_tested = job.wrote_main = true;
			search.passed();
			continue;
		}
		if (!may_be_media(status))
			return status;
		job.failure = status;
		if (search.alone()) {
			// Timeouts and unplugged disks look like this too: ask before a search that would take minutes.
			job.vouched_for = !job.main_tested && status != DMR_STS_MEDIUM;
			if (job.vouched_for && !p_.main_test->writes(job.space->block, job.start, job.length))
				return status;
			job.main_tested = job.found_bad = true;
			job.space->bad.add(static_cast<uint32_t>((at - piece).value), static_cast<uint32_t>(part.value));
			p_.main_test->write_failed();
		}
		search.failed();
	}
	return DMR_STS_OK;
}

// There is no time left to ask main for each: they are parts of what it refused, and go to a spare.
void WriteRecovery::skip_trials(Job &job, MainBlock piece, MainBlock at, Blocks length)
{
	uint64_t physical = length.value / p_.physical.size().value;

	job.found_bad = true;
	job.vouched_for = false;
	job.space->bad.add(static_cast<uint32_t>((at - piece).value), static_cast<uint32_t>(length.value));
	p_.main_test->write_failed(physical > 0 ? static_cast<uint32_t>(physical) : 1);
	p_.counters->add(&CounterValues::untested, length.value);
	dmr_log(p_.inst, DMR_LOG_WARN, "main is too slow to ask it for each block of the request at sector %llu: %llu blocks go to a spare untested",
		static_cast<unsigned long long>(job.info.sector), length.print());
}

// Blocks that live on a spare. A spare block that refuses the write is bad for good; its main block moves elsewhere.
dmr_status WriteRecovery::rewrite_spare(Job &job, MainBlock piece, const Segment &segment)
{
	uint32_t member = segment.extent.member;
	auto all_refused = [&] {
		job.space->bad.add(static_cast<uint32_t>((segment.start - piece).value), static_cast<uint32_t>(segment.length.value));
		return static_cast<dmr_status>(DMR_STS_OK);
	};

	// Nothing is known against the spare blocks of a member that is not there, and nobody can read them.
	if (!p_.members->present(member))
		return all_refused();
	dmr_status status = io_->spare_io(job, segment, segment.start, segment.length);

	if (status == DMR_STS_OK || !may_be_media(status))
		return status;
	if (status != DMR_STS_MEDIUM && !io_->spare_answers(job, member)) {
		job.failure = status;
		if (!io_->avoid(1u << member))
			return status;
		return all_refused();
	}
	for (Blocks i; i < segment.length; i = i + Blocks(1)) {
		MainBlock at = segment.start + i;

		status = io_->spare_io(job, segment, at, Blocks(1));
		if (status == DMR_STS_OK)
			continue;
		if (!may_be_media(status))
			return status;
		job.failure = status;
		p_.counters->error(job.info.op);
		job.space->bad.add(static_cast<uint32_t>((at - piece).value));
		SpareBlock refused = segment.spare_of(at);

		// It may have found no other place when it was recorded.
		if (!p_.map->spares().is_bad({ refused.value, 1, segment.extent.member }))
			job.space->add_record({ 0, refused.value, 1, DMR_RECORD_BAD_SPARE, segment.extent.member, 0 });
	}
	return DMR_STS_OK;
}

} // namespace dm_remap
