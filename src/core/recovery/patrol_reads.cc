// SPDX-License-Identifier: GPL-2.0
// Patrol, what it reads, and what it does about what does not come.
#include "core/recovery/deadlines.hh"
#include "core/recovery/patrol.hh"

namespace dm_remap {

static constexpr const char *silent_text = "main does not answer";

// From `at` to `next`: as far as the index says one thing of it.
const char *Patrol::read_at(MainBlock at, MainBlock &next, uint64_t number)
{
	const IndexAnswer answer = c_.map->lookup(at, c_.end);
	const MainBlock stop = answer.extent.end() < c_.end ? answer.extent.end() : c_.end;

	if (answer.found && answer.extent.kind != ExtentKind::mapped) {
		next = stop;
		return nullptr;
	}
	if (answer.found) {
		next = read_spares(at, c_.physical.cut(at, piece(), stop) - at);
		undrained_ = next == at ? undrained_ + 1 : 0;
		if (undrained_ < most_drains)
			return nullptr;
		undrained_ = 0;
		return "I/O that began earlier does not come to an end";
	}
	const Blocks most = c_.block_size.to_blocks(Sectors(most_sectors)), part(c_.end.value / 64 + 1);

	next = c_.physical.cut(at, part < most ? part : most, stop);
	const uint32_t sectors = static_cast<uint32_t>(c_.block_size.to_sectors(next - at).value);
	const dmr_status status = dmr_device_check(c_.main, c_.block_size.to_sectors(at).value, sectors, scratch_);

	own_sectors_ += sectors;
	count_read(next - at);
	if (status == DMR_STS_OK)
		return nullptr;
	looked_closer_ = true;
	const MainBlock end = next;

	next = at;
	return may_be_media(status) ? look_closer(next, end, status, number) : silent_text;
}

// Main has refused to give all of [at, end), with this status. `at` moves on with what has been looked at: not all, if something else
// is wanted meanwhile.
const char *Patrol::look_closer(MainBlock &at, MainBlock end, dmr_status status, uint64_t number)
{
	const char *trouble = nullptr;

	while (at < end && !trouble && goes_on(number)) {
		const MainBlock stop = c_.physical.cut(at, piece(), end);
		bool again = false;
		const uint32_t range = c_.ranges->take(at, stop - at);

		trouble = serve_piece(at, stop, status, again);
		let_go(range);
		if (!trouble && !again)
			at = stop;
	}
	return trouble;
}

// As a user's read of what lives on main there; caller holds the range. again: not all of it was asked, and some of it is known to
// be bad now.
const char *Patrol::serve_piece(MainBlock start, MainBlock end, dmr_status status, bool &again)
{
	for (MainBlock at = start; at < end && !again;) {
		const IndexAnswer answer = c_.map->lookup(at, end);
		const MainBlock stop = answer.extent.end() < end ? answer.extent.end() : end;
		Job job;

		job.own = buffer_;
		job.info = { .op = DMR_OP_READ,
			     .sector = c_.block_size.to_sectors(at).value,
			     .sectors = static_cast<uint32_t>(c_.block_size.to_sectors(stop - at).value),
			     .flags = 0,
			     .main_moment = 0,
			     .failed = status };
		job.start = at;
		job.length = stop - at;
		job.space = space_;
		at = stop;
		// What is pending has been asked before, and what has come to a spare meanwhile was written there just now.
		if (answer.found)
			continue;
		const dmr_status outcome = c_.recovery->serve(job);

		count(&Counts::rescued, job.rescued);
		count(&Counts::pending, job.recorded);
		if (outcome != DMR_STS_OK && outcome != DMR_STS_MEDIUM)
			return silent_text;
		// What nobody will know of must not count as read.
		if (outcome == DMR_STS_MEDIUM && job.recorded == 0)
			return job.cut_short ? "main takes too long to answer" : "what cannot be read there cannot be recorded: the map is full, or its spares fail";
		again = job.cut_short;
	}
	return nullptr;
}

void Patrol::let_go(uint32_t range)
{
	c_.queue->push_front(c_.ranges->release(range));
	// The next range is near, and users may want a part of that, too.
	c_.ranges->let_in(dmr_now_ns() + drain_ns);
}

// All before the answer was asked.
MainBlock Patrol::read_spares(MainBlock at, Blocks length)
{
	MainBlock end;
	const uint32_t range = c_.ranges->take(at, length);
	const BlockMove::Moved moved = c_.recovery->move().refresh(at, length, buffer_, *space_, end);

	let_go(range);
	count_read(end - at);
	count(&Counts::spare_moved, moved.moved);
	count(&Counts::spare_unreadable, moved.unreadable);
	if (moved.unreadable > 0)
		dmr_log(c_.inst, DMR_LOG_WARN, "%u blocks of %u bytes of main at sector %llu cannot be read on the spare where they live: they fail until they are written",
			moved.unreadable, c_.block_size.bytes(), c_.block_size.to_sectors(at).print());
	if (moved.without_place > 0)
		dmr_log(c_.inst, DMR_LOG_WARN, "%u blocks of %u bytes of main at sector %llu live on weak spare blocks, and there are no others: add a spare",
			moved.without_place, c_.block_size.bytes(), c_.block_size.to_sectors(at).print());
	return end;
}

void Patrol::count(uint64_t Counts::*counter, uint64_t blocks)
{
	MutexGuard guard(lock_);

	if (pass_ == works_for_)
		counts_.*counter += blocks;
}

void Patrol::count_read(Blocks length)
{
	count(&Counts::read, length.value);
	to_pace_ += c_.block_size.to_sectors(length).value;
}

} // namespace dm_remap
