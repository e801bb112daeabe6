// SPDX-License-Identifier: GPL-2.0
// Mover, the jobs remap, unremap and retry_pending: once through a part of main, from its beginning to its end.
#include "core/recovery/mover.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

void Mover::walk()
{
	while (!stopping() && at_ < end_) {
		if (!step())
			return;
	}
	if (at_ < end_)
		return;
	finish(nullptr);
}

const char *Mover::name_of(Kind kind)
{
	static constexpr const char *names[] = { "none", "remove_spare", "remap", "unremap", "retry_pending" };

	return names[static_cast<uint8_t>(kind)];
}

// The first block from `at` on that the job is about, and where what the index says of it stops.
MainBlock Mover::next_wanted(MainBlock at, MainBlock end, MainBlock &stop) const
{
	for (; at < end; at = stop) {
		IndexAnswer answer = c_.map->lookup(at, end);
		bool pending = answer.found && answer.extent.kind == ExtentKind::pending;
		bool mapped = answer.found && answer.extent.kind == ExtentKind::mapped;

		stop = answer.extent.end() < end ? answer.extent.end() : end;
		if (kind() == Kind::remap ? !answer.found || pending : kind() == Kind::unremap ? mapped : pending)
			break;
	}
	return at;
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
	// Half of the buffer is for what is read back.
	Blocks half(most().value / 2), piece = kind() == Kind::unremap ? half : most();
	Blocks unit = c_.physical.unit(start, stop), length = c_.physical.cut(start, piece, stop) - start;

	if (start < narrow_until_ && unit < length)
		length = unit;
	bool narrow = start < narrow_until_ || length == unit;
	uint32_t range = c_.ranges->take(start, length);

	const bool drained = !dmr_drain(c_.inst, dmr_now_ns() + drain_ns);

	not_drained_ = drained ? 0 : not_drained_ + 1;
	if (not_drained_ == most_drains)
		result.failure = "I/O that began earlier does not come to an end";
	else if (drained && kind() == Kind::unremap)
		result = c_.move->give_back(start, length, narrow, buffer_, buffer_ + buffer_bytes / 2, *space_);
	else if (drained)
		result = c_.move->save(start, length, narrow, kind() == Kind::retry, buffer_, *space_);
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

// Said before it ends: whoever starts another one then has the numbers set to zero.
void Mover::finish(const char *failure)
{
	const unsigned long long sector = c_.block_size.to_sectors(at_).value, moved = moved_, unreadable = unreadable_;

	if (failure)
		dmr_log(c_.inst, DMR_LOG_ERR, "%s ends at sector %llu: %s (%llu blocks moved)", name_of(kind()), sector, failure, moved);
	else if (kind() == Kind::unremap)
		dmr_log(c_.inst, DMR_LOG_INFO, "unremap is done: %llu blocks moved, %llu cannot be read, main does not take back %llu",
			moved, unreadable, static_cast<unsigned long long>(refused_));
	else
		dmr_log(c_.inst, DMR_LOG_INFO, "%s is done: %llu blocks moved, %llu cannot be read", name_of(kind()), moved, unreadable);
	end(failure ? State::failed : State::done);
	dmr_event(c_.inst, DMR_EVENT_JOB_ENDED);
}

} // namespace dm_remap
