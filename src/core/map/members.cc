// SPDX-License-Identifier: GPL-2.0
// DurableMap's members: which take part, and how one comes or goes while commits go on.
#include "core/map/durable_map.hh"

namespace dm_remap {

// The metadata's own business, alone: no batch is under way meanwhile. process, may block.
class DurableMap::Leadership final {
public:
	explicit Leadership(DurableMap &map) : map_(map)
	{
		MutexGuard guard(map_.commit_lock_);

		while (map_.leading_)
			dmr_cond_wait(map_.committed_, map_.commit_lock_.handle());
		map_.leading_ = true;
	}
	~Leadership()
	{
		MutexGuard guard(map_.commit_lock_);

		map_.leading_ = false;
		dmr_cond_wake_all(map_.committed_);
	}
	Leadership(const Leadership &) = delete;
	Leadership &operator=(const Leadership &) = delete;

private:
	DurableMap &map_;
};

void DurableMap::watch(uint32_t slot, const bool &stop)
{
	MutexGuard guard(commit_lock_);

	__atomic_store_n(&watchers_, watchers_ + 1, __ATOMIC_RELAXED);
	if (spares_.usage(slot).used > 0 && !__atomic_load_n(&stop, __ATOMIC_RELAXED))
		dmr_cond_wait(committed_, commit_lock_.handle());
	__atomic_store_n(&watchers_, watchers_ - 1, __ATOMIC_RELAXED);
}

Error DurableMap::add_member(const dmr_member_range &range, const dmr_member_entry &entry, char *reason)
{
	Leadership leadership(*this);
	uint32_t slot = 0;

	if (failed()) {
		dmr_format(reason, DMR_REASON_SIZE, "the metadata of this device can no longer be written: load its table again first");
		return Error(EIO);
	}
	Error added = Error::none();
	{
		MutexGuard others_wait = flush_state_->hold();

		added = Error(-metadata_ops_->add_member(metadata_, &range, &entry, &slot, reason));
		note_lost();
	}
	if (added)
		return added;
	if (Error error = add_to_pool(slot, false)) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the spare, which holds nothing yet: blank it before you add it again");
		Error failure = remove_from_set(slot);

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
	if (spares_.healthy() & 1u << slot)
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "the new spare does not take its metadata: it was dropped again; name another one");
	if (Error failure = forget(slot))
		return failure;
	return Error(EIO);
}

Error DurableMap::remove_member(uint32_t slot, char *reason)
{
	Leadership leadership(*this);

	if (failed() || !(spares_.healthy() & ~(1u << slot))) {
		dmr_format(reason, DMR_REASON_SIZE, "no other spare takes metadata: add one first");
		return Error(EBUSY);
	}
	return forget(slot);
}

void DurableMap::update_setup(const dmr_setup &setup)
{
	Leadership leadership(*this);
	// As in checkpoint().
	MutexGuard others_wait = flush_state_->hold();
	int rc = metadata_ops_->update_setup(metadata_, &setup);

	note_members();
	if (rc)
		fail("the setup", rc);
}

// Two checkpoints: the older one, and what the log has added to it, are then as new as the newer.
void DurableMap::forget_replaced()
{
	Leadership leadership(*this);
	Error error = checkpoint();

	if (!error)
		error = checkpoint();
	if (error)
		fail("a checkpoint", error.negative());
}

void DurableMap::copy_setup(dmr_setup &out)
{
	Leadership leadership(*this);

	out = setup();
}

// Caller leads.
Error DurableMap::remove_from_set(uint32_t slot)
{
	// Of the others the superblocks are written: as in checkpoint().
	MutexGuard others_wait = flush_state_->hold();
	Error error(-metadata_ops_->remove_member(metadata_, slot));

	note_lost();
	return error;
}

// Caller leads. Of a member that was dropped before its blocks could be used, or of which none is used.
Error DurableMap::forget(uint32_t slot)
{
	// One that failed before the others named it has been given up by the metadata already.
	bool named = setup().members[slot].state != DMR_MEMBER_ABSENT;
	Error error = named ? remove_from_set(slot) : Error::none();

	if (!error)
		error = forget_in_memory(slot);
	if (!error)
		error = checkpoint();
	if (error)
		fail("the setup", error.negative());
	return error;
}

} // namespace dm_remap
