// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/range_table.hh"

namespace dm_remap {

Error RangeTable::init(uint32_t &taken)
{
	taken_ = &taken;
	released_ = dmr_cond_create("dmr range released");
	if (!released_)
		return Error(ENOMEM);
	if (Error error = wait_lock_.init("dmr range wait"))
		return error;
	return lock_.init("dmr ranges");
}

void RangeTable::destroy()
{
	if (released_)
		dmr_cond_destroy(released_);
	released_ = nullptr;
	wait_lock_.destroy();
	lock_.destroy();
}

bool RangeTable::overlaps(MainBlock start, Blocks length) const
{
	uint64_t from = start.value;
	uint64_t to = (start + length).value;

	for (const Slot &slot : slots_) {
		if (__atomic_load_n(&slot.start, __ATOMIC_CONSUME) < to && __atomic_load_n(&slot.end, __ATOMIC_CONSUME) > from)
			return true;
	}
	return false;
}

uint32_t RangeTable::conflict(uint64_t start, uint64_t end) const
{
	for (uint32_t i = 0, seen = 0; seen < *taken_; i++) {
		if (slots_[i].end == 0)
			continue;
		if (slots_[i].start < end && slots_[i].end > start)
			return i;
		seen++;
	}
	return none;
}

uint32_t RangeTable::occupy(uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < slots; i++) {
		Slot &slot = slots_[i];

		if (slot.end != 0)
			continue;
		__atomic_store_n(&slot.start, start, __ATOMIC_RELEASE);
		__atomic_store_n(&slot.end, end, __ATOMIC_RELEASE);
		__atomic_store_n(taken_, *taken_ + 1, __ATOMIC_RELEASE);
		slot.number = moment_ + 1;
		__atomic_store_n(&moment_, slot.number, __ATOMIC_RELAXED);
		return i;
	}
	return none;
}

uint32_t RangeTable::take_or_park(MainBlock start, Blocks length, dmr_request *req)
{
	uint32_t slot;
	bool awaited;
	{
		SpinGuard guard(lock_);

		slot = occupy_or_park(start, length, req);
		// Those that come again are served before all others.
		awaited = returning_ == 1 && __atomic_load_n(&waiting_, __ATOMIC_RELAXED) > 0;
		if (returning_ > 0)
			returning_--;
	}
	if (awaited)
		wake();
	return slot;
}

uint32_t RangeTable::occupy_or_park(MainBlock start, Blocks length, dmr_request *req)
{
	uint64_t end = (start + length).value;
	uint32_t blocker = conflict(start.value, end);
	uint32_t slot = blocker == none ? occupy(start.value, end) : none;

	if (slot != none)
		return slot;
	// With every slot taken any holder will do: the request tries again when that one is done.
	Slot &holder = slots_[blocker == none ? 0 : blocker];
	dmr_request_set_next(req, nullptr);
	if (holder.last)
		dmr_request_set_next(holder.last, req);
	else
		holder.first = req;
	holder.last = req;
	return none;
}

uint32_t RangeTable::try_take(MainBlock start, Blocks length)
{
	SpinGuard guard(lock_);
	uint64_t end = (start + length).value;

	return conflict(start.value, end) == none ? occupy(start.value, end) : none;
}

// A release either comes before a trial here, or finds the waiter counted and asleep.
uint32_t RangeTable::take(MainBlock start, Blocks length)
{
	MutexGuard guard(wait_lock_);
	uint32_t slot;

	__atomic_store_n(&waiting_, waiting_ + 1, __ATOMIC_RELAXED);
	while ((slot = try_take(start, length)) == none)
		dmr_cond_wait(released_, wait_lock_.handle());
	__atomic_store_n(&waiting_, waiting_ - 1, __ATOMIC_RELAXED);
	return slot;
}

bool RangeTable::held_since(uint64_t moment, uint32_t index, MainBlock &start, MainBlock &end)
{
	SpinGuard guard(lock_);
	const Slot &slot = slots_[index];

	start = MainBlock(slot.start);
	end = MainBlock(slot.end);
	return slot.end != 0 && slot.number <= moment;
}

bool RangeTable::outlast(uint64_t moment, uint32_t index, uint64_t deadline_ns)
{
	MutexGuard guard(wait_lock_);
	MainBlock start, end;
	bool in_time = true, held;

	__atomic_store_n(&waiting_, waiting_ + 1, __ATOMIC_RELAXED);
	while ((held = held_since(moment, index, start, end)) && in_time)
		in_time = dmr_cond_wait_until(released_, wait_lock_.handle(), deadline_ns) == 0;
	__atomic_store_n(&waiting_, waiting_ - 1, __ATOMIC_RELAXED);
	return !held;
}

void RangeTable::let_in(uint64_t deadline_ns)
{
	MutexGuard guard(wait_lock_);

	__atomic_store_n(&waiting_, waiting_ + 1, __ATOMIC_RELAXED);
	while (still_returning() && dmr_cond_wait_until(released_, wait_lock_.handle(), deadline_ns) == 0) {
	}
	__atomic_store_n(&waiting_, waiting_ - 1, __ATOMIC_RELAXED);
}

bool RangeTable::still_returning()
{
	SpinGuard guard(lock_);

	return returning_ > 0;
}

void RangeTable::wake()
{
	MutexGuard guard(wait_lock_);

	dmr_cond_wake_all(released_);
}

dmr_request *RangeTable::release(uint32_t index)
{
	dmr_request *parked;
	bool awaited;
	{
		SpinGuard guard(lock_);
		Slot &slot = slots_[index];

		parked = slot.first;
		slot.first = slot.last = nullptr;
		for (dmr_request *req = parked; req; req = dmr_request_next(req))
			returning_++;
		__atomic_store_n(&slot.end, 0, __ATOMIC_RELEASE);
		__atomic_store_n(taken_, *taken_ - 1, __ATOMIC_RELEASE);
		awaited = __atomic_load_n(&waiting_, __ATOMIC_RELAXED) > 0;
	}
	if (awaited)
		wake();
	return parked;
}

} // namespace dm_remap
