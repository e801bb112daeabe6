// SPDX-License-Identifier: GPL-2.0
#include "core/map/spare_allocator.hh"

namespace dm_remap {

Error SpareAllocator::init(dmr_instance *inst, const dmr_spare_pool_ops *ops)
{
	inst_ = inst;
	ops_ = ops;
	return lock_.init("dmr pool");
}

void SpareAllocator::destroy()
{
	if (pool_)
		ops_->destroy(pool_);
	pool_ = nullptr;
	lock_.destroy();
}

Error SpareAllocator::reset()
{
	MutexGuard guard(lock_);

	if (pool_)
		ops_->destroy(pool_);
	pool_ = nullptr;
	__atomic_store_n(&known_, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&avoided_, 0, __ATOMIC_RELAXED);
	return Error(-ops_->create(&pool_));
}

Error SpareAllocator::add(uint32_t slot, uint64_t first, uint64_t end, bool missing)
{
	MutexGuard guard(lock_);

	if (int rc = ops_->add_member(pool_, slot, first, end, missing))
		return Error(-rc);
	ops_->set_open(pool_, slot, false);
	__atomic_store_n(&known_, known_ | 1u << slot, __ATOMIC_RELAXED);
	return Error::none();
}

Error SpareAllocator::load_done()
{
	MutexGuard guard(lock_);

	return Error(-ops_->load_done(pool_));
}

Error SpareAllocator::remove(uint32_t slot)
{
	MutexGuard guard(lock_);
	uint32_t others = ~(1u << slot);
	Error error(-ops_->remove_member(pool_, slot));

	__atomic_store_n(&known_, known_ & others, __ATOMIC_RELAXED);
	__atomic_store_n(&healthy_, healthy_ & others, __ATOMIC_RELAXED);
	// A recovery may say at this moment that it avoids another one.
	__atomic_store_n(&closed_, closed_ & others, __ATOMIC_RELAXED);
	__atomic_store_n(&avoided_, avoided_ & others, __ATOMIC_RELAXED);
	return error;
}

uint32_t SpareAllocator::set_healthy(uint32_t members)
{
	MutexGuard guard(lock_);
	uint32_t gone = healthy_ & ~members;

	__atomic_store_n(&healthy_, members, __ATOMIC_RELAXED);
	set_open_all();
	return gone;
}

void SpareAllocator::set_open(uint32_t slot)
{
	ops_->set_open(pool_, slot, (healthy_ & ~closed_ & ~avoided_) >> slot & 1);
}

void SpareAllocator::set_open_all()
{
	for (uint32_t left = known_; left != 0; left &= left - 1)
		set_open(static_cast<uint32_t>(__builtin_ctz(left)));
}

Result<dmr_spare_extent> SpareAllocator::allocate(Blocks wanted)
{
	MutexGuard guard(lock_);
	dmr_spare_extent extent = {};
	int rc = ops_->allocate(pool_, static_cast<uint32_t>(wanted.value), &extent);

	if (rc == -ENOSPC && avoided_) {
		dmr_log(inst_, DMR_LOG_WARN, "no other spare has room: those that failed are tried again");
		__atomic_store_n(&avoided_, 0, __ATOMIC_RELAXED);
		set_open_all();
		rc = ops_->allocate(pool_, static_cast<uint32_t>(wanted.value), &extent);
	}
	if (rc)
		return Error(-rc);
	return extent;
}

void SpareAllocator::release(const dmr_spare_extent &extent)
{
	MutexGuard guard(lock_);

	ops_->release(pool_, &extent);
}

void SpareAllocator::release_good(const dmr_spare_extent &extent)
{
	MutexGuard guard(lock_);
	uint64_t end = extent.block + extent.length;

	for (uint64_t from = extent.block; from < end;) {
		dmr_spare_extent bad = {};
		bool any = ops_->next_bad(pool_, extent.member, from, &bad) && bad.block < end;
		uint64_t good_end = any ? bad.block : end;

		if (good_end > from) {
			dmr_spare_extent good = { from, static_cast<uint32_t>(good_end - from), extent.member };

			ops_->release(pool_, &good);
		}
		from = any ? bad.block + bad.length : end;
	}
}

Error SpareAllocator::reserve(const dmr_spare_extent &extent)
{
	MutexGuard guard(lock_);
	int rc = ops_->reserve(pool_, &extent);

	return Error(rc == -EEXIST ? EINVAL : -rc);
}

Error SpareAllocator::prepare_bad(std::span<const dmr_record> records)
{
	MutexGuard guard(lock_);

	for (const dmr_record &record : records) {
		dmr_spare_extent spare = { record.spare_block, record.length, record.member };

		if (record.kind != DMR_RECORD_BAD_SPARE || !knows(record.member))
			continue;
		if (int rc = ops_->prepare_bad(pool_, &spare))
			return Error(-rc);
	}
	return Error::none();
}

Error SpareAllocator::note_bad(const dmr_spare_extent &extent)
{
	MutexGuard guard(lock_);

	return Error(-ops_->mark_bad(pool_, &extent));
}

bool SpareAllocator::is_bad(const dmr_spare_extent &extent) const
{
	MutexGuard guard(lock_);
	dmr_spare_extent run;

	return ops_->next_bad(pool_, extent.member, extent.block, &run) && run.block == extent.block &&
	       run.length >= extent.length;
}

bool SpareAllocator::next_bad(uint32_t slot, uint64_t from, dmr_spare_extent &out) const
{
	MutexGuard guard(lock_);

	return ops_->next_bad(pool_, slot, from, &out);
}

uint64_t SpareAllocator::bad_runs() const
{
	MutexGuard guard(lock_);
	uint64_t runs = 0;
	dmr_spare_extent bad;

	for (uint32_t slot = 0; slot < MemberList::slots; slot++) {
		for (uint64_t from = 0; ops_->next_bad(pool_, slot, from, &bad); from = bad.block + bad.length)
			runs++;
	}
	return runs;
}

dmr_pool_usage SpareAllocator::usage(uint32_t slot) const
{
	MutexGuard guard(lock_);
	dmr_pool_usage usage = {};

	if (pool_)
		ops_->usage(pool_, slot, &usage);
	return usage;
}

bool SpareAllocator::avoid(uint32_t slot)
{
	MutexGuard guard(lock_);
	dmr_pool_usage all = {}, one = {};

	ops_->usage(pool_, DMR_MAX_MEMBERS, &all);
	ops_->usage(pool_, slot, &one);
	if (all.free == one.free)
		return false;
	if (!(avoided_ & 1u << slot))
		dmr_log(inst_, DMR_LOG_WARN, "spare %u fails: new remaps go to the other spares", slot);
	__atomic_store_n(&avoided_, avoided_ | 1u << slot, __ATOMIC_RELAXED);
	set_open(slot);
	return true;
}

void SpareAllocator::close(uint32_t slot)
{
	MutexGuard guard(lock_);

	__atomic_store_n(&closed_, closed_ | 1u << slot, __ATOMIC_RELAXED);
	set_open(slot);
}

void SpareAllocator::reopen(uint32_t slot)
{
	MutexGuard guard(lock_);

	__atomic_store_n(&closed_, closed_ & ~(1u << slot), __ATOMIC_RELAXED);
	set_open(slot);
}

} // namespace dm_remap
