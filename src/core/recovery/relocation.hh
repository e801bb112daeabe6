// SPDX-License-Identifier: GPL-2.0
// Relocation: blocks that main, or the spare where they live, refuses get new spare blocks. Written there, committed; only
// then may their request end.
#ifndef DM_REMAP_CORE_RECOVERY_RELOCATION_HH
#define DM_REMAP_CORE_RECOVERY_RELOCATION_HH

#include "core/recovery/device_io.hh"

namespace dm_remap {

// All in process context; may block. The caller holds the job's range. A piece is the part of the job under work, by its
// first block: the sets of blocks in the worker's space count from there.
class Relocation final {
public:
	void init(const RecoveryParts &parts, const DeviceIo &io)
	{
		p_ = parts;
		io_ = &io;
	}

	// All that is in space.bad. OK: it lives on spares, durably, or there was no spare and main has it after all; or the job has
	// left. Else the status for the user; then no spare block is spent.
	dmr_status relocate(Job &job, MainBlock piece);

	// The same for one that has left and returned: main has been asked.
	dmr_status relocate_again(Job &job);

	// ---- the steps of it, for data that moves ----

	// Spare blocks for all of space.to_relocate, written. Not OK: some are still without one.
	dmr_status relocate_blocks(Job &job, MainBlock piece);
	// The records in the worker's space. NOSPC: the map is full. On any failure the spare blocks that no record speaks of are
	// free again. lost_members: those whose flush failed. announced: to the map, that they come.
	dmr_status commit_records(Job &job, uint32_t *lost_members = nullptr, bool announced = false);
	// The request fails: what it had allocated is free again; spare blocks found bad are remembered all the same.
	dmr_status give_up(Job &job, dmr_status status);

private:
	dmr_status place_and_commit(Job &job, MainBlock piece);
	dmr_status relocate_run(Job &job, MainBlock piece, MainBlock at, Blocks length);
	void add_mapped(Job &job, MainBlock at, const dmr_spare_extent &spare);
	dmr_status try_spare_blocks(Job &job, MainBlock piece, MainBlock at, const dmr_spare_extent &spare);
	bool serves_now(const Job &job, uint32_t member, uint64_t spare_block) const;
	dmr_status without_spare(Job &job, MainBlock piece);
	bool main_takes_writes(Job &job, MainBlock piece);

	RecoveryParts p_{};
	const DeviceIo *io_ = nullptr;
};

} // namespace dm_remap

#endif
