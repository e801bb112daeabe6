// SPDX-License-Identifier: GPL-2.0
// MapStore's life: allocation, the pool, and the state that goes into a checkpoint.
#include "map_store.hh"

namespace dm_remap {

Error MapStore::init(const Config &config, const dmr_setup &setup, char *reason)
{
	inst_ = config.inst;
	block_size_ = config.block_size;
	main_blocks_ = config.main_blocks;
	members_ = config.members;
	read_only_ = config.read_only;
	metadata_ops_ = config.metadata;
	pool_ops_ = config.pool;
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
	if (!batch_ || !committed_ || pool_lock_.init("dmr pool") || commit_lock_.init("dmr commit") ||
	    filter_.init(main_blocks_)) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the map");
		return Error(ENOMEM);
	}
	Error error = reset_memory();

	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the pool");
	return error;
}

void MapStore::destroy()
{
	if (metadata_)
		metadata_ops_->close(metadata_);
	if (pool_)
		pool_ops_->destroy(pool_);
	index_.destroy();
	filter_.destroy();
	if (committed_)
		dmr_cond_destroy(committed_);
	dmr_free(batch_);
	pool_lock_.destroy();
	commit_lock_.destroy();
}

Error MapStore::reset_memory()
{
	// `dmsetup status` may ask for the pool's usage at any moment.
	MutexGuard guard(pool_lock_);

	if (pool_)
		pool_ops_->destroy(pool_);
	pool_ = nullptr;
	index_.destroy();
	filter_.reset();
	bad_records_ = 0;
	known_ = 0;
	orphans_ = 0;
	avoided_ = 0;

	if (Error error = index_.init())
		return error;
	if (int rc = pool_ops_->create(&pool_))
		return Error(-rc);
	for (uint32_t i = 0; i < setup().member_count; i++) {
		// What the log says of the slot of a joining member is about one that had it before.
		if (setup().members[i].state == DMR_MEMBER_ABSENT || setup().members[i].state == DMR_MEMBER_JOINING)
			continue;
		if (Error error = add_to_pool(i))
			return error;
	}
	return Error::none();
}

Error MapStore::add_joining()
{
	MutexGuard guard(pool_lock_);

	for (uint32_t i = 0; i < setup().member_count; i++) {
		if (setup().members[i].state != DMR_MEMBER_JOINING)
			continue;
		if (Error error = add_to_pool(i))
			return error;
	}
	return Error::none();
}

// Closed, until note_members() finds it healthy. Caller holds pool_lock_.
Error MapStore::add_to_pool(uint32_t slot)
{
	const dmr_member_entry &entry = setup().members[slot];
	uint64_t unit = block_size_.sectors();
	uint64_t first = (entry.data_start + unit - 1) / unit;

	if (int rc = pool_ops_->add_member(pool_, slot, first, entry.sectors / unit))
		return Error(-rc);
	pool_ops_->set_open(pool_, slot, false);
	__atomic_store_n(&known_, known_ | 1u << slot, __ATOMIC_RELAXED);
	return Error::none();
}

// The whole state as records: first the index, then the bad spare blocks. Only the leader (or the load) uses it, and
// only they change the index and the list of bad blocks.
class MapStore::Source final {
public:
	explicit Source(MapStore &store) : store_(store) {}

	dmr_record_source table()
	{
		return { this, rewind, next, store_.entries() };
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

		if (store_.index_.first_from(at_, extent)) {
			bool mapped = extent.kind == ExtentKind::mapped;

			out = { extent.start.value, mapped ? extent.spare.value : 0, static_cast<uint32_t>(extent.length.value),
				static_cast<uint8_t>(mapped ? DMR_RECORD_MAP : DMR_RECORD_PENDING),
				static_cast<uint8_t>(mapped ? extent.member : 0), 0 };
			at_ = extent.end();
			return true;
		}
		MutexGuard guard(store_.pool_lock_);

		for (; member_ < MemberList::slots; member_++, from_ = 0) {
			dmr_spare_extent bad;

			if (!store_.pool_ops_->next_bad(store_.pool_, member_, from_, &bad))
				continue;
			out = { 0, bad.block, bad.length, DMR_RECORD_BAD_SPARE, static_cast<uint8_t>(member_), 0 };
			from_ = bad.block + bad.length;
			return true;
		}
		return false;
	}

	MapStore &store_;
	MainBlock at_;
	uint32_t member_ = 0;
	uint64_t from_ = 0;
};

uint64_t MapStore::bad_runs()
{
	MutexGuard guard(pool_lock_);
	uint64_t runs = 0;
	dmr_spare_extent bad;

	for (uint32_t member = 0; member < MemberList::slots; member++) {
		for (uint64_t from = 0; pool_ops_->next_bad(pool_, member, from, &bad); from = bad.block + bad.length)
			runs++;
	}
	return runs;
}

Error MapStore::checkpoint()
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

Result<dmr_spare_extent> MapStore::allocate(Blocks wanted)
{
	MutexGuard guard(pool_lock_);
	dmr_spare_extent extent = {};
	int rc = pool_ops_->allocate(pool_, static_cast<uint32_t>(wanted.value), &extent);

	// Better one that has failed than none.
	if (rc == -ENOSPC && avoided_) {
		dmr_log(inst_, DMR_LOG_WARN, "no other spare has room: those that failed are tried again");
		__atomic_store_n(&avoided_, 0, __ATOMIC_RELAXED);
		for (uint32_t i = 0; i < MemberList::slots; i++)
			set_open(i);
		rc = pool_ops_->allocate(pool_, static_cast<uint32_t>(wanted.value), &extent);
	}
	if (rc)
		return Error(-rc);
	return extent;
}

void MapStore::release(const dmr_spare_extent &extent)
{
	{
		MutexGuard guard(pool_lock_);

		pool_ops_->release(pool_, &extent);
	}
	if (__atomic_load_n(&watchers_, __ATOMIC_RELAXED) > 0)
		wake_watchers();
}

bool MapStore::is_bad(uint32_t member, SpareBlock block)
{
	MutexGuard guard(pool_lock_);

	return known_bad({ block.value, 1, member });
}

dmr_pool_usage MapStore::usage(uint32_t member)
{
	MutexGuard guard(pool_lock_);
	dmr_pool_usage usage = {};

	if (pool_)
		pool_ops_->usage(pool_, member, &usage);
	return usage;
}

void MapStore::snapshot(dmr_snapshot &out)
{
	dmr_pool_usage pool = usage(DMR_MAX_MEMBERS);
	uint64_t unit = block_size_.sectors();

	out.extents = index_.extents();
	out.max_extents = max_extents_;
	out.active_mappings = index_.mapped_extents();
	out.remapped_sectors = block_size_.to_sectors(index_.mapped()).value;
	out.pending_sectors = block_size_.to_sectors(index_.pending()).value;
	out.spare_sectors_total = pool.total * unit;
	out.spare_sectors_used = pool.used * unit;
	out.spare_sectors_bad = pool.bad * unit;
	out.spare_sectors_free = pool.free * unit;
	out.generation = __atomic_load_n(&generation_, __ATOMIC_RELAXED);
}

} // namespace dm_remap
