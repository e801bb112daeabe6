// SPDX-License-Identifier: GPL-2.0
// Writes on the slow path: each block is tried where the map says it lives; what refuses it is relocated.
#ifndef DM_REMAP_CORE_RECOVERY_WRITE_RECOVERY_HH
#define DM_REMAP_CORE_RECOVERY_WRITE_RECOVERY_HH

#include "core/recovery/relocation.hh"

namespace dm_remap {

// All in process context; may block. The caller holds the job's range.
class WriteRecovery final {
public:
	void init(const RecoveryParts &parts, const DeviceIo &io, Relocation &relocation)
	{
		p_ = parts;
		io_ = &io;
		relocation_ = &relocation;
	}

	// The status to give back to the user. Write-zeroes too.
	dmr_status write(Job &job);

private:
	dmr_status write_piece(Job &job, MainBlock first, Blocks length);
	dmr_status try_main(Job &job, MainBlock piece, MainBlock at, Blocks length);
	void skip_trials(Job &job, MainBlock piece, MainBlock at, Blocks length);
	dmr_status rewrite_spare(Job &job, MainBlock piece, const Segment &segment);

	RecoveryParts p_{};
	const DeviceIo *io_ = nullptr;
	Relocation *relocation_ = nullptr;
};

} // namespace dm_remap

#endif
