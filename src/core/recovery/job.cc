// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/job.hh"

namespace dm_remap {

void RecoveryParts::note_remapped(std::span<const dmr_record> records, uint64_t sector, bool tell) const
{
	uint64_t blocks = 0;

	for (const dmr_record &record : records) {
		if (record.kind == DMR_RECORD_MAP)
			blocks += record.length;
	}
	if (blocks == 0)
		return;
	if (tell)
		dmr_log(inst, DMR_LOG_INFO, "remapped %llu blocks of %u bytes in the request at sector %llu", static_cast<unsigned long long>(blocks),
			block_size.bytes(), static_cast<unsigned long long>(sector));
	if (counters->remapped(blocks))
		dmr_event(inst, DMR_EVENT_FIRST_REMAP);
}

Error WorkerSpace::allocate(size_t block_bytes, size_t data_bytes)
{
	if (!block)
		block = dmr_io_buffer_alloc(block_bytes);
	if (!data && data_bytes)
		data = dmr_io_buffer_alloc(data_bytes);
	return block && (data || !data_bytes) ? Error::none() : Error(ENOMEM);
}

void WorkerSpace::release(size_t block_bytes, size_t data_bytes)
{
	if (block)
		dmr_io_buffer_free(block, block_bytes);
	if (data)
		dmr_io_buffer_free(data, data_bytes);
}

void WorkerSpace::add_record(const dmr_record &record)
{
	if (record_count > 0) {
		dmr_record &last = records[record_count - 1];
		bool spare_follows = last.spare_block + last.length == record.spare_block && last.member == record.member;
		bool main_follows = last.main_block + last.length == record.main_block;

		if (last.kind == record.kind && last.flags == record.flags &&
		    ((record.kind == DMR_RECORD_MAP && main_follows && spare_follows) ||
		     (record.kind == DMR_RECORD_BAD_SPARE && spare_follows) ||
		     ((record.kind == DMR_RECORD_PENDING || record.kind == DMR_RECORD_CLEAR) && main_follows))) {
			last.length += record.length;
			return;
		}
	}
	records[record_count++] = record;
}

uint32_t WorkerSpace::add_bad(uint8_t kind, MainBlock piece)
{
	uint32_t blocks = 0;

	for (auto run = bad.run_from(0); run.length > 0 && record_count < records.size(); run = bad.run_from(run.start + run.length)) {
		add_record({ (piece + Blocks(run.start)).value, 0, run.length, kind, 0, 0 });
		blocks += run.length;
	}
	return blocks;
}

} // namespace dm_remap
