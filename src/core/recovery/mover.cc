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
	space_->block = dmr_io_buffer_alloc(config.block_size.bytes());
	if (!space_->block)
		return Error(ENOMEM);
	return lock_.init("dmr mover");
}

void Mover::destroy()
{
	if (worker_)
		dmr_workers_destroy(worker_);
	if (buffer_)
		dmr_io_buffer_free(buffer_, buffer_bytes);
	if (space_ && space_->block)
		dmr_io_buffer_free(space_->block, c_.block_size.bytes());
	dmr_free(space_);
	lock_.destroy();
}

Error Mover::start(uint32_t slot, bool give_up)
{
	MutexGuard guard(lock_);

	if (this->slot() != none)
		return Error(EBUSY);
	__atomic_store_n(&moved_, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&begun_, dmr_now_ns(), __ATOMIC_RELAXED);
	give_up_ = give_up;
	__atomic_store_n(&slot_, slot, __ATOMIC_RELAXED);
	dmr_worker_start(worker_, 0);
	return Error::none();
}

// The worker is idle on return.
void Mover::stop()
{
	__atomic_store_n(&stop_, true, __ATOMIC_RELAXED);
	c_.map->wake_watchers();
	dmr_workers_drain(worker_);
}

Error Mover::cancel(uint32_t slot)
{
	MutexGuard guard(lock_);

	if (this->slot() != slot)
		return Error(ENOENT);
	stop();
	__atomic_store_n(&stop_, false, __ATOMIC_RELAXED);
	// It may have come to its end meanwhile.
	if (this->slot() != slot)
		return Error(ENOENT);
	__atomic_store_n(&slot_, none, __ATOMIC_RELAXED);
	c_.map->spares().reopen(slot);
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
	if (slot() != none)
		dmr_worker_start(worker_, 0);
}

void Mover::run(void *context, unsigned int)
{
	static_cast<Mover *>(context)->work();
}

void Mover::work()
{
	char reason[DMR_REASON_SIZE];

	while (!stopping() && slot() != none) {
		Pass result = pass();

		if (stopping())
			return;
		if (c_.map->failed())
			return end("the metadata can no longer be written", result);
		// A block that refused a write and found no other place still lives where it was, and counts as bad.
		if (c_.map->spares().usage(slot()).used == 0 && result.seen == result.moved + result.given_up) {
			if (dmr_drain(c_.inst, dmr_now_ns() + drain_ns))
				continue;
			reason[0] = '\0';
			return end(c_.map->remove_member(slot(), reason) ? reason : nullptr, result);
		}
		if (result.seen == 0) {
			// Recoveries that had begun before the member was closed.
			c_.map->watch(slot(), stop_);
			continue;
		}
		if (result.moved + result.given_up == 0)
			return end(result.without_place ? "the other spares do not take its blocks" :
				   result.unreadable ? "some of its blocks cannot be read: to keep all the others, write these anew and try again; to lose these for good, add 'force'" :
						       "I/O to its blocks does not come to an end",
				   result);
	}
}

void Mover::end(const char *failure, const Pass &pass)
{
	uint32_t slot = this->slot();

	if (failure) {
		c_.map->spares().reopen(slot);
		dmr_log(c_.inst, DMR_LOG_ERR, "spare %u stays: %s (%llu blocks moved, %llu unreadable, %llu without a place)", slot,
			failure, static_cast<unsigned long long>(moved()), static_cast<unsigned long long>(pass.unreadable),
			static_cast<unsigned long long>(pass.without_place));
	} else {
		dmr_log(c_.inst, DMR_LOG_INFO, "spare %u is removed: %llu blocks were moved to the others", slot,
			static_cast<unsigned long long>(moved()));
	}
	__atomic_store_n(&slot_, none, __ATOMIC_RELAXED);
	dmr_event(c_.inst, DMR_EVENT_MEMBER_REMOVED);
}

// Once through the whole map, which may go on where the table has ended.
Mover::Pass Mover::pass()
{
	uint32_t most = buffer_bytes / c_.block_size.bytes();
	constexpr MainBlock end(~0ull);
	Pass result;

	if (most > BlockSet::capacity)
		most = BlockSet::capacity;
	for (MainBlock at; at < end && !stopping();) {
		IndexAnswer answer = c_.map->lookup(at, end);
		MainBlock stop = answer.extent.end() < end ? answer.extent.end() : end;

		if (answer.found && answer.extent.kind == ExtentKind::mapped && answer.extent.member == slot()) {
			if ((stop - at).value > most)
				stop = at + Blocks(most);
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
