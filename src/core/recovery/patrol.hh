// SPDX-License-Identifier: GPL-2.0
// The patrol: reads all of main in the background, and what lives on spares for it, to find what is weak while it can
// still be read. For users it is a scrub.
//
// What comes costs one command. Main is read without taking a range, as nobody looks at the data. What main does not give is
// served as a user's read of it would be, under its range: what comes late is rescued, what does not come becomes pending.
// What lives on a spare is read under its range always, as the member may be leaving. Blocks that are pending, lost or in doubt,
// or whose spare is missing, are left alone: nothing new is to be learnt of them.
//
// It gives way: while others use main's disk it reads a burst, then rests a multiple of what that took. It reads a disk alone:
// where two mains are partitions of one, the second patrol waits for the end of the first.
//
// How far it has come is kept in the superblocks, never more than has been read, so that it goes on after a reboot.
#ifndef DM_REMAP_CORE_RECOVERY_PATROL_HH
#define DM_REMAP_CORE_RECOVERY_PATROL_HH

#include "core/recovery/range_table.hh"
#include "core/recovery/recovery.hh"
#include "core/recovery/request_queue.hh"

namespace dm_remap {

class Patrol final {
public:
	struct Config {
		dmr_instance *inst;
		dmr_device *main;
		MainBlock end;		// of the table
		BlockSize block_size;
		PhysicalBlocks physical;
		DurableMap *map;
		RangeTable *ranges;
		RequestQueue *queue;
		Recovery *recovery;
	};
	// Blocks, since the pass began, or this table did.
	struct Counts {
		uint64_t read = 0, rescued = 0, pending = 0, spare_moved = 0, spare_unreadable = 0;
	};
	struct Progress {
		dmr_patrol_record record;	// its position is that of now
		bool waits;			// for the patrol of another partition of main's disk
		Counts counts;
	};

	Error init(const Config &config);
	void destroy();

	// ---- messages; process, may block, but for no I/O ----

	// A pass from the beginning. EBUSY: one is under way, or paused. ENOMEM.
	Error start();
	// ENOENT: there is none, or for resume none that is paused.
	Error stop();
	Error pause();
	Error resume();
	void set_rate(uint32_t sectors_per_second); // 0: no limit
	Progress progress() const;

	// ---- life; process, may block ----

	// As the set has it: with release() the pass that was under way goes on, if the table may write.
	void load(const dmr_patrol_record &record, bool may_run);
	// No I/O of its own is under way on return, and what it has done is recorded.
	void hold();
	// As hold(), and nothing is recorded any more: whoever may write next does.
	void close();
	// After load(), a hold() that came to nothing, or close().
	void release();

private:
	static constexpr uint32_t most_sectors = 2048;		// of main at a time; and no more than a 64th, so that any has steps
	static constexpr uint32_t piece_bytes = 64 * 1024;	// of what is looked at closely at a time

	size_t physical_bytes() const { return c_.physical.size().value * c_.block_size.bytes(); }
	// Caller holds the lock.
	bool wanted() const { return record_.state == DMR_PATROL_RUNNING && !held_; }
	bool wanted(uint64_t number) const { return wanted() && pass_ == number; }
	Error allocate();
	void changed();
	static void run(void *context, unsigned int worker);
	void patrol();
	bool goes_on(uint64_t number);
	void pass(uint64_t number);
	MainBlock position() const;
	bool come_to(MainBlock at, uint64_t number);
	void finish(uint64_t number);
	void pause_for(const char *reason, uint64_t number);
	bool enter_disk(uint64_t number);
	void keep();
	bool others_use_disk();
	void give_way(uint64_t took_ns, uint64_t number);
	void keep_to_rate(uint64_t number);
	void rest(uint64_t until_ns, uint64_t number, bool for_others);
	// patrol_reads.cc. Why it cannot go on, or null.
	Blocks piece() const { return longest_piece(piece_bytes, c_.block_size); }
	const char *read_at(MainBlock at, MainBlock &next, uint64_t number);
	const char *look_closer(MainBlock &at, MainBlock end, dmr_status status, uint64_t number);
	const char *serve_piece(MainBlock start, MainBlock end, dmr_status status, bool &again);
	void let_go(uint32_t range);
	MainBlock read_spares(MainBlock at, Blocks length);
	void count(uint64_t Counts::*counter, uint64_t blocks);
	void count_read(Blocks length);

	Config c_{};
	dmr_workers *worker_ = nullptr;
	// There from the first start on.
	dmr_scratch *scratch_ = nullptr;
	uint8_t *buffer_ = nullptr;
	WorkerSpace *space_ = nullptr;

	Mutex lock_;		// of what follows
	dmr_cond *told_ = nullptr;	// something has changed that the worker should know
	dmr_patrol_record record_{};	// its position is that of now
	bool may_run_ = false;
	bool held_ = true;
	bool closed_ = true;
	bool begins_ = false;		// the event of its beginning is due
	uint64_t pass_ = 0;		// changes with each start and stop: what a pass has read counts for no other
	bool waits_ = false;
	Counts counts_;

	// The worker's own.
	uint64_t works_for_ = 0;	// this pass
	dmr_patrol_record kept_{};	// as the superblocks have it
	uint64_t kept_ns_ = 0;
	uint64_t activity_ = 0, own_sectors_ = 0; // see others_use_disk()
	bool shared_ = false;		// others have used the disk lately
	uint32_t undrained_ = 0;	// times in a row
	bool looked_closer_ = false;	// since the last give_way()
	uint64_t burst_ns_ = 0;		// it has read beside others since it rested
	uint64_t to_pace_ = 0;		// sectors it has read since keep_to_rate()
	uint64_t paced_ns_ = 0;		// by then what was read at paced_rate_ should have been
	uint32_t paced_rate_ = 0;
};

} // namespace dm_remap

#endif
