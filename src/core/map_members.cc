// SPDX-License-Identifier: GPL-2.0
// MapStore's members: which take part, and how one comes or goes while commits go on.
#include "map_store.hh"

#include <dm_remap/breaks.hh>

namespace dm_remap {

// The metadata's own business, alone: no batch is under way meanwhile. process, may block.
class MapStore::Leadership final {
public:
	explicit Leadership(MapStore &store) : store_(store)
	{
		MutexGuard guard(store_.commit_lock_);

		while (store_.leading_)
			dmr_cond_wait(store_.committed_, store_.commit_lock_.handle());
		store_.leading_ = true;
	}
	~Leadership()
	{
		MutexGuard guard(store_.commit_lock_);

		store_.leading_ = false;
		dmr_cond_wake_all(store_.committed_);
	}
	Leadership(const Leadership &) = delete;
	Leadership &operator=(const Leadership &) = delete;

private:
	MapStore &store_;
};

// Blocks are given out on a member that takes metadata and that nobody has closed or avoids. Caller holds pool_lock_.
void MapStore::set_open(uint32_t slot)
{
	pool_ops_->set_open(pool_, slot, (healthy_ & ~closed_ & ~avoided_) >> slot & 1);
}

// After each call that may have dropped members, or taken them in. Caller leads.
void MapStore::note_members()
{
	uint32_t healthy = metadata_ops_->healthy(metadata_);
	uint32_t dropped = healthy_ & ~healthy;

	__atomic_store_n(&healthy_, healthy, __ATOMIC_RELAXED);
	{
		MutexGuard guard(pool_lock_);

		for (uint32_t i = 0; i < MemberList::slots; i++)
			set_open(i);
	}
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (!(dropped & 1u << i))
			continue;
		flush_state_->lost(i);
		if (healthy == 0)
			continue;
		dmr_log(inst_, DMR_LOG_ERR, "spare %u does not take metadata any more and was dropped: what lives on it is served from it, nothing new goes there; replace it with add_spare and remove_spare",
			i);
		dmr_event(inst_, DMR_EVENT_MEMBER_FAILED);
	}
}

bool MapStore::avoid(uint32_t slot)
{
	MutexGuard guard(pool_lock_);
	dmr_pool_usage all = {}, one = {};

	pool_ops_->usage(pool_, DMR_MAX_MEMBERS, &all);
	pool_ops_->usage(pool_, slot, &one);
	if (all.free == one.free)
		return false;
	if (!(avoided_ & 1u << slot))
		dmr_log(inst_, DMR_LOG_WARN, "spare %u fails: new remaps go to the other spares", slot);
	__atomic_store_n(&avoided_, avoided_ | 1u << slot, __ATOMIC_RELAXED);
	set_open(slot);
	return true;
}

void MapStore::close(uint32_t slot)
{
	MutexGuard guard(pool_lock_);

	if (broken(Break::reuse_freed_at_once))
		return;

	__atomic_store_n(&closed_, closed_ | 1u << slot, __ATOMIC_RELAXED);
	set_open(slot);
}

void MapStore::reopen(uint32_t slot)
{
	MutexGuard guard(pool_lock_);

	__atomic_store_n(&closed_, closed_ & ~(1u << slot), __ATOMIC_RELAXED);
	set_open(slot);
}

void MapStore::watch(uint32_t slot, const bool &stop)
{
	MutexGuard guard(commit_lock_);

	__atomic_store_n(&watchers_, watchers_ + 1, __ATOMIC_RELAXED);
	if (usage(slot).used > 0 && !__atomic_load_n(&stop, __ATOMIC_RELAXED))
		dmr_cond_wait(committed_, commit_lock_.handle());
	__atomic_store_n(&watchers_, watchers_ - 1, __ATOMIC_RELAXED);
}

void MapStore::wake_watchers()
{
	MutexGuard guard(commit_lock_);

	dmr_cond_wake_all(committed_);
}

Error MapStore::add_member(const dmr_member_range &range, const dmr_member_entry &entry, char *reason)
{
	Leadership leadership(*this);
	uint32_t slot = 0;

	if (failed()) {
		dmr_format(reason, DMR_REASON_SIZE, "the metadata of this device can no longer be written: load its table again first");
		return Error(EIO);
	}
	if (int rc = metadata_ops_->add_member(metadata_, &range, &entry, &slot, reason))
		return Error(-rc);
	Error error = Error::none();
	{
		MutexGuard guard(pool_lock_);

		error = add_to_pool(slot);
	}
	if (error) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the spare: blank it before you add it again");
		Error failure(-metadata_ops_->remove_member(metadata_, slot));

		// Nothing can be appended before it.
		if (!failure)
			failure = checkpoint();
		if (failure)
			fail("the setup", failure.negative());
		return error;
	}
	members_->set(slot, range);
	if (Error failure = checkpoint()) {
		fail("a checkpoint", failure.negative());
		dmr_format(reason, DMR_REASON_SIZE, "the metadata can no longer be written on any spare: error %d", failure.negative());
		return failure;
	}
	if (healthy() & 1u << slot)
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "the new spare does not take its metadata: it was dropped again; name another one");
	if (Error failure = forget(slot))
		return failure;
	return Error(EIO);
}

Error MapStore::remove_member(uint32_t slot, char *reason)
{
	Leadership leadership(*this);

	if (failed() || !(healthy() & ~(1u << slot))) {
		dmr_format(reason, DMR_REASON_SIZE, "no other spare takes metadata: add one first");
		return Error(EBUSY);
	}
	return forget(slot);
}

void MapStore::copy_setup(dmr_setup &out)
{
	Leadership leadership(*this);

	out = setup();
}

// Caller leads, or loads. EBUSY: blocks of it are in use.
Error MapStore::forget_in_memory(uint32_t slot)
{
	Error error = Error::none();
	{
		MutexGuard guard(pool_lock_);

		error = Error(-pool_ops_->remove_member(pool_, slot));
		// A recovery may say at this moment that it avoids another one.
		__atomic_store_n(&closed_, closed_ & ~(1u << slot), __ATOMIC_RELAXED);
		__atomic_store_n(&avoided_, avoided_ & ~(1u << slot), __ATOMIC_RELAXED);
	}
	__atomic_store_n(&known_, known_ & ~(1u << slot), __ATOMIC_RELAXED);
	members_->clear(slot);
	__atomic_store_n(&healthy_, healthy_ & ~(1u << slot), __ATOMIC_RELAXED);
	return error;
}

// Caller leads. Of a member that was dropped before its blocks could be used, or of which none is used.
Error MapStore::forget(uint32_t slot)
{
	// One that failed before the others named it has been given up by the metadata already.
	bool named = setup().members[slot].state != DMR_MEMBER_ABSENT;
	Error error(named ? -metadata_ops_->remove_member(metadata_, slot) : 0);

	if (!error)
		error = forget_in_memory(slot);
	if (!error)
		error = checkpoint();
	if (error)
		fail("the setup", error.negative());
	return error;
}

} // namespace dm_remap
