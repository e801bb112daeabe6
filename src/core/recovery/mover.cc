// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/mover.hh"

#include "core/recovery/deadlines.hh"

#include <new>

namespace dm_remap {

Error Mover::init(const Config &config)
{
	c_ = config;
	worker_ = dmr_workers_create("dmr_mover", 1, run, this);
	buffer_ = static_cast<uint8_t *>(dmr_io_buffer_alloc(buffer_bytes));
	space_ = static_cast<WorkerSpace *>(dmr_alloc(sizeof(WorkerSpace)));
	if (!worker_ || !buffer_ || !space_)
		return Error(ENOMEM);
	new (space_) WorkerSpace;
	if (Error error = space_->allocate(config.block_size.bytes(), 0))
		return error;
	return lock_.init("dmr mover");
}

void Mover::destroy()
{
	if (worker_)
		dmr_workers_destroy(worker_);
	if (buffer_)
		dmr_io_buffer_free(buffer_, buffer_bytes);
	if (space_)
		space_->release(c_.block_size.bytes(), 0);
	dmr_free(space_);
	lock_.destroy();
}

Error Mover::start(const Order &order)
{
	MutexGuard guard(lock_);

	if (busy())
		return Error(EBUSY);
	__atomic_store_n(&moved_, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&unreadable_, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&refused_, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&begun_, dmr_now_ns(), __ATOMIC_RELAXED);
	__atomic_store_n(&at_.value, order.at.value, __ATOMIC_RELAXED);
	__atomic_store_n(&from_.value, order.at.value, __ATOMIC_RELAXED);
	__atomic_store_n(&end_.value, order.end.value, __ATOMIC_RELAXED);
	narrow_until_ = MainBlock(0);
	not_drained_ = 0;
	give_up_ = order.give_up;
	if (order.guarding)
		guarding_ = *order.guarding;
	__atomic_store_n(&slot_, order.slot, __ATOMIC_RELAXED);
	set_last(order.kind, State::running);
	if (about_guard())
		c_.guard->changes();
	dmr_worker_start(worker_, 0);
	return Error::none();
}

Mover::Progress Mover::progress() const
{
	const Last last = this->last();

	return { .kind = last.kind,
		 .state = last.state,
		 .from = MainBlock(__atomic_load_n(&from_.value, __ATOMIC_RELAXED)),
		 .at = MainBlock(__atomic_load_n(&at_.value, __ATOMIC_RELAXED)),
		 .end = MainBlock(__atomic_load_n(&end_.value, __ATOMIC_RELAXED)),
		 .moved = __atomic_load_n(&moved_, __ATOMIC_RELAXED),
		 .unreadable = __atomic_load_n(&unreadable_, __ATOMIC_RELAXED),
		 .refused = __atomic_load_n(&refused_, __ATOMIC_RELAXED),
		 .begun_ns = __atomic_load_n(&begun_, __ATOMIC_RELAXED) };
}

// The worker is idle on return.
void Mover::stop()
{
	__atomic_store_n(&stop_, true, __ATOMIC_RELAXED);
	c_.map->wake_watchers();
	dmr_workers_drain(worker_);
}

Error Mover::cancel(Kind kind, uint32_t slot)
{
	MutexGuard guard(lock_);

	if (this->kind() != kind || this->slot() != slot)
		return Error(ENOENT);
	stop();
	__atomic_store_n(&stop_, false, __ATOMIC_RELAXED);
	// It may have come to its end meanwhile.
	if (this->kind() != kind)
		return Error(ENOENT);
	if (kind == Kind::evacuate)
		c_.map->spares().reopen(slot);
	end(State::stopped);
	dmr_event(c_.inst, kind == Kind::evacuate ? DMR_EVENT_MEMBER_REMOVED : DMR_EVENT_JOB_ENDED);
	return Error::none();
}

void Mover::pause()
{
	MutexGuard guard(lock_);

	stop();
}

void Mover::unpause()
{
	MutexGuard guard(lock_);

	__atomic_store_n(&stop_, false, __ATOMIC_RELAXED);
	if (busy())
		dmr_worker_start(worker_, 0);
}

void Mover::run(void *context, unsigned int)
{
	Mover &mover = *static_cast<Mover *>(context);

	if (mover.kind() == Kind::evacuate)
		mover.empty_member();
	else if (mover.busy())
		mover.walk();
}

void Mover::empty_member()
{
	char reason[DMR_REASON_SIZE];

	while (!stopping() && slot() != none) {
		Pass result = pass();

		if (stopping())
			return;
		if (c_.map->failed())
			return leave_member("the metadata can no longer be written", result);
		// A block that refused a write and found no other place still lives where it was, and counts as bad.
		if (c_.map->spares().usage(slot()).used == 0 && result.seen == result.moved + result.given_up) {
			if (dmr_drain(c_.inst, dmr_now_ns() + drain_ns))
				continue;
			reason[0] = '\0';
			return leave_member(c_.map->remove_member(slot(), reason) ? reason : nullptr, result);
		}
		if (result.seen == 0) {
			// Recoveries that had begun before the member was closed.
			c_.map->watch(slot(), stop_);
			continue;
		}
		if (result.moved + result.given_up == 0)
			return leave_member(result.without_place ? "the other spares do not take its blocks" :
				   result.unreadable ? "some of its blocks cannot be read: to keep all the others, write these anew and try again; to lose these for good, add 'force'" :
						       "I/O to its blocks does not come to an end",
				   result);
	}
}

void Mover::leave_member(const char *failure, const Pass &pass)
{
	uint32_t slot = this->slot();

	if (failure) {
		c_.map->spares().reopen(slot);
		dmr_log(c_.inst, DMR_LOG_ERR, "spare %u stays: %s (%llu blocks moved, %llu unreadable, %llu without a place)", slot,
			failure, static_cast<unsigned long long>(moved_), static_cast<unsigned long long>(pass.unreadable),
			static_cast<unsigned long long>(pass.without_place));
	} else {
		dmr_log(c_.inst, DMR_LOG_INFO, "spare %u is removed: %llu blocks were moved to the others", slot,
			static_cast<unsigned long long>(moved_));
	}
	end(failure ? State::failed : State::done);
	dmr_event(c_.inst, DMR_EVENT_MEMBER_REMOVED);
}

// Once through the whole map, which may go on where the table has ended.
Mover::Pass Mover::pass()
{
	constexpr MainBlock end(~0ull);
	Pass result;

	for (MainBlock at; at < end && !stopping();) {
		IndexAnswer answer = c_.map->lookup(at, end);
		MainBlock stop = answer.extent.end() < end ? answer.extent.end() : end;

		if (answer.found && answer.extent.kind == ExtentKind::mapped && answer.extent.member == slot()) {
			if (stop - at > most())
				stop = at + most();
			result.seen += (stop - at).value;
			move_piece(at, stop - at, result);
		}
		at = stop;
	}
	return result;
}

void Mover::move_piece(MainBlock start, Blocks length, Pass &pass)
{
	uint32_t range = c_.ranges->take(start, length);
	BlockMove::Moved result;

	if (dmr_drain(c_.inst, dmr_now_ns() + drain_ns) == 0)
		result = c_.move->evacuate(slot(), start, length, give_up_, buffer_, *space_);
	else
		pass.not_drained++;
	c_.queue->push_front(c_.ranges->release(range));
	pass.moved += result.moved;
	pass.given_up += result.given_up;
	pass.unreadable += result.unreadable;
	pass.without_place += result.without_place;
	__atomic_store_n(&moved_, moved_ + result.moved, __ATOMIC_RELAXED);
}

} // namespace dm_remap
