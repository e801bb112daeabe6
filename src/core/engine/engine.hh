// SPDX-License-Identifier: GPL-2.0
// One table's engine: it owns the parts and wires them. The C functions of engine.h are its methods.
#ifndef DM_REMAP_CORE_ENGINE_HH
#define DM_REMAP_CORE_ENGINE_HH

#include "core/engine/set_assembly.hh"
#include "core/map/counters.hh"
#include "core/map/durable_map.hh"
#include "core/map/flush_state.hh"
#include "core/map/main_flush.hh"
#include "core/recovery/deferred_writes.hh"
#include "core/recovery/main_test.hh"
#include "core/recovery/mover.hh"
#include "core/recovery/patrol.hh"
#include "core/recovery/range_table.hh"
#include "core/recovery/recovery.hh"
#include "core/recovery/request_queue.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

class Engine final {
public:
	// See engine.h for each of these.
	Error create(const dmr_engine_params &params, char *reason);
	void destroy();
	Error resume(const char *name, char *reason);
	void begin();
	void presuspend()
	{
		patrol_.hold();
		mover_.pause();
	}
	void presuspend_undo()
	{
		mover_.unpause();
		patrol_.release();
	}
	void postsuspend();

	// route.cc
	dmr_route route(dmr_op op, uint64_t sector, uint32_t sectors) const;
	dmr_device *member_device(uint32_t member) const { return members_.device(member); }
	bool has_member(const dmr_member_range &range) const { return members_.find(range) != MemberList::slots; }
	uint32_t missing() const;
	bool removing() const { return mover_.slot() != Mover::none; }
	bool wants_failed(dmr_op op, dmr_status status, bool optional);
	void enqueue(dmr_request *req) { queue_.push(req); }
	bool flushes_behind(uint32_t &moment) const
	{
		moment = main_flush_.moment();
		return main_flush_.is_behind();
	}
	void enqueue_fua(dmr_request *req) { fua_queue_.push(req); }
	void spare_write_ended(uint32_t member, dmr_status status, uint32_t flags)
	{
		flush_state_.write_ended(members_, member, status, flags);
	}
	bool flush_needs_worker() const;
	void enqueue_flush(dmr_request *req) { flush_queue_.push(req); }

	void status(TextWriter &out);
	int message(unsigned int argc, char **argv, TextWriter &out, char *reason);
	void snapshot(dmr_snapshot &out);
	const dmr_setup &setup() const { return set_.setup(); }

	Error add_member(const dmr_member_range &range, char *reason);
	int remove_member(const dmr_member_range &range, bool force, char *reason);
	Error cancel_remove(const dmr_member_range &range, char *reason);
	Error forget_member(uint32_t slot, bool force, char *reason);

private:
	// engine.cc
	uint32_t in_use(uint32_t members);
	Error init_parts(char *reason);
	size_t physical_bytes() const { return physical_.size().value * block_size_.bytes(); }
	static void serve(void *context, dmr_request *req, uint32_t worker);
	static void serve_flush(void *context, dmr_request *req, uint32_t worker);
	static void serve_fua(void *context, dmr_request *req, uint32_t worker);
	static void end(void *context, dmr_request *req, uint32_t range, dmr_status status);
	static void serve_again(void *context, dmr_request *req);
	static void end_all(dmr_request *first, dmr_status status); // linked by dmr_request_next()
	dmr_mode mode() const;
	void watch_pool();
	void tell_reach();

	// setup.cc
	Error main_holds_map(char *reason) const;
	Error leave_old_main(char *reason);
	void keep_setup();

	// members.cc
	Error may_write(char *reason) const;
	Error may_change(char *reason) const;
	Error left_alone(char *reason);

	// messages.cc
	struct MemberName {
		char text[sizeof(dmr_device_info::name)];
	};
	MemberName member_name(uint32_t slot) const;
	const char *member_state(uint32_t slot) const;
	void message_spares(TextWriter &out);
	void message_job(TextWriter &out, const Mover::Progress &job);
	void message_status(TextWriter &out);
	void message_stats(TextWriter &out);
	void message_health(TextWriter &out);
	void message_cache_stats(TextWriter &out);
	void message_help(TextWriter &out);

	// by_hand.cc
	bool by_hand(unsigned int argc, char **argv, char *reason, int &result);
	void job_in_the_way(char *reason) const;
	Error start_by_hand(const dmr_hand_message &message, char *reason);
	Error may_move(char *reason) const;
	Error blocks_of(uint64_t sector, uint64_t count, MainBlock &from, MainBlock &end, char *reason) const;
	Error leaves_guarded(const Mover::Order &order, char *reason) const;

	// scrub.cc
	bool scrub(unsigned int argc, char **argv, TextWriter &out, char *reason, int &result);
	Error change_scrub(const dmr_scrub_message &message, char *reason);
	void message_scrub(TextWriter &out) const;

	// guard.cc
	bool guarding(unsigned int argc, char **argv, char *reason, int &result);
	Error start_guarding(const dmr_guard_message &message, char *reason);
	Error may_guard(const dmr_guard_message &message, Mover::Order &order, Mover::Guarding &guarding, char *reason);
	Error may_guard_part(const Mover::Guarding::Part &part, uint64_t &wanted, uint64_t &pieces, char *reason) const;
	Error look_at_guard(char *reason);
	void tell_guard();
	void message_guard(TextWriter &out) const;

	// list.cc
	int list(unsigned int argc, char **argv, TextWriter &out, char *reason);
	bool listed_next(MainBlock at, Extent &out) const;
	void list_extent(TextWriter &out, const Extent &extent) const;

	// Left by one table to the next of the mapped device.
	struct Persistent {
		CounterValues counters;
		uint32_t lost_flushes;	// members of which the user was not told that a flush of the engine's own failed
	};

	dmr_engine_params p_{};
	char name_[DMR_NAME_SIZE] = {};
	BlockSize block_size_;
	PhysicalBlocks physical_;
	SetAssembly set_;
	MemberList members_;
	Persistent *persistent_ = nullptr;
	bool loaded_ = false;
	bool guard_seen_ = false;		// by the constructor
	bool suspended_ = true;
	uint32_t pool_level_ = 0;		// of the warnings about the pool: 0, 1 a quarter left, 2 a tenth

	RangeTable ranges_;
	RequestQueue queue_;
	RequestQueue flush_queue_;
	RequestQueue fua_queue_;
	FlushState flush_state_;
	Counters counters_;
	DurableMap map_;
	MainFlush main_flush_;
	MainTest main_test_;
	Recovery recovery_;
	DeferredWrites deferred_;
	GuardState guard_;
	Mover mover_;
	Patrol patrol_;
	WorkerSpace *spaces_ = nullptr;		// max_workers of them
};

} // namespace dm_remap

struct dmr_engine final {
	dm_remap::Engine engine;
};

#endif
