// SPDX-License-Identifier: GPL-2.0
// Mover, the jobs remap, unremap, retry_pending, guard and unguard: once through a part of main, from its beginning to its end.
#include "core/recovery/mover.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

void Mover::walk()
{
	while (!stopping() && at_ < end_) {
		if (!step())
			return;
	}
	if (at_ < end_ || (about_guard() && !look_at_guard()))
		return;
	finish(nullptr);
}

const char *Mover::name_of(Kind kind)
{
	static constexpr const char *names[] = { "none", "remove_spare", "remap", "unremap", "retry_pending", "guard", "unguard" };

	return names[static_cast<uint8_t>(kind)];
}

// Is the job about blocks of which the index says this?
bool Mover::wants(const IndexAnswer &answer) const
{
	const bool pending = answer.found && answer.extent.kind == ExtentKind::pending;
	const bool mapped = answer.found && answer.extent.kind == ExtentKind::mapped;

	switch (kind()) {
	case Kind::remap:
		return !answer.found || pending;
	case Kind::unremap:
		return mapped && !answer.extent.guarded;
	case Kind::guard:
		return !answer.found || pending || mapped;
	case Kind::unguard:
		return mapped && answer.extent.guarded;
	default:
		return pending;
	}
}

// The first block from `at` on that is to be guarded, and the end of the part that it is in; end_ if there is none.
MainBlock Mover::next_named(MainBlock at, MainBlock &end) const
{
	MainBlock first = end = end_;

	for (uint32_t i = 0; i < guarding_.count; i++) {
		const Guarding::Part &part = guarding_.parts[i];
		const MainBlock from = part.from < at ? at : part.from;

		if (part.end > at && from < first) {
			first = from;
			end = part.end;
		}
	}
	return first;
}

// The first block from `at` on that the job is about, and where what the index says of it stops.
MainBlock Mover::next_wanted(MainBlock at, MainBlock end, MainBlock &stop) const
{
	for (; at < end; at = stop) {
		MainBlock part_end = end;

		if (kind() == Kind::guard)
			at = next_named(at, part_end);
		if (at >= end)
			break;
		const IndexAnswer answer = c_.map->lookup(at, part_end);

		stop = answer.extent.end() < part_end ? answer.extent.end() : part_end;
		if (wants(answer))
			break;
	}
	return at;
}

// Caller holds the range, drained. Half of the buffer is for what is read back.
BlockMove::ByHand Mover::move_by_hand(MainBlock start, Blocks length, bool narrow)
{
	switch (kind()) {
	case Kind::unremap:
	case Kind::unguard:
		return c_.move->give_back(start, length, kind() == Kind::unguard, narrow, buffer_, buffer_ + buffer_bytes / 2, *space_);
	case Kind::guard:
		return c_.move->guard(start, length, guarding_.stamp, narrow, buffer_, *space_);
	default:
		return c_.move->save(start, length, narrow, kind() == Kind::retry ? BlockMove::Save::pending : BlockMove::Save::all,
				     buffer_, *space_);
	}
}

// One piece, or what is wanted next. False: the job has failed, and that is said.
bool Mover::step()
{
	MainBlock stop = end_, start = next_wanted(at_, end_, stop);
	BlockMove::ByHand result;

	if (start >= end_) {
		__atomic_store_n(&at_.value, end_.value, __ATOMIC_RELAXED);
		return true;
	}
	Blocks half(most().value / 2), piece = gives_back() ? half : most();
	Blocks unit = c_.physical.unit(start, stop), length = c_.physical.cut(start, piece, stop) - start;

	if (start < narrow_until_ && unit < length)
		length = unit;
	bool narrow = start < narrow_until_ || length == unit;
	uint32_t range = c_.ranges->take(start, length);

	const bool drained = !dmr_drain(c_.inst, dmr_now_ns() + drain_ns);

	not_drained_ = drained ? 0 : not_drained_ + 1;
	if (not_drained_ == most_drains)
		result.failure = "I/O that began earlier does not come to an end";
	else if (kind() == Kind::guard && !c_.map->complete())
		result.failure = BlockMove::not_all_know;
	else if (drained)
		result = move_by_hand(start, length, narrow);
	c_.queue->push_front(c_.ranges->release(range));
	// The next range is near, and they may want a part of that, too.
	c_.ranges->let_in(dmr_now_ns() + drain_ns);
	__atomic_store_n(&moved_, moved_ + result.moved, __ATOMIC_RELAXED);
	__atomic_store_n(&unreadable_, unreadable_ + result.unreadable, __ATOMIC_RELAXED);
	__atomic_store_n(&refused_, refused_ + result.refused, __ATOMIC_RELAXED);
	if (result.failure) {
		finish(result.failure);
		return false;
	}
	if (result.narrow)
		narrow_until_ = start + length;
	__atomic_store_n(&at_.value, (drained && !result.narrow ? start + length : start).value, __ATOMIC_RELAXED);
	return true;
}

// What is on main now. False: told to stop.
bool Mover::look_at_guard()
{
	uint64_t sector = 0;
	const GuardState::Scope scope = { .buffer = buffer_, .deadline_ns = 0, .stop = &stop_ };

	return c_.guard->look(guarding_.stamp, scope, &sector) != GuardState::Outcome::stopped;
}

// Said before it ends: whoever starts another one then has the numbers set to zero.
void Mover::finish(const char *failure)
{
	const unsigned long long sector = c_.block_size.to_sectors(at_).value, moved = moved_, unreadable = unreadable_;

	if (failure)
		dmr_log(c_.inst, DMR_LOG_ERR, "%s ends at sector %llu: %s (%llu blocks moved)", name_of(kind()), sector, failure, moved);
	else if (kind() == Kind::unguard)
		dmr_log(c_.inst, DMR_LOG_INFO, "unguard is done: %llu blocks moved, %llu cannot be read, main does not take back %llu; %llu blocks are guarded still",
			moved, unreadable, static_cast<unsigned long long>(refused_), c_.map->index().guarded().print());
	else if (kind() == Kind::unremap)
		dmr_log(c_.inst, DMR_LOG_INFO, "unremap is done: %llu blocks moved, %llu cannot be read, main does not take back %llu",
			moved, unreadable, static_cast<unsigned long long>(refused_));
	else if (kind() == Kind::guard)
		dmr_log(c_.inst, DMR_LOG_INFO, "guard is done: %llu blocks have their guard on main, %llu cannot be read, main does not take it at %llu",
			moved, unreadable, static_cast<unsigned long long>(refused_));
	else
		dmr_log(c_.inst, DMR_LOG_INFO, "%s is done: %llu blocks moved, %llu cannot be read", name_of(kind()), moved, unreadable);
	end(failure ? State::failed : State::done);
	dmr_event(c_.inst, DMR_EVENT_JOB_ENDED);
}

} // namespace dm_remap
