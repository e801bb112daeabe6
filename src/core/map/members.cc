// SPDX-License-Identifier: GPL-2.0
// DurableMap's members: which take part, and how one comes or goes while commits go on.
#include "core/map/durable_map.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap {

static constexpr char metadata_failed_text[] = "the metadata of this device can no longer be written: load its table again first";

// The metadata's own business, alone: no batch is under way meanwhile. process, may block.
class DurableMap::Leadership final {
public:
	explicit Leadership(DurableMap &map) : map_(map)
	{
		MutexGuard guard(map_.commit_lock_);

		map_.wanting_++;
		while (map_.leading_)
			dmr_cond_wait(map_.committed_, map_.commit_lock_.handle());
		map_.wanting_--;
		map_.leading_ = map_.leaves_ = true;
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
		dmr_format(reason, DMR_REASON_SIZE, "%s", metadata_failed_text);
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
		Error failure = remove_from_set(slot, true);

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
	if (Error failure = forget(slot, true))
		return failure;
	return Error(EIO);
}

Error DurableMap::may_go(uint32_t slot, char *reason) const
{
	if (!failed() && spares_.healthy() & ~(1u << slot))
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "%s", failed() ? metadata_failed_text : "it is the only spare that takes metadata: add another one first");
	return Error(EBUSY);
}

Error DurableMap::remove_member(uint32_t slot, char *reason)
{
	Leadership leadership(*this);

	if (Error error = may_go(slot, reason))
		return error;
	return forget(slot, true);
}

// Caller leads.
template <typename Write>
Error DurableMap::write_setup(Write write)
{
	// As in checkpoint().
	MutexGuard others_wait = flush_state_->hold();
	Error error(-write());

	note_members();
	return error;
}

// Without a setup that is as it should be there is no going on. Caller leads.
Error DurableMap::must_be_written(Error error)
{
	if (error && !failed())
		fail("the setup", error.negative());
	return error;
}

void DurableMap::update_setup(const dmr_setup &setup)
{
	Leadership leadership(*this);

	static_cast<void>(must_be_written(write_setup([&] { return metadata_ops_->update_setup(metadata_, &setup); })));
}

void DurableMap::keep_patrol(const dmr_patrol_record &patrol)
{
	Leadership leadership(*this);

	if (!failed())
		static_cast<void>(must_be_written(write_setup([&] { return metadata_ops_->keep_patrol(metadata_, &patrol); })));
}

// The older one, and what the log has added to it, are then as new as the newer. Caller leads.
Error DurableMap::two_checkpoints()
{
	Error error = checkpoint();

	if (!error)
		error = checkpoint();
	if (error)
		fail("a checkpoint", error.negative());
	return error;
}

void DurableMap::forget_replaced()
{
	Leadership leadership(*this);

	static_cast<void>(two_checkpoints());
}

// What becomes lost when all extents do for which `which` is true.
struct Loss {
	uint64_t extents = 0, blocks = 0;
};

template <typename Which>
static Loss loss_of(const ExtentIndex &index, Which which)
{
	Loss loss;
	Extent extent;

	for (MainBlock at; index.first_from(at, extent); at = extent.end()) {
		if (which(extent)) {
			loss.extents++;
			loss.blocks += extent.length.value;
		}
	}
	return loss;
}

// Memory for all of a loss, so that put_lost() of the same extents cannot fail. Caller leads.
Error DurableMap::prepare_for_loss(uint64_t extents, char *reason)
{
	if (index_.prepare(static_cast<uint32_t>(extents)) >= extents)
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "not enough memory to note which blocks are lost; nothing has changed");
	return Error(ENOMEM);
}

// Caller leads.
template <typename Which>
Error DurableMap::put_lost(Which which)
{
	Error error = Error::none();
	Extent extent;

	for (MainBlock at; !error && index_.first_from(at, extent); at = extent.end()) {
		if (!which(extent))
			continue;
		release_replaced(extent.start, extent.length);
		error = index_.put({ extent.start, extent.length, ExtentKind::lost, 0, SpareBlock(0) });
	}
	index_.publish();
	return error;
}

// No record says it: the older checkpoint must, too.
Error DurableMap::lose_pending(uint64_t &blocks, char *reason)
{
	Leadership leadership(*this);
	auto is_pending = [](const Extent &extent) { return extent.kind == ExtentKind::pending; };
	Loss loss = loss_of(index_, is_pending);

	blocks = loss.blocks;
	if (blocks == 0)
		return Error::none();
	if (Error error = prepare_for_loss(loss.extents, reason))
		return error;
	Error error = read_only_ ? Error::none() : use_features(DMR_FEATURE_LOST);

	if (!error)
		error = put_lost(is_pending);
	if (!error && !read_only_)
		error = two_checkpoints();
	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "which blocks of the old main are lost cannot be written on any spare: error %d; the set still knows the old main",
			   error.negative());
	return error;
}

// Before anything that an older module would take for something else is on the disks. Caller leads.
Error DurableMap::use_features(uint64_t features)
{
	return write_setup([&] { return metadata_ops_->use_features(metadata_, features); });
}

Error DurableMap::prepare_to_lose()
{
	Leadership leadership(*this);

	return must_be_written(failed() ? Error(EIO) : use_features(DMR_FEATURE_LOST));
}

Error DurableMap::prepare_to_guard()
{
	static constexpr uint8_t none[DMR_UUID_SIZE] = {};
	Leadership leadership(*this);
	Error error = failed() ? Error(EIO) : Error::none();

	if (!error && same_uuid(setup().main_uuid, none)) {
		dmr_setup *with_uuid = static_cast<dmr_setup *>(dmr_alloc(sizeof(dmr_setup)));

		if (!with_uuid)
			return Error(ENOMEM);
		*with_uuid = setup();
		random_uuid(with_uuid->main_uuid);
		error = write_setup([&] { return metadata_ops_->update_setup(metadata_, with_uuid); });
		dmr_free(with_uuid);
	}
	if (!error)
		error = use_features(DMR_FEATURE_GUARD);
	return must_be_written(error);
}

bool DurableMap::complete()
{
	Leadership leadership(*this);

	return spares_.known() == spares_.healthy();
}

bool DurableMap::takes_part(uint32_t slot)
{
	Leadership leadership(*this);
	uint32_t healthy = spares_.healthy(), own = 1u << slot;

	if (failed() || !(healthy & own) || !(healthy & ~own))
		return healthy & own;
	if (Error error = checkpoint())
		fail("a checkpoint", error.negative());
	return spares_.healthy() & own;
}

Error DurableMap::lose(uint32_t slot, bool may, uint64_t &blocks, char *reason)
{
	Leadership leadership(*this);
	auto on_member = [slot](const Extent &extent) { return extent.kind == ExtentKind::mapped && extent.member == slot; };

	blocks = 0;
	if (Error error = may_go(slot, reason))
		return error;
	Loss loss = loss_of(index_, on_member);

	blocks = loss.blocks;
	if (blocks == 0)
		return Error::none();
	if (!may) {
		dmr_format(reason, DMR_REASON_SIZE, "%llu blocks live on spare %u: to keep them %s; to lose them for good, add 'force'",
			   static_cast<unsigned long long>(blocks), slot,
			   members_->present(slot) ? "as far as they can be read, move them with 'remove_spare'" :
						     "find it, and load a table that names it");
		return Error(EBUSY);
	}
	if (Error error = prepare_for_loss(loss.extents, reason))
		return error;
	Error error = must_be_written(use_features(DMR_FEATURE_LOST));

	if (!error)
		error = put_lost(on_member);
	// Now, as there may be fewer extents than before: a commit would count on room that the checkpoint and the log do not have.
	if (!error)
		error = must_be_written(checkpoint());
	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "the metadata can no longer be written on any spare: error %d", error.negative());
	return error;
}

// What was lost with it is in a checkpoint since lose(): the set knows of that whatever comes, and only then does the member go.
Error DurableMap::forget_member(uint32_t slot, char *reason)
{
	Leadership leadership(*this);

	if (Error error = may_go(slot, reason))
		return error;
	if (spares_.usage(slot).used > 0) {
		dmr_format(reason, DMR_REASON_SIZE, "I/O that began earlier is still under way: try again");
		return Error(EBUSY);
	}
	// It may hold the only copy of what was given up.
	Error error = forget(slot, false);

	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "the metadata can no longer be written on any spare: error %d", error.negative());
	return error;
}

void DurableMap::copy_setup(dmr_setup &out)
{
	Leadership leadership(*this);

	out = setup();
}

// Caller leads.
Error DurableMap::remove_from_set(uint32_t slot, bool wipe)
{
	// Of the others the superblocks are written: as in checkpoint().
	MutexGuard others_wait = flush_state_->hold();
	Error error(-(wipe ? metadata_ops_->remove_member(metadata_, slot) : metadata_ops_->forget_member(metadata_, slot)));

	note_lost();
	return error;
}

// Caller leads. Of a member that was dropped before its blocks could be used, or of which none is used.
Error DurableMap::forget(uint32_t slot, bool wipe)
{
	// One that failed before the others named it has been given up by the metadata already.
	bool named = setup().members[slot].state != DMR_MEMBER_ABSENT;
	Error error = named ? remove_from_set(slot, wipe) : Error::none();

	if (!error)
		error = forget_in_memory(slot);
	if (!error)
		error = checkpoint();
	if (error)
		fail("the setup", error.negative());
	return error;
}

} // namespace dm_remap
