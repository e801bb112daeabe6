// SPDX-License-Identifier: GPL-2.0
// DurableMap's life, what a record does to it, and the state that goes into a checkpoint.
#include "core/map/durable_map.hh"

namespace dm_remap {

Error DurableMap::init(const Config &config, const dmr_setup &setup, char *reason)
{
	inst_ = config.inst;
	block_size_ = config.block_size;
	main_blocks_ = config.main_blocks;
	members_ = config.members;
	read_only_ = config.read_only;
	metadata_ops_ = config.metadata;
	counters_ = config.counters;
	flush_state_ = config.flush_state;
	max_extents_ = setup.max_extents;

	dmr_metadata_params params = {
		.inst = inst_,
		.members = members_->ranges(),
		.member_count = setup.member_count,
		.read_only = read_only_,
		.setup = &setup,
	};
	int rc = metadata_ops_->open(&params, &metadata_, reason);

	if (rc)
		return Error(-rc);
	batch_capacity_ = metadata_ops_->records_per_commit(metadata_);
	batch_ = static_cast<dmr_record *>(dmr_alloc(sizeof(dmr_record) * batch_capacity_));
	committed_ = dmr_cond_create("dmr committed");
	arrived_ = dmr_cond_create("dmr arrived");
	if (!batch_ || !committed_ || !arrived_ || spares_.init(inst_, config.pool) || commit_lock_.init("dmr commit") ||
	    filter_.init(main_blocks_, block_size_, *config.gate)) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the map");
		return Error(ENOMEM);
	}
	Error error = forget_all();

	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the pool");
	return error;
}

void DurableMap::destroy()
{
	if (metadata_)
		metadata_ops_->close(metadata_);
	spares_.destroy();
	index_.destroy();
	filter_.destroy();
	if (committed_)
		dmr_cond_destroy(committed_);
	if (arrived_)
		dmr_cond_destroy(arrived_);
	dmr_free(batch_);
	commit_lock_.destroy();
}

Error DurableMap::forget_all()
{
	index_.destroy();
	filter_.reset();
	bad_records_ = 0;
	orphans_ = 0;

	if (Error error = index_.init())
		return error;
	if (Error error = spares_.reset())
		return error;
	for (uint32_t i = 0; i < setup().member_count; i++) {
		// What the log says of the slot of a joining member is about one that had it before.
		if (setup().members[i].state == DMR_MEMBER_ABSENT || setup().members[i].state == DMR_MEMBER_JOINING)
			continue;
		if (Error error = add_to_pool(i, !members_->present(i)))
			return error;
	}
	return Error::none();
}

Error DurableMap::add_to_pool(uint32_t slot, bool missing)
{
	const dmr_member_entry &entry = setup().members[slot];
	uint64_t unit = block_size_.sectors();

	return spares_.add(slot, (entry.data_start + unit - 1) / unit, entry.sectors / unit, missing);
}

// ---- what a record does ----

// The spare blocks that served this range are free again, unless they are bad.
void DurableMap::release_replaced(MainBlock start, Blocks length)
{
	MainBlock end = start + length;

	for (MainBlock at = start; at < end;) {
		IndexAnswer answer = index_.peek(at, end);
		MainBlock part_end = answer.extent.end() < end ? answer.extent.end() : end;
		Blocks part = part_end - at;

		if (answer.found && answer.extent.kind == ExtentKind::mapped) {
			SpareBlock spare = answer.extent.spare + (at - answer.extent.start);

			if (spares_.knows(answer.extent.member))
				spares_.release_good({ spare.value, static_cast<uint32_t>(part.value), answer.extent.member });
			else
				orphans_ -= part.value;
		}
		at = part_end;
	}
}

// Does it say that blocks which live on these spare blocks already are guarded, and no more? Such a record is about a part of one
// extent. Its spare blocks stay in use, though one of them may be bad.
bool DurableMap::only_marks(const dmr_record &record) const
{
	if (record.kind != DMR_RECORD_MAP || !(record.flags & DMR_RECORD_GUARDED))
		return false;
	const MainBlock start(record.main_block), end = start + Blocks(record.length);
	const IndexAnswer answer = index_.peek(start, end);
	const Extent &extent = answer.extent;

	return answer.found && extent.kind == ExtentKind::mapped && extent.end() >= end && extent.member == record.member &&
	       extent.spare + (start - extent.start) == SpareBlock(record.spare_block);
}

bool DurableMap::all_only_mark(std::span<const dmr_record> records) const
{
	for (const dmr_record &record : records) {
		if (!only_marks(record))
			return false;
	}
	return true;
}

bool DurableMap::any(ExtentKind kind, MainBlock start, MainBlock end) const
{
	while (start < end) {
		IndexAnswer answer = lookup(start, end);

		if (answer.found && answer.extent.kind == kind)
			return true;
		start = answer.extent.end();
	}
	return false;
}

// Into the unpublished index, or the allocator's list of bad blocks.
Error DurableMap::put_record(const dmr_record &record)
{
	MainBlock start(record.main_block);
	Blocks length(record.length);
	dmr_spare_extent spare = { record.spare_block, record.length, record.member };

	switch (record.kind) {
	case DMR_RECORD_MAP:
		return index_.put({ start, length, ExtentKind::mapped, record.member, SpareBlock(record.spare_block),
				    (record.flags & DMR_RECORD_GUARDED) != 0 });
	case DMR_RECORD_PENDING:
		return index_.put({ start, length, ExtentKind::pending, 0, SpareBlock(0) });
	case DMR_RECORD_LOST:
		return index_.put({ start, length, ExtentKind::lost, 0, SpareBlock(0) });
	case DMR_RECORD_CLEAR:
		return index_.clear(start, length);
	default:
		// It was found bad while its member was given up.
		if (!spares_.knows(spare.member))
			return Error::none();
		if (spares_.is_bad(spare))
			return Error::none();
		bad_records_++;
		return spares_.note_bad(spare);
	}
}

// Caller leads, or loads. EBUSY: blocks of it are in use.
Error DurableMap::forget_in_memory(uint32_t slot)
{
	Error error = spares_.remove(slot);

	members_->clear(slot);
	return error;
}

void DurableMap::release(const dmr_spare_extent &extent)
{
	spares_.release(extent);
	if (__atomic_load_n(&watchers_, __ATOMIC_RELAXED) > 0)
		wake_watchers();
}

void DurableMap::wake_watchers()
{
	MutexGuard guard(commit_lock_);

	dmr_cond_wake_all(committed_);
}

// ---- the metadata's state ----

// The whole state as records: first the index, then the bad spare blocks. Only the leader (or the load) uses it, and
// only they change the index and the list of bad blocks.
class DurableMap::Source final {
public:
	explicit Source(const DurableMap &map) : map_(map) {}

	dmr_record_source table()
	{
		return { this, rewind, next, map_.entries() };
	}

private:
	static void rewind(void *context)
	{
		Source &self = *static_cast<Source *>(context);

		self.at_ = MainBlock(0);
		self.member_ = 0;
		self.from_ = 0;
	}

	static uint32_t next(void *context, dmr_record *out, uint32_t max)
	{
		Source &self = *static_cast<Source *>(context);
		uint32_t n = 0;

		while (n < max && self.one(out[n]))
			n++;
		return n;
	}

	bool one(dmr_record &out)
	{
		Extent extent;

		if (map_.index_.first_from(at_, extent)) {
			bool mapped = extent.kind == ExtentKind::mapped;
			uint8_t kind = mapped				      ? DMR_RECORD_MAP
				       : extent.kind == ExtentKind::lost ? DMR_RECORD_LOST
									      : DMR_RECORD_PENDING;

			out = { extent.start.value, mapped ? extent.spare.value : 0, static_cast<uint32_t>(extent.length.value), kind,
				static_cast<uint8_t>(mapped ? extent.member : 0),
				static_cast<uint16_t>(extent.guarded ? DMR_RECORD_GUARDED : 0) };
			at_ = extent.end();
			return true;
		}
		for (; member_ < MemberList::slots; member_++, from_ = 0) {
			dmr_spare_extent bad;

			if (!map_.spares_.next_bad(member_, from_, bad))
				continue;
			out = { 0, bad.block, bad.length, DMR_RECORD_BAD_SPARE, static_cast<uint8_t>(member_), 0 };
			from_ = bad.block + bad.length;
			return true;
		}
		return false;
	}

	const DurableMap &map_;
	MainBlock at_;
	uint32_t member_ = 0;
	uint64_t from_ = 0;
};

bool DurableMap::reaches_beyond(MainBlock end, MainBlock &first) const
{
	Extent extent;

	if (!index_.first_from(end, extent))
		return false;
	first = extent.start < end ? end : extent.start;
	return true;
}

void DurableMap::note_generation()
{
	__atomic_store_n(&generation_, metadata_ops_->generation(metadata_), __ATOMIC_RELAXED);
}

// Flushes of the metadata's that have failed took with them what users had written. After each call that writes; caller holds
// FlushState::hold(), so that no flush of others has succeeded meanwhile.
void DurableMap::note_lost()
{
	uint32_t lost = metadata_ops_->take_lost(metadata_);

	for (; lost != 0; lost &= lost - 1)
		flush_state_->lost(static_cast<uint32_t>(__builtin_ctz(lost)));
}

// After each call that may have dropped members, or taken them in. Caller leads.
void DurableMap::note_members()
{
	uint32_t healthy = metadata_ops_->healthy(metadata_);
	uint32_t dropped = spares_.set_healthy(healthy);

	note_lost();
	for (uint32_t left = healthy != 0 ? dropped : 0; left != 0; left &= left - 1) {
		const uint32_t i = static_cast<uint32_t>(__builtin_ctz(left));

		dmr_log(inst_, DMR_LOG_ERR, "spare %u does not take metadata any more and was dropped: what lives on it is served from it, nothing new goes there; add another one with add_spare, then take this one out with remove_spare",
			i);
		dmr_event(inst_, DMR_EVENT_MEMBER_FAILED);
	}
}

Error DurableMap::checkpoint()
{
	Source source(*this);
	dmr_record_source table = source.table();
	// It flushes the members, too: nobody else's flush may succeed before note_members() has said what was lost.
	MutexGuard others_wait = flush_state_->hold();
	Error error(-metadata_ops_->checkpoint(metadata_, &table));

	note_members();
	if (!error) {
		note_generation();
		counters_->add(&CounterValues::checkpoints, 1);
		bad_records_ = table.count - index_.extents();
	}
	return error;
}

// Nothing can be made durable any more, for good.
void DurableMap::fail(const char *what, int error)
{
	__atomic_store_n(&failed_, true, __ATOMIC_RELAXED);
	dmr_log(inst_, DMR_LOG_ERR, "%s of the metadata cannot be written on any spare (error %d): no more remaps; existing ones are served",
		what, error);
	dmr_event(inst_, DMR_EVENT_MEMBER_FAILED);
}

void DurableMap::snapshot(dmr_snapshot &out) const
{
	dmr_pool_usage pool = spares_.usage(DMR_MAX_MEMBERS);
	uint64_t unit = block_size_.sectors();

	out.extents = index_.extents();
	out.max_extents = max_extents_;
	out.active_mappings = index_.mapped_extents();
	out.remapped_sectors = block_size_.to_sectors(index_.mapped()).value;
	out.pending_sectors = block_size_.to_sectors(index_.pending()).value;
	out.lost_sectors = block_size_.to_sectors(index_.lost()).value;
	out.spare_sectors_total = pool.total * unit;
	out.spare_sectors_used = pool.used * unit;
	out.spare_sectors_bad = pool.bad * unit;
	out.spare_sectors_free = pool.free * unit;
	out.generation = __atomic_load_n(&generation_, __ATOMIC_RELAXED);
}

} // namespace dm_remap
