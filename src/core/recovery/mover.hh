// SPDX-License-Identifier: GPL-2.0
// The job of remove_spare: moves what lives on a member to the others, piece by piece under live I/O, then takes the
// member out of the set.
//
// A worker of its own takes each piece's range, drains what was under way to it, asks the index again, moves, releases:
// see BlockMove::evacuate(). Nothing is allocated on the member meanwhile. The job ends with a reload of the table; what it
// has moved stays moved.
#ifndef DM_REMAP_CORE_MOVER_HH
#define DM_REMAP_CORE_MOVER_HH

#include "core/recovery/block_move.hh"
#include "core/recovery/range_table.hh"
#include "core/recovery/request_queue.hh"

namespace dm_remap {

class Mover final {
public:
	struct Config {
		dmr_instance *inst;
		BlockSize block_size;
		DurableMap *map;
		RangeTable *ranges;
		RequestQueue *queue;
		BlockMove *move;
	};

	static constexpr uint32_t none = MemberList::slots;

	Error init(const Config &config);
	void destroy();

	// Begin with this member, which is closed already. give_up: what cannot be read there is lost. EBUSY: a job is under way. process.
	Error start(uint32_t slot, bool give_up);
	// ENOENT: no such job. process, may block.
	Error cancel(uint32_t slot);
	// Stop until unpause(): no range is held on return. process, may block.
	void pause();
	void unpause();

	// The member that is being emptied, or none. Any context.
	uint32_t slot() const { return __atomic_load_n(&slot_, __ATOMIC_RELAXED); }
	uint64_t moved() const { return __atomic_load_n(&moved_, __ATOMIC_RELAXED); } // blocks, by the last job
	uint64_t begun() const { return __atomic_load_n(&begun_, __ATOMIC_RELAXED); } // when the last job did, by dmr_now_ns()

private:
	static constexpr uint32_t buffer_bytes = 64 * 1024;

	struct Pass {
		uint64_t seen = 0, moved = 0, given_up = 0, unreadable = 0, without_place = 0, not_drained = 0; // blocks; the last: pieces
	};

	static void run(void *context, unsigned int worker);
	void work();
	Pass pass();
	void move_piece(MainBlock start, Blocks length, Pass &pass);
	void end(const char *failure, const Pass &pass);
	bool stopping() const { return __atomic_load_n(&stop_, __ATOMIC_RELAXED); }
	void stop();

	Config c_{};
	dmr_workers *worker_ = nullptr;
	uint8_t *buffer_ = nullptr;
	WorkerSpace *space_ = nullptr;
	Mutex lock_;		// of start, cancel, pause, unpause
	uint32_t slot_ = none;
	uint64_t moved_ = 0;
	uint64_t begun_ = 0;
	bool give_up_ = false;
	bool stop_ = false;
};

} // namespace dm_remap

#endif
