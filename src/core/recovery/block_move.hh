// SPDX-License-Identifier: GPL-2.0
// Moves of blocks whose data the engine reads itself, after the drain, into its own buffers: rescue, remove_spare, and what the
// administrator asks for. What users write meanwhile waits for the range.
#ifndef DM_REMAP_CORE_RECOVERY_BLOCK_MOVE_HH
#define DM_REMAP_CORE_RECOVERY_BLOCK_MOVE_HH

#include "core/recovery/guard.hh"
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

	// Reads what of [start, start + length), at most a piece, lives on spares. What comes only when it is asked again moves to other
	// spare blocks, and those where it lived are bad for good; what does not come stays. buffer has room for all of it. `end`:
	// all before it was asked, a block at least; the time for one recovery may be over before the others are. start: what was under
	// way there did not come to its end.
	Moved refresh(MainBlock start, Blocks length, uint8_t *buffer, WorkerSpace &space, MainBlock &end);

	struct ByHand {
		uint32_t moved = 0, unreadable = 0, refused = 0; // blocks; refused: main does not take them back
		bool narrow = false;	// nothing was done: some of it fails, ask for one physical block after the other
		const char *failure = nullptr; // no use to go on
	};
	enum class Save : uint8_t {
		all,		// for remap
		pending,	// only what is pending already, each asked once
		to_guard,	// it is guarded from then on; not what is a guard block itself, which is nobody's data
	};
	// What of [start, start + length), at most a piece, lives on main goes to spares while it can be read; what cannot becomes
	// pending. narrow: it is so short that what fails is bad; else nothing is done then. Caller has drained the range; buffer has
	// room for all of it.
	ByHand save(MainBlock start, Blocks length, bool narrow, Save what, uint8_t *buffer, WorkerSpace &space);
	// What of it lives on spares, guarded or not as asked for, goes back to main, durably, is read back and compared; only then the
	// record goes. back: as large as buffer.
	ByHand give_back(MainBlock start, Blocks length, bool guarded, bool narrow, uint8_t *buffer, uint8_t *back, WorkerSpace &space);
	static constexpr const char *not_all_know = "a spare was dropped, and every spare must know what is guarded";
	// All of it that can be read lives on spares then and is guarded, durably; only after that main gets guard blocks. moved: of
	// those that main has taken. As save().
	ByHand guard(MainBlock start, Blocks length, const GuardStamp &stamp, bool narrow, uint8_t *buffer, WorkerSpace &space);

private:
	Error mark_guarded(MainBlock start, Blocks length, WorkerSpace &space);
	ByHand write_guards(MainBlock start, Blocks length, const GuardStamp &stamp, bool narrow, uint8_t *buffer, WorkerSpace &space);
	Job begin(MainBlock start, Blocks length, uint8_t *buffer, WorkerSpace &space) const;
	// From where this part of a mapped segment lives; its member is there.
	dmr_status read_spare(const Job &move, const Segment &segment, MainBlock at, Blocks length, uint8_t *to, uint32_t retries) const;
	// In the move's buffer.
	uint8_t *place_of(const Job &move, MainBlock at) const { return move.own + (at - move.start).value * p_.block_size.bytes(); }
	bool all_comes(Job &move, uint32_t &silent) const;
	MainBlock find_weak(Job &move, uint32_t silent) const;
	uint32_t sectors_of(const Segment &segment) const { return static_cast<uint32_t>(p_.block_size.to_sectors(segment.length).value); }
	bool spare_gives(const Job &move, const Segment &segment, uint8_t *to) const;
	bool main_takes(const Segment &segment, const uint8_t *data, uint8_t *back) const;

	RecoveryParts p_{};
	const DeviceIo *io_ = nullptr;
	Relocation *relocation_ = nullptr;
};

} // namespace dm_remap

#endif
