// SPDX-License-Identifier: GPL-2.0
// MapStore's life: allocation, format, load, and the state that goes into a checkpoint.
#include "map_store.hh"

#include <dm_remap/breaks.hh>

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

Error MapStore::format(char *reason)
{
	return Error(-metadata_ops_->format(metadata_, reason));
}

Error MapStore::load(bool mend, char *reason)
{
	dmr_load_report report = {};

	reason[0] = '\0';
	if (Error error = reset_memory()) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the map");
		return error;
	}
	int rc = metadata_ops_->load(metadata_, load_record, this, &report, reason);

	if (rc) {
		if (!reason[0])
			dmr_format(reason, DMR_REASON_SIZE, "the map cannot be loaded: error %d", rc);
		return Error(-rc);
	}
	if (orphans_ > 0) {
		dmr_format(reason, DMR_REASON_SIZE, "the map places %llu blocks on a spare that is not part of the set: see docs/administration.md",
			   static_cast<unsigned long long>(orphans_));
		return Error(EUCLEAN);
	}
	if (Error error = add_joining()) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the pool");
		return error;
	}
	index_.publish();
	note_generation();
	healthy_ = metadata_ops_->healthy(metadata_);
	note_members();
	if (read_only_ || (!report.needs_checkpoint && !metadata_ops_->wants_checkpoint(metadata_)))
		return Error::none();
	// No commit leaves that, but an image may say it; the constructor has to notice, as preresume could only fail.
	uint64_t count = entries();

	if (count > setup().max_extents) {
		dmr_format(reason, DMR_REASON_SIZE, "the map has %llu entries, more than the %llu that there is room for: see docs/administration.md",
			   static_cast<unsigned long long>(count), static_cast<unsigned long long>(setup().max_extents));
		return Error(EUCLEAN);
	}
	if (!mend)
		return Error::none();
	Error error = checkpoint();

	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "the metadata has a torn or lost copy and it cannot be written anew: error %d; replace the spare's disk",
			   error.negative());
	return error;
}

int MapStore::load_record(void *context, const dmr_record *record)
{
	return static_cast<MapStore *>(context)->apply_loaded(*record).negative();
}

// A record that contradicts what was said before it means that the map is not to be believed: EINVAL.
Error MapStore::apply_loaded(const dmr_record &record)
{
	dmr_spare_extent spare = { record.spare_block, record.length, record.member };
	MainBlock start(record.main_block);
	Blocks length(record.length);

	switch (record.kind) {
	case DMR_RECORD_MAP:
		if (Error error = release_replaced(start, length))
			return error;
		{
			MutexGuard guard(pool_lock_);

			// Replaced by a later record, or the load is refused.
			if (record.member >= MemberList::slots || !(known_ & 1u << record.member)) {
				orphans_ += record.length;
				break;
			}
			int rc = broken(Break::forget_allocations) ? 0 : pool_ops_->reserve(pool_, &spare);

			if (rc)
				return Error(rc == -EEXIST ? EINVAL : -rc);
		}
		break;
	case DMR_RECORD_PENDING:
		for (MainBlock at = start; at < start + length;) {
			IndexAnswer answer = index_.peek(at, start + length);

			if (answer.found && answer.extent.kind == ExtentKind::mapped)
				return Error(EINVAL);
			at = answer.extent.end();
		}
		break;
	case DMR_RECORD_CLEAR:
		if (Error error = release_replaced(start, length))
			return error;
		break;
	case DMR_RECORD_BAD_SPARE:
		break;
	default:
		return Error(EINVAL);
	}
	filter_.add(start, length);
	return put_record(record);
}

// The spare blocks that served this range are free again, unless they are bad.
Error MapStore::release_replaced(MainBlock start, Blocks length)
{
	MutexGuard guard(pool_lock_);
	MainBlock end = start + length;

	for (MainBlock at = start; at < end;) {
		IndexAnswer answer = index_.peek(at, end);
		MainBlock part_end = answer.extent.end() < end ? answer.extent.end() : end;

		if (answer.found && answer.extent.kind == ExtentKind::mapped && !(known_ & 1u << answer.extent.member)) {
			orphans_ -= (part_end - at).value;
		} else if (answer.found && answer.extent.kind == ExtentKind::mapped) {
			SpareBlock spare = answer.extent.spare + (at - answer.extent.start);
			uint64_t from = spare.value;
			uint64_t to = (spare + (part_end - at)).value;

			while (from < to) {
				dmr_spare_extent bad = { to, 0, answer.extent.member };
				bool any = pool_ops_->next_bad(pool_, answer.extent.member, from, &bad);
				uint64_t good_end = any && bad.block < to ? bad.block : to;

				if (good_end > from) {
					dmr_spare_extent good = { from, static_cast<uint32_t>(good_end - from), answer.extent.member };

					pool_ops_->release(pool_, &good);
				}
				from = any && bad.block < to ? bad.block + bad.length : to;
			}
		}
		at = part_end;
	}
	return Error::none();
}

// Into the unpublished index and the pool's list of bad blocks.
Error MapStore::put_record(const dmr_record &record)
{
	Extent extent = { MainBlock(record.main_block), Blocks(record.length), ExtentKind::mapped, record.member,
			  SpareBlock(record.spare_block) };
	dmr_spare_extent spare = { record.spare_block, record.length, record.member };

	switch (record.kind) {
	case DMR_RECORD_MAP:
		return index_.put(extent);
	case DMR_RECORD_PENDING:
		return index_.put({ extent.start, extent.length, ExtentKind::pending, 0, SpareBlock(0) });
	case DMR_RECORD_CLEAR:
		return index_.clear(extent.start, extent.length);
	default: {
		MutexGuard guard(pool_lock_);

		if (broken(Break::forget_bad_spare))
			return Error::none();
		bad_records_++;
		return Error(-pool_ops_->mark_bad(pool_, &spare));
	}
	}
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
	}
	return error;
}

Result<dmr_spare_extent> MapStore::allocate(Blocks wanted)
{
	MutexGuard guard(pool_lock_);
	dmr_spare_extent extent = {};
	int rc = pool_ops_->allocate(pool_, static_cast<uint32_t>(wanted.value), &extent);

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
