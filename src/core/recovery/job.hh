// SPDX-License-Identifier: GPL-2.0
// One request on the slow path, the memory of the worker that serves it, and what all recovery works with.
//
// A request is worked on in pieces of up to 128 blocks, so that what a worker keeps is bounded: a piece's records are
// committed before the next piece is begun. Nothing in this folder allocates memory for a request.
#ifndef DM_REMAP_CORE_RECOVERY_JOB_HH
#define DM_REMAP_CORE_RECOVERY_JOB_HH

#include "core/map/counters.hh"
#include "core/map/durable_map.hh"
#include "core/map/flush_state.hh"
#include "core/map/main_flush.hh"
#include "core/map/member_list.hh"
#include "core/recovery/block_set.hh"
#include "core/recovery/main_test.hh"
#include "core/recovery/narrowing.hh"

#include <array>

namespace dm_remap {

class DeferredWrites;

// What recovery works with; all of it belongs to the engine and outlives it.
struct RecoveryParts final {
	dmr_instance *inst;
	dmr_device *main;
	BlockSize block_size;
	PhysicalBlocks physical;
	const MemberList *members;
	uint32_t read_retries;
	bool read_only;
	DurableMap *map;
	MainTest *main_test;
	MainFlush *main_flush;
	FlushState *flush_state;
	DeferredWrites *deferred;
	Counters *counters;

	// These records of users' data, of the request at this sector, are durable: counts it, and tells it in the log. process.
	void note_remapped(std::span<const dmr_record> records, uint64_t sector, bool tell = true) const;
};

// The part of the engine's memory that belongs to one worker.
struct WorkerSpace final {
	void *block = nullptr;		// one block, for trials
	void *data = nullptr;		// one physical block, for data that moves: no trial may touch it
	BlockSet bad;			// blocks of the piece that the place where they live does not take or give
	BlockSet known_before;		// those of them that were pending or lost before: main has not been asked
	BlockSet to_relocate;		// those of them that no spare block holds yet
	BlockSet weak;			// blocks of main that could be read after all: to be rescued
	std::array<dmr_record, 288> records{}; // one for each block, one for each spare block gone bad, and some
	uint32_t record_count = 0;
	uint32_t data_members = 0;	// bit per member that the records' data went to
	uint64_t data_moment = 0;	// FlushState::moment() before the first of it was written
	uint32_t refusing_members = 0;	// bit per member of which a block refused its first write

	// Both buffers, as far as they are not there yet; data_bytes 0: without the second. ENOMEM. process.
	Error allocate(size_t block_bytes, size_t data_bytes);
	void release(size_t block_bytes, size_t data_bytes);

	// Nothing is known of its blocks yet.
	void begin_piece()
	{
		bad.clear();
		known_before.clear();
		forget_records();
	}
	void forget_records()
	{
		record_count = 0;
		data_members = 0;
	}
	// A run that continues the last record lengthens it.
	void add_record(const dmr_record &record);
	// One of this kind for each run of `bad`, which counts from `piece`, as far as there is room. How many blocks.
	uint32_t add_bad(uint8_t kind, MainBlock piece);
};

// The longest piece that a buffer of so many bytes, and the sets of a worker, have room for.
constexpr Blocks longest_piece(uint32_t buffer_bytes, BlockSize block_size)
{
	const uint32_t blocks = buffer_bytes / block_size.bytes();

	return Blocks(blocks < BlockSet::capacity ? blocks : BlockSet::capacity);
}

// One request under work; or the engine's own: a move, or a read of the patrol's.
struct Job final {
	dmr_request *req = nullptr;
	uint8_t *own = nullptr;		// instead of a request: info.sectors sectors of the engine's own, to be written or read into
	dmr_request_info info{};
	MainBlock start;
	Blocks length;
	uint64_t deadline = 0;		// past it, untried blocks are not tried any more
	bool main_tested = false;	// by a control block, in this request
	bool vouched_for = false;	// a write: a control block took its own after the last block of it that main refused
	bool found_bad = false;		// a block that main does not give or take: recorded, it spares the next request the search
	bool flushes_main = false;	// a write with FUA, to a main without: main is flushed at the end, and each part written without
	bool wrote_main = false;	// a part of it lives there
	uint32_t main_moment = 0;	// MainFlush::moment() before the first of that was written
	uint32_t range = 0;		// the slot of the table in which the request holds its range
	bool may_leave = false;		// a write of which only this piece is left: its commit need not be waited for here
	bool left = false;		// it has: neither the request nor its range are this worker's any more
	bool returned = false;		// its commit came to nothing, as a spare lost what was written there: another one is to take space.bad
	MainBlock piece;		// of one that was relocated
	bool remaps = true;		// what it relocates counts as remapped; what moves between spares does not
	bool guards = false;		// what it relocates is guarded from then on
	bool told_at_end = false;	// a piece of what somebody asked for: a line for each would keep the reason of its end out of the log
	bool cut_short = false;		// a read: the time was over, and some of what lives on main has not been asked
	uint32_t recorded = 0;		// a read: blocks that became pending
	uint32_t rescued = 0;		// a read: blocks
	dmr_status failure = DMR_STS_MEDIUM; // the last that main or a spare gave
	WorkerSpace *space = nullptr;
};

// A failure that may be the block's own.
constexpr bool may_be_media(dmr_status status)
{
	return status == DMR_STS_MEDIUM || status == DMR_STS_IOERR || status == DMR_STS_TARGET;
}

// What main has said of a run of the job's blocks that lives there, before the first of it is tried. Past the deadline there is
// one trial: all of it.
inline Narrowing::Before asked_before(const Job &job)
{
	if (job.info.failed == DMR_STS_OK || dmr_now_ns() > job.deadline)
		return Narrowing::Before::not_asked;
	return job.info.failed == DMR_STS_MEDIUM ? Narrowing::Before::bad_medium : Narrowing::Before::other_failure;
}

// What the user is told of a block that cannot be had, whatever name its disk gave to that.
constexpr dmr_status as_medium(dmr_status status)
{
	return may_be_media(status) ? static_cast<dmr_status>(DMR_STS_MEDIUM) : status;
}

} // namespace dm_remap

#endif
