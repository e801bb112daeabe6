// SPDX-License-Identifier: GPL-2.0
// Main's volatile cache: what makes a write there durable, and who learns of it when that fails.
//
// To a main with a cache and without FUA, as most SATA disks are for Linux, a write with FUA is a write and a flush, with one
// status for both. But a block that refuses is healed, and nobody has to know; while a flush that fails takes along what others
// have written, and they do. So nothing is sent there with FUA: the write goes without, and a flush follows behind it. All
// flushes of such a main are made here, one at a time: what one has lost is noted before the next can succeed.
#ifndef DM_REMAP_CORE_MAIN_FLUSH_HH
#define DM_REMAP_CORE_MAIN_FLUSH_HH

#include "core/map/flush_state.hh"

namespace dm_remap {

class MainFlush final {
public:
	Error init(dmr_instance *inst, dmr_device *main, FlushState *flush_state);
	void destroy() { lock_.destroy(); }

	// Is main one to which nothing may be sent with FUA, and no flush but from here? Any context.
	bool is_behind() const { return dmr_device_flushes_for_fua(main_); }

	// To be taken before a write of which one asks later, by outcome(), whether a flush that failed has lost it. Any context.
	uint32_t moment() const { return __atomic_load_n(&losses_, __ATOMIC_ACQUIRE); }
	// A flush of main has failed that was not made here: what was written before it may be gone. Any context.
	void failed() { __atomic_fetch_add(&losses_, 1, __ATOMIC_RELEASE); }

	// For users of flushes, who are told themselves; or for anybody else, and then the next flush of users says what this one has
	// lost, which is logged. process, may block.
	dmr_status flush(FlushState::For whom);
	// Of a write that was made at this moment, and flushed with this status: OK if it is durable now. Any context.
	dmr_status outcome(dmr_status flushed, uint32_t moment) const
	{
		return flushed == DMR_STS_OK && this->moment() != moment ? static_cast<dmr_status>(DMR_STS_IOERR) : flushed;
	}
	// Both, for a write of the engine's. process, may block.
	dmr_status make_durable(uint32_t moment) { return outcome(flush(FlushState::For::engine), moment); }
	// The engine's own data to main, durably. process, may block.
	dmr_status write_durably(uint64_t sector, const void *data, uint32_t sectors);

private:
	static constexpr uint32_t durable_tries = 3;

	dmr_instance *inst_ = nullptr;
	dmr_device *main_ = nullptr;
	FlushState *flush_state_ = nullptr;
	Mutex lock_;		// of who flushes; held over the flush
	uint32_t losses_ = 0;	// flushes of main that have failed
};

} // namespace dm_remap

#endif
