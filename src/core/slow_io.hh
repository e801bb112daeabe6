// SPDX-License-Identifier: GPL-2.0
// What is done for a request that has entered the slow path: it failed, or it touches pending blocks, or its range was
// taken. Straight-line code on a worker that holds the request's range; see "write" and "read" in the design's
// section on the I/O path.
//
// A request is worked on in pieces of up to 128 blocks, so that what a worker keeps is bounded: a piece's records are
// committed before the next piece is begun. Nothing here allocates memory.
#ifndef DM_REMAP_CORE_SLOW_IO_HH
#define DM_REMAP_CORE_SLOW_IO_HH

#include "block_set.hh"
#include "counters.hh"
#include "flush_state.hh"
#include "main_test.hh"
#include "map_store.hh"

#include <array>

namespace dm_remap {

// The part of the engine's memory that belongs to one worker.
struct WorkerSpace final {
	void *block = nullptr;		// one block, for trials
	void *data = nullptr;		// one block, for data that moves: no trial may touch it
	BlockSet bad;			// blocks of the piece that the place where they live does not take or give
	BlockSet was_pending;		// those of them that were pending before
	BlockSet unplaced;		// those of them that no spare block holds yet
	BlockSet weak;			// blocks of main that could be read after all: to be rescued
	std::array<dmr_record, 288> records{}; // one to place each block, one for each spare block gone bad, and some
	uint32_t record_count = 0;
	uint32_t data_members = 0;	// bit per member that the records' data went to
	uint64_t placed_at = 0;		// FlushState::moment() before the first of it was written
	uint32_t refusing_members = 0;	// bit per member of which a block refused its first write
};

// One request under work; or a move, whose data is the engine's own.
struct Job final {
	dmr_request *req = nullptr;
	const uint8_t *own = nullptr;	// instead of a request: the data of info.sectors sectors
	dmr_request_info info{};
	MainBlock start;
	Blocks length;
	uint64_t deadline = 0;		// past it, untried blocks are not tried any more
	bool main_tested = false;	// by a control block, in this request
	bool remaps = true;		// what it relocates counts as remapped; what moves between spares does not
	dmr_status failure = DMR_STS_MEDIUM; // the last that main or a spare gave
	WorkerSpace *space = nullptr;
};

class SlowIo final {
public:
	struct Config {
		dmr_instance *inst;
		dmr_device *main;
		BlockSize block_size;
		const MemberList *members;
		uint32_t read_retries;
		bool read_only;
		MapStore *store;
		MainTest *main_test;
		FlushState *flush_state;
		Counters *counters;
	};

	static constexpr uint64_t budget_ns = 20'000'000'000ull;

	void init(const Config &config) { c_ = config; }

	// The status to give back to the user. Caller holds the request's range. process, may block.
	dmr_status serve(Job &job);

	struct Moved {
		uint32_t moved = 0, unreadable = 0, unplaced = 0; // blocks
	};
	// Move what lives on this member of [start, start + length), at most a piece, to other members. Caller holds the
	// range and has drained it; buffer has room for all of it. process, may block.
	Moved evacuate(uint32_t slot, MainBlock start, Blocks length, uint8_t *buffer, WorkerSpace &space);

private:
	struct Segment {
		MainBlock start;
		Blocks length;
		bool found;
		Extent extent;	// the whole extent, if found
	};

	// slow_io.cc
	dmr_status discard(Job &job);
	Segment segment_at(MainBlock at, MainBlock end) const;
	dmr_status main_io(Job &job, MainBlock at, Blocks length);
	dmr_status spare_io(Job &job, const Segment &segment, MainBlock at, Blocks length);
	dmr_status spare_io_at(Job &job, MainBlock at, Blocks length, uint32_t member, SpareBlock spare, uint32_t flags);
	bool spare_answers(const Job &job, uint32_t member);
	bool avoid(uint32_t members);

	// slow_write.cc: the trial on main or on the spare that serves the block
	dmr_status write(Job &job);
	dmr_status write_piece(Job &job, MainBlock first, Blocks length);
	dmr_status try_main(Job &job, MainBlock piece, MainBlock at, Blocks length);
	dmr_status rewrite_spare(Job &job, MainBlock piece, const Segment &segment);

	// slow_relocate.cc: what main does not take goes to a spare
	dmr_status relocate(Job &job, MainBlock piece);
	dmr_status place_all(Job &job, MainBlock piece);
	dmr_status place_late(Job &job);
	dmr_status place(Job &job, MainBlock piece, MainBlock at, Blocks length);
	dmr_status try_spare_blocks(Job &job, MainBlock piece, MainBlock at, const dmr_spare_extent &spare);
	dmr_status commit_records(Job &job, uint32_t *lost_members = nullptr);
	bool serves_now(const Job &job, uint32_t member, uint64_t spare_block) const;
	dmr_status give_up(Job &job, dmr_status status);
	dmr_status without_spare(Job &job, MainBlock piece);
	bool main_takes_writes(Job &job, MainBlock piece);
	void add_record(WorkerSpace &space, const dmr_record &record);

	// slow_read.cc
	dmr_status read(Job &job);
	dmr_status read_piece(Job &job, MainBlock first, Blocks length);
	dmr_status read_main(Job &job, MainBlock piece, MainBlock at, Blocks length);
	dmr_status read_spare(Job &job, const Segment &segment);
	dmr_status read_pending(Job &job, MainBlock piece, const Segment &segment);
	dmr_status retry_block(Job &job, MainBlock at, bool &weak);
	void record_pending(Job &job, MainBlock piece);

	// slow_move.cc
	void rescue(Job &job, MainBlock piece);
	dmr_status read_own(const Job &job, dmr_device *dev, uint64_t sector, uint8_t *to, Blocks length) const;

	Config c_;
};

// A failure that may be the block's own.
constexpr bool may_be_media(dmr_status status)
{
	return status == DMR_STS_MEDIUM || status == DMR_STS_IOERR || status == DMR_STS_TARGET;
}

// What the user is told of a block that cannot be had, whatever name its disk gave to that.
constexpr dmr_status as_medium(dmr_status status)
{
	return may_be_media(status) ? static_cast<dmr_status>(DMR_STS_MEDIUM) : status;
}

} // namespace dm_remap

#endif
