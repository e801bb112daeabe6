// SPDX-License-Identifier: GPL-2.0
// DurableMap, how it comes to its content: format and load.
#include "core/map/durable_map.hh"

namespace dm_remap {

Error DurableMap::format(char *reason)
{
	return Error(-metadata_ops_->format(metadata_, reason));
}

Error DurableMap::load(bool mend, char *reason)
{
	dmr_load_report report = {};

	if (Error error = load_records(report, reason))
		return error;
	if (Error error = add_joining()) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the pool");
		return error;
	}
	index_.publish();
	note_generation();
	// Nobody is dropped by a load: what it says is where this start begins.
	spares_.set_healthy(metadata_ops_->healthy(metadata_));
	if (read_only_ || (!report.needs_checkpoint && !metadata_ops_->wants_checkpoint(metadata_)))
		return Error::none();
	if (Error error = fits_checkpoint(reason))
		return error;
	if (!mend)
		return Error::none();
	Error error = checkpoint();

	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "the metadata has a torn or lost copy and it cannot be written anew: error %d; save the data through a read-only table, then replace the spare's disk",
			   error.negative());
	if (!error)
		give_up_joining();
	return error;
}

Error DurableMap::fits_checkpoint(char *reason) const
{
	uint64_t count = entries();

	if (count <= setup().max_extents)
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "the map has %llu entries, more than the %llu that there is room for: see docs/administration.md",
		   static_cast<unsigned long long>(count), static_cast<unsigned long long>(setup().max_extents));
	return Error(EUCLEAN);
}

// Into the unpublished index and the pool.
Error DurableMap::load_records(dmr_load_report &report, char *reason)
{
	reason[0] = '\0';
	Error error = forget_all();

	if (!error)
		error = Error(-metadata_ops_->load(metadata_, load_record, this, &report, reason));
	if (!error && orphans_ > 0) {
		dmr_format(reason, DMR_REASON_SIZE, "the map places %llu blocks on a spare that is not part of the set: see docs/administration.md",
			   static_cast<unsigned long long>(orphans_));
		error = Error(EUCLEAN);
	}
	if (!error)
		error = spares_.load_done();
	// These the loader can only tell as errors of a record.
	if (error.code() == ENOMEM)
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the map");
	else if (error.code() == E2BIG)
		dmr_format(reason, DMR_REASON_SIZE, "what lives on missing spares is in too many pieces to be known without them: name those spares");
	else if (error && !reason[0])
		dmr_format(reason, DMR_REASON_SIZE, "the map cannot be loaded: error %d", error.negative());
	return error;
}

// A new spare that did not take its metadata never became one of the set: its slot is free, for the metadata and here.
void DurableMap::give_up_joining()
{
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (!spares_.knows(i) || setup().members[i].state != DMR_MEMBER_ABSENT)
			continue;
		dmr_log(inst_, DMR_LOG_ERR, "the new spare %u does not take its metadata: it is not used; name another one", i);
		static_cast<void>(forget_in_memory(i));
	}
}

int DurableMap::load_record(void *context, const dmr_record *record)
{
	return static_cast<DurableMap *>(context)->apply_loaded(*record).negative();
}

// A record that contradicts what was said before it means that the map is not to be believed: EINVAL.
Error DurableMap::apply_loaded(const dmr_record &record)
{
	dmr_spare_extent spare = { record.spare_block, record.length, record.member };
	MainBlock start(record.main_block);
	Blocks length(record.length);

	switch (record.kind) {
	case DMR_RECORD_MAP:
		if (only_marks(record))
			break;
		release_replaced(start, length);
		// Replaced by a later record, or the load is refused.
		if (!spares_.knows(record.member)) {
			orphans_ += record.length;
			break;
		}
		if (Error error = spares_.reserve(spare))
			return error;
		break;
	case DMR_RECORD_PENDING:
		for (MainBlock at = start; at < start + length;) {
			IndexAnswer answer = index_.peek(at, start + length);

			if (answer.found && answer.extent.kind != ExtentKind::pending)
				return Error(EINVAL);
			at = answer.extent.end();
		}
		break;
	case DMR_RECORD_CLEAR:
	case DMR_RECORD_LOST:
		release_replaced(start, length);
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

Error DurableMap::add_joining()
{
	for (uint32_t i = 0; i < setup().member_count; i++) {
		if (setup().members[i].state != DMR_MEMBER_JOINING)
			continue;
		if (Error error = add_to_pool(i, false))
			return error;
	}
	return Error::none();
}

} // namespace dm_remap
