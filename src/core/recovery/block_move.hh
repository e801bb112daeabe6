// SPDX-License-Identifier: GPL-2.0
// Moves of blocks whose data the engine reads itself, after the drain, into its own buffers. What users write meanwhile
// waits for the range.
#ifndef DM_REMAP_CORE_RECOVERY_BLOCK_MOVE_HH
#define DM_REMAP_CORE_RECOVERY_BLOCK_MOVE_HH

#include "core/recovery/relocation.hh"

namespace dm_remap {

// All in process context; may block. The caller holds the range.
class BlockMove final {
public:
	void init(const RecoveryParts &parts, const DeviceIo &io, Relocation &relocation)
	{
		p_ = parts;
		io_ = &io;
		relocation_ = &relocation;
	}

	// The weak blocks of a piece that was read with trouble. Whatever goes wrong here, the user has his data, and the
	// blocks stay where they are.
	void rescue(Job &job, MainBlock piece);

	struct Moved {
		uint32_t moved = 0, given_up = 0, unreadable = 0, without_place = 0; // blocks
	};
	// What lives on this member of [start, start + length), at most a piece, to other members. Caller has drained the
	// range; buffer has room for all of it. give_up: what cannot be read is lost, or nothing moves.
	Moved evacuate(uint32_t slot, MainBlock start, Blocks length, bool give_up, uint8_t *buffer, WorkerSpace &space);

private:
	uint32_t record_lost(MainBlock piece, WorkerSpace &space) const;

	RecoveryParts p_{};
	const DeviceIo *io_ = nullptr;
	Relocation *relocation_ = nullptr;
};

} // namespace dm_remap

#endif
