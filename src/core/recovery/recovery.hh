// SPDX-License-Identifier: GPL-2.0
// What is done for a request that has entered the slow path: it failed, or it touches pending blocks, or its range was
// taken. Straight-line code on a worker that holds the request's range; see "write" and "read" in the design's
// section on the I/O path.
#ifndef DM_REMAP_CORE_RECOVERY_RECOVERY_HH
#define DM_REMAP_CORE_RECOVERY_RECOVERY_HH

#include "core/recovery/block_move.hh"
#include "core/recovery/read_recovery.hh"
#include "core/recovery/write_recovery.hh"

namespace dm_remap {

class Recovery final {
public:
	Recovery() = default;
	Recovery(const Recovery &) = delete;
	Recovery &operator=(const Recovery &) = delete;

	void init(const RecoveryParts &parts);

	// The status to give back to the user. Caller holds the request's range. process, may block.
	dmr_status serve(Job &job);
	// For the job of remove_spare.
	BlockMove &move() { return move_; }
	// For what goes on without a worker.
	const DeviceIo &io() const { return io_; }

private:
	dmr_status discard(const Job &job) const;

	RecoveryParts p_{};
	DeviceIo io_;
	Relocation relocation_;
	BlockMove move_;
	ReadRecovery reads_;
	WriteRecovery writes_;
};

} // namespace dm_remap

#endif
