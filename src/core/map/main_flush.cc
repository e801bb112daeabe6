// SPDX-License-Identifier: GPL-2.0
#include "core/map/main_flush.hh"

namespace dm_remap {

Error MainFlush::init(dmr_instance *inst, dmr_device *main, FlushState *flush_state)
{
	inst_ = inst;
	main_ = main;
	flush_state_ = flush_state;
	return lock_.init("dmr main flush");
}

dmr_status MainFlush::flush(FlushState::For whom)
{
	MutexGuard guard(lock_);
	const dmr_status status = dmr_device_flush(main_);

	if (status == DMR_STS_OK)
		return status;
	failed();
	if (whom == FlushState::For::user)
		return status;
	flush_state_->main_lost();
	dmr_log(inst_, DMR_LOG_ERR, "main failed a flush: data written since the last one may be lost, and the next flush says so; turn main's volatile cache off");
	dmr_event(inst_, DMR_EVENT_FLUSH_FAILED);
	return status;
}

dmr_status MainFlush::write_durably(uint64_t sector, const void *data, uint32_t sectors)
{
	if (!is_behind())
		return dmr_device_write(main_, sector, data, sectors, DMR_IO_FUA);
	// Again, as long as others' flushes fail in between.
	for (uint32_t i = 0; i < durable_tries; i++) {
		const uint32_t before = moment();

		if (dmr_status status = dmr_device_write(main_, sector, data, sectors, 0))
			return status;
		if (dmr_status status = flush(FlushState::For::engine))
			return status;
		if (moment() == before)
			return DMR_STS_OK;
	}
	return DMR_STS_IOERR;
}

} // namespace dm_remap
