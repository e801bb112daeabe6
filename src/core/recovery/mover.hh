// SPDX-License-Identifier: GPL-2.0
// The administrator's jobs: what lives on a member moves to the others, and the member is taken out of the set (remove_spare);
// blocks of main move to spares before they fail, and back (remap, unremap, retry_pending); others make room for guard blocks,
// or take their places again (guard, unguard). One at a time.
//
// A worker of its own takes each piece's range, drains what was under way to it, asks the index again, moves, releases:
// see BlockMove. Nothing is allocated on a member that is being emptied. A job ends with a reload of the table; what it has
// moved stays moved.
#ifndef DM_REMAP_CORE_MOVER_HH
#define DM_REMAP_CORE_MOVER_HH

#include "core/recovery/block_move.hh"
#include "core/recovery/guard.hh"
#include "core/recovery/range_table.hh"
#include "core/recovery/request_queue.hh"

namespace dm_remap {

class Mover final {
public:
	struct Config {
		dmr_instance *inst;
		BlockSize block_size;
		PhysicalBlocks physical;
		DurableMap *map;
		RangeTable *ranges;
		RequestQueue *queue;
		BlockMove *move;
		GuardState *guard;
	};

	static constexpr uint32_t none = MemberList::slots;

	Error init(const Config &config);
	void destroy();

	enum class Kind : uint8_t { none, evacuate, remap, unremap, retry, guard, unguard };
	// What is to be guarded.
	struct Guarding {
		struct Part {
			MainBlock from, end;
		};
		static constexpr uint32_t most = DMR_GUARD_RANGES;

		GuardStamp stamp;	// unguard too
		Part parts[most];	// in any order
		uint32_t count;
	};
	struct Order {
		Kind kind = Kind::none;
		uint32_t slot = none;	// evacuate: this member, which is closed already
		bool give_up = false;	// evacuate: what cannot be read there is lost
		MainBlock at, end;	// the others: these blocks
		const Guarding *guarding = nullptr; // guard, unguard; copied
	};
	enum class State : uint8_t { running, done, stopped, failed };
	struct Progress {
		Kind kind = Kind::none;	// none: there was no job since this table was made
		State state = State::done;
		MainBlock from, at, end;
		uint64_t moved = 0, unreadable = 0, refused = 0, begun_ns = 0;
	};

	// As messages call it. Any context.
	static const char *name_of(Kind kind);

	// EBUSY: a job is under way. process.
	Error start(const Order &order);
	// End the job of this kind, for evacuate that of this member. ENOENT: there is none. process, may block.
	Error cancel(Kind kind, uint32_t slot = none);
	// Stop until unpause(): no range is held on return. process, may block.
	void pause();
	void unpause();

	// Is a job under way, also one that is paused? Any context.
	bool busy() const { return kind() != Kind::none; }
	Kind kind() const
	{
		const Last last = this->last();

		return last.state == State::running ? last.kind : Kind::none;
	}
	// The member that is being emptied, or none. Any context.
	uint32_t slot() const { return kind() == Kind::evacuate ? __atomic_load_n(&slot_, __ATOMIC_RELAXED) : none; }
	// Of the job that is under way, or the last one; each number as it was at some moment. Any context.
	Progress progress() const;

private:
	static constexpr uint32_t buffer_bytes = 64 * 1024;

	struct Pass {
		uint64_t seen = 0, moved = 0, given_up = 0, unreadable = 0, without_place = 0, not_drained = 0; // blocks; the last: pieces
	};

	// The job that is under way, or the last one. In one word, so that nobody sees the kind of one with the state of another.
	struct Last {
		Kind kind;
		State state;
	};

	Last last() const
	{
		const uint32_t word = __atomic_load_n(&last_, __ATOMIC_RELAXED);

		return { static_cast<Kind>(word & 0xff), static_cast<State>(word >> 8) };
	}
	void set_last(Kind kind, State state)
	{
		__atomic_store_n(&last_, static_cast<uint32_t>(kind) | static_cast<uint32_t>(state) << 8, __ATOMIC_RELAXED);
	}
	void end(State state) { set_last(last().kind, state); }

	static void run(void *context, unsigned int worker);
	// mover.cc
	void empty_member();
	Pass pass();
	void move_piece(MainBlock start, Blocks length, Pass &pass);
	void leave_member(const char *failure, const Pass &pass);
	Blocks most() const { return longest_piece(buffer_bytes, c_.block_size); }
	// hand_jobs.cc
	void walk();
	bool step();
	MainBlock next_wanted(MainBlock at, MainBlock end, MainBlock &stop) const;
	bool wants(const IndexAnswer &answer) const;
	MainBlock next_named(MainBlock at, MainBlock &end) const;
	BlockMove::ByHand move_by_hand(MainBlock start, Blocks length, bool narrow);
	bool gives_back() const { return kind() == Kind::unremap || kind() == Kind::unguard; }
	bool about_guard() const { return kind() == Kind::guard || kind() == Kind::unguard; }
	bool look_at_guard();
	void finish(const char *failure);
	bool stopping() const { return __atomic_load_n(&stop_, __ATOMIC_RELAXED); }
	void stop();

	Config c_{};
	dmr_workers *worker_ = nullptr;
	uint8_t *buffer_ = nullptr;
	WorkerSpace *space_ = nullptr;
	Mutex lock_;		// of start, cancel, pause, unpause
	uint32_t last_ = static_cast<uint32_t>(State::done) << 8;
	uint32_t slot_ = none;
	bool give_up_ = false;
	MainBlock from_, at_, end_;
	Guarding guarding_{};
	MainBlock narrow_until_;	// some of what comes before it has failed
	uint32_t not_drained_ = 0;	// steps in a row
	uint64_t moved_ = 0, unreadable_ = 0, refused_ = 0;
	uint64_t begun_ = 0;	// by dmr_now_ns()
	bool stop_ = false;
};

} // namespace dm_remap

#endif
