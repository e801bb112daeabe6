// SPDX-License-Identifier: GPL-2.0
// Reads on the slow path: narrowed down to physical blocks, which are asked again. What main does not give becomes pending, durably, and the read
// fails.
#ifndef DM_REMAP_CORE_RECOVERY_READ_RECOVERY_HH
#define DM_REMAP_CORE_RECOVERY_READ_RECOVERY_HH

#include "core/recovery/block_move.hh"

namespace dm_remap {

// All in process context; may block. The caller holds the job's range.
class ReadRecovery final {
public:
	void init(const RecoveryParts &parts, const DeviceIo &io, BlockMove &move)
	{
		p_ = parts;
		io_ = &io;
		move_ = &move;
	}

	// The status to give back to the user.
	dmr_status read(Job &job);

private:
	dmr_status read_piece(Job &job, MainBlock first, Blocks length);
	dmr_status read_main(Job &job, MainBlock piece, MainBlock at, Blocks length);
	dmr_status read_spare(Job &job, const Segment &segment);
	dmr_status read_pending(Job &job, MainBlock piece, const Segment &segment);
	dmr_status ask_main(Job &job, dmr_status status);
	dmr_status retry(Job &job, MainBlock at, Blocks length, dmr_status status);
	void record_pending(Job &job, MainBlock piece);

	RecoveryParts p_{};
	const DeviceIo *io_ = nullptr;
	BlockMove *move_ = nullptr;
};

} // namespace dm_remap

#endif
