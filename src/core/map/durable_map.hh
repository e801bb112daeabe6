// SPDX-License-Identifier: GPL-2.0
// The map and everything that keeps it: index and region filter in memory, the allocator that says which spare block, the
// metadata that says what is durable.
//
// Law of a commit, in this order: (1) the data of all its remaps is durable, (2) its records are durable, (3) they are
// published in the index in the order in which they were logged, (4) the caller may complete its I/O. A crash between
// any two leaves the old state or the new one.
//
// Commits of several recoveries go out together: the first that comes leads, takes what is ready, and does the I/O for
// all; the leader is a running worker, so nobody waits for work that has not started. It waits a little for those that are about
// to come, as otherwise half of them would always just have missed it. Who submits without waiting leaves his ticket to the one
// that leads, who goes on until no such ticket is left; one that cannot stay so long has them wait and take over.
//
// durable_map.cc is its life and what a record does to it; load.cc, commit.cc and members.cc build on that.
#ifndef DM_REMAP_CORE_MAP_DURABLE_MAP_HH
#define DM_REMAP_CORE_MAP_DURABLE_MAP_HH

#include "core/index/extent_index.hh"
#include "core/index/region_filter.hh"
#include "core/map/counters.hh"
#include "core/map/flush_state.hh"
#include "core/map/member_list.hh"
#include "core/map/spare_allocator.hh"

#include <dm_remap/engine.h>
#include <dm_remap/locks.hh>
#include <dm_remap/units.hh>

#include <span>

namespace dm_remap {

// One recovery's part of a commit; lives on its worker until commit() returns, or from submit() to done().
struct CommitTicket final {
	std::span<const dmr_record> records;
	uint32_t data_members = 0;	// bit per member whose cache may hold data that the records speak of
	uint64_t data_moment = 0;	// FlushState::moment() before that data was written
	bool marks = false;		// they say no more than that what lives there already is guarded
	void (*done)(void *context) = nullptr; // of submit(): process, may block; the ticket is the caller's again
	void *context = nullptr;

	// Answers.
	uint32_t committed = 0;		// so many records, from the front, are durable and published
	bool in_doubt = false;		// of the others nobody knows whether a later load will find them
	uint32_t lost_members = 0;	// of data_members those whose flush failed: what is there is not durable
	bool announced = false;		// by announce()

	// The committer's own.
	uint32_t taken = 0;
	Error result = Error::none();	// as commit() answers it
	bool waited_for = true;
	CommitTicket *next = nullptr;
};

class DurableMap final {
public:
	struct Config {
		dmr_instance *inst;
		BlockSize block_size;
		Blocks main_blocks;
		MemberList *members;
		bool read_only;
		const dmr_metadata_ops *metadata;
		const dmr_spare_pool_ops *pool;
		Counters *counters;
		FlushState *flush_state;
		dmr_gate *gate;
	};

	// Allocates; setup.max_extents and the layout are set, or it is a set that exists. process.
	Error init(const Config &config, const dmr_setup &setup, char *reason);
	void destroy();

	// ---- life; process, one caller, no requests under way ----

	Error format(char *reason);
	// Forget what is in memory and take the newest state from the members; writes only if a copy needs mending and
	// `mend`.
	Error load(bool mend, char *reason);
	// EUCLEAN: what was loaded cannot be written as a checkpoint. No commit leaves that, but an image may say it; the
	// constructor has to notice, as preresume could only fail.
	Error fits_checkpoint(char *reason) const;

	// ---- workers; process, may block ----

	// All records durable and published, or an error: ENOSPC the map is full, EIO data or metadata could not be made
	// durable, ENOMEM, ESTALE what was to be marked does not live there any more. The ticket says how much was done before.
	Error commit(CommitTicket &ticket);
	// The same for records of blocks of main, without waiting for the end: ticket.done() is called then, once, perhaps before
	// this returns, by this worker or by another that leads.
	void submit(CommitTicket &ticket);
	// The caller is about to commit: it writes its data, and will call commit() with a ticket that says so, or withdraw().
	void announce();
	void withdraw();
	// Is the caller, who has announced himself, the only one now? Others may come at any moment.
	bool alone() const { return __atomic_load_n(&announced_, __ATOMIC_RELAXED) == 1; }
	// For a read-only table: known in memory only.
	Error remember(std::span<const dmr_record> records);
	// Spare blocks that no record speaks of are free again; whoever watches their member looks.
	void release(const dmr_spare_extent &extent);
	SpareAllocator &spares() { return spares_; }
	const SpareAllocator &spares() const { return spares_; }

	// ---- members; process, may block ----

	// Wait for a commit or a release to end while blocks are in use on this member, unless told to stop: set that, then
	// call wake_watchers().
	void watch(uint32_t slot, const bool &stop);
	void wake_watchers();
	Error add_member(const dmr_member_range &range, const dmr_member_entry &entry, char *reason);
	// Would the set go on without this member? EBUSY: there is no other one that takes metadata.
	Error may_go(uint32_t slot, char *reason) const;
	// Nothing lives there, and what map has sent there was drained: it looks for its device. EBUSY: it is the only one that is
	// healthy. Also EIO.
	Error remove_member(uint32_t slot, char *reason);
	// Name, main and read_retries as here, durably. If they cannot be written nothing is remapped any more, as after a commit
	// that cannot.
	void update_setup(const dmr_setup &setup);
	// How far the patrol has come, durably. As above if that cannot be written.
	void keep_patrol(const dmr_patrol_record &patrol);
	// What is pending is lost, durably; for a read-only table in memory only. blocks: how many there are. ENOMEM, and nothing
	// has changed; EIO.
	Error lose_pending(uint64_t &blocks, char *reason);
	// No load comes across what the map has replaced until now. If that cannot be written: as above.
	void forget_replaced();
	// Does it take its metadata? Asked by writing a checkpoint, where there is another one that might go on without it: one to
	// which nothing was written since it died is dropped by that.
	bool takes_part(uint32_t slot);
	// Do all members have all that is committed, and takes no one part who has not? A member that is just being added is waited for.
	bool complete();
	// Before the first record of a lost block. EIO: the metadata can no longer be written.
	Error prepare_to_lose();
	// Before the first record of a guarded block, and the first guard block on main: the set has a UUID for main, and older
	// modules refuse it. EIO: as above.
	Error prepare_to_guard();
	// What lives on this member, which is not healthy, is lost, durably. blocks: how many there are; EBUSY, and nothing changed, if
	// there are some and not `may`. Also ENOMEM, EIO.
	Error lose(uint32_t slot, bool may, uint64_t &blocks, char *reason);
	// After that: it is no member any more. Nobody looks for its device. EBUSY: what had begun before is under way. Also EIO.
	Error forget_member(uint32_t slot, char *reason);

	// ---- readers ----

	const ExtentIndex &index() const { return index_; }	// any, in an RCU section
	const RegionFilter &filter() const { return filter_; }	// any
	// As index().lookup(), in an RCU section of its own. any.
	IndexAnswer lookup(MainBlock block, MainBlock limit) const
	{
		RcuSection section;
		return index_.lookup(block, limit);
	}
	// Is any of [start, end) of this kind? any.
	bool any(ExtentKind kind, MainBlock start, MainBlock end) const;
	bool failed() const { return __atomic_load_n(&failed_, __ATOMIC_RELAXED); }
	// Of the set, missing ones too. Any context.
	uint32_t member_count() const
	{
		uint32_t n = 0;

		for (uint32_t left = spares_.known(); left; left &= left - 1)
			n++;
		return n;
	}
	const dmr_setup &setup() const { return *metadata_ops_->setup(metadata_); } // while nobody commits
	void copy_setup(dmr_setup &out); // process, may block
	void snapshot(dmr_snapshot &out) const; // process, may block
	uint64_t max_extents() const { return max_extents_; }
	// Does the map say anything of blocks from `end` on? The first of them. While nobody commits.
	bool reaches_beyond(MainBlock end, MainBlock &first) const;
	// So many more entries fit into a checkpoint. A record adds two at most: it cuts one of the index in its midst.
	uint64_t room() const
	{
		uint64_t used = index_.extents() + bad_records_;

		return max_extents_ > used ? max_extents_ - used : 0;
	}
	static constexpr uint64_t most_added = 2;

private:
	class Source;
	class Leadership;

	// durable_map.cc
	Error forget_all();
	Error add_to_pool(uint32_t slot, bool missing);
	void release_replaced(MainBlock start, Blocks length);
	bool only_marks(const dmr_record &record) const;
	bool all_only_mark(std::span<const dmr_record> records) const;
	Error put_record(const dmr_record &record);
	Error forget_in_memory(uint32_t slot);
	uint64_t entries() const { return index_.extents() + spares_.bad_runs(); } // of a checkpoint; while nobody else changes the map
	void note_members();
	void note_lost();
	void note_generation();
	Error checkpoint();
	void fail(const char *what, int error);

	// load.cc
	Error load_records(dmr_load_report &report, char *reason);
	static int load_record(void *context, const dmr_record *record);
	Error apply_loaded(const dmr_record &record);
	Error add_joining();
	void give_up_joining();

	// commit.cc. Caller holds commit_lock_:
	uint64_t enqueue(CommitTicket &ticket);
	void lead(uint64_t own, bool stays);
	void lead_batch();
	CommitTicket *take_finished(uint32_t tickets, Error error);
	bool any_left_alone() const;
	void gather();
	void one_less_to_come();
	uint32_t choose(uint32_t credit, uint32_t &data_members);
	uint64_t added_by(std::span<const dmr_record> records) const;
	uint64_t added_by(const dmr_record &record) const;
	uint32_t waiting_records() const;
	void settle(CommitTicket &ticket, Error error);
	// Caller leads, and holds no lock:
	uint32_t flush_data(uint32_t members);
	uint32_t compose(uint32_t tickets, uint32_t failed_members);
	Error write_batch(uint32_t count);
	void publish(uint32_t count, bool in_doubt);

	// members.cc
	template <typename Write>
	Error write_setup(Write write);
	Error must_be_written(Error error);
	Error two_checkpoints();
	Error use_features(uint64_t features);
	Error prepare_for_loss(uint64_t extents, char *reason);
	template <typename Which>
	Error put_lost(Which which);
	Error remove_from_set(uint32_t slot, bool wipe);
	Error forget(uint32_t slot, bool wipe);

	dmr_instance *inst_ = nullptr;
	BlockSize block_size_;
	Blocks main_blocks_;
	MemberList *members_ = nullptr;
	bool read_only_ = false;
	bool failed_ = false;
	uint64_t generation_ = 0;	// the metadata's, for readers that do not lead
	uint64_t max_extents_ = 0;
	uint64_t orphans_ = 0;		// blocks mapped to slots without a member, while the map is loaded
	uint64_t bad_records_ = 0;	// at least the number of bad runs: they take room in a checkpoint too
	const dmr_metadata_ops *metadata_ops_ = nullptr;
	dmr_metadata *metadata_ = nullptr;
	Counters *counters_ = nullptr;
	FlushState *flush_state_ = nullptr;
	SpareAllocator spares_;
	ExtentIndex index_;
	RegionFilter filter_;

	Mutex commit_lock_;
	dmr_cond *committed_ = nullptr;
	dmr_cond *arrived_ = nullptr;	// of those that were announced the last has come, or withdrawn
	uint32_t announced_ = 0;
	uint64_t batch_ns_ = 10'000'000;	// what the last batch took; before the first, a guess
	uint32_t watchers_ = 0;
	bool leading_ = false;
	bool leaves_ = false;		// who leads now leaves it to those that wait, as soon as he may
	uint32_t wanting_ = 0;		// who want to lead, and have no ticket: before all others
	uint64_t entered_ = 0, ended_ = 0; // tickets; they end in the order in which they came
	CommitTicket *first_ = nullptr;
	CommitTicket *last_ = nullptr;
	dmr_record *batch_ = nullptr;	// the leader's
	uint32_t batch_capacity_ = 0;
};

} // namespace dm_remap

#endif
