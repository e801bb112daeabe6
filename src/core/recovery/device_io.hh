// SPDX-License-Identifier: GPL-2.0
// The ways of a part of a request to main and to the spares, which all recovery shares. Each call is one command to one
// device, or a few reads; nothing here changes the map.
#ifndef DM_REMAP_CORE_RECOVERY_DEVICE_IO_HH
#define DM_REMAP_CORE_RECOVERY_DEVICE_IO_HH

#include "core/recovery/job.hh"

namespace dm_remap {

// What the index says of a run of blocks: one thing.
struct Segment final {
	MainBlock start;
	Blocks length;
	bool found;
	Extent extent;	// the whole extent, if found

	bool is(ExtentKind kind) const { return found && extent.kind == kind; }
	bool guarded() const { return is(ExtentKind::mapped) && extent.guarded; }
	bool on_member(uint32_t member) const { return is(ExtentKind::mapped) && extent.member == member; }
	// Of a mapped segment.
	SpareBlock spare_of(MainBlock at) const { return extent.spare + (at - extent.start); }
};

// All in process context; may block.
class DeviceIo final {
public:
	void init(const RecoveryParts &parts) { p_ = parts; }

	// What the index says from `at` on, cut at `end`.
	Segment segment_at(MainBlock at, MainBlock end) const;

	dmr_status main_io(const Job &job, MainBlock at, Blocks length, uint32_t more_flags = 0) const;
	// To the spare, which is there, that serves this part of a mapped segment. What it has written is to be flushed.
	dmr_status spare_io(const Job &job, const Segment &segment, MainBlock at, Blocks length) const;
	// To a spare block, which need not serve anything yet. What is written is the caller's to make durable.
	dmr_status spare_io_at(const Job &job, MainBlock at, Blocks length, uint32_t member, SpareBlock spare, uint32_t flags) const;
	// Into a buffer of the engine's own, and so often again if it fails; sector is the device's.
	dmr_status read_own(const Job &job, dmr_device *dev, uint64_t sector, uint8_t *to, Blocks length, uint32_t retries) const;

	// Does the member answer at all?
	bool spare_answers(const Job &job, uint32_t member) const;
	// Nothing new goes to these members, bit by bit, if others have room. Answers whether they have.
	bool avoid(uint32_t members) const;

private:
	// This part of the job's data, at this sector of that device.
	dmr_status device_io(const Job &job, MainBlock at, Blocks length, dmr_device *dev, uint64_t sector, uint32_t flags) const;

	RecoveryParts p_{};
};

} // namespace dm_remap

#endif
