// SPDX-License-Identifier: GPL-2.0
// MapStore, how it comes to its content: format, load, and what a record does to the map.
#include "map_store.hh"

#include <dm_remap/breaks.hh>

namespace dm_remap {

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
	if (!error)
		give_up_joining();
	return error;
}

// A new spare that did not take its metadata never became one of the set: its slot is free, for the metadata and here.
void MapStore::give_up_joining()
{
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (!(known() & 1u << i) || setup().members[i].state != DMR_MEMBER_ABSENT)
			continue;
		dmr_log(inst_, DMR_LOG_ERR, "the new spare %u does not take its metadata: it is not used; name another one", i);
		static_cast<void>(forget_in_memory(i));
	}
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
	if (record.kind != DMR_RECORD_BAD_SPARE)
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

// Caller holds pool_lock_.
bool MapStore::known_bad(const dmr_spare_extent &spare) const
{
	dmr_spare_extent run;

	return pool_ops_->next_bad(pool_, spare.member, spare.block, &run) && run.block == spare.block && run.length >= spare.length;
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
		if (known_bad(spare))
			return Error::none();
		bad_records_++;
		return Error(-pool_ops_->mark_bad(pool_, &spare));
	}
	}
}

} // namespace dm_remap
