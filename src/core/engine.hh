// SPDX-License-Identifier: GPL-2.0
// One table's engine: it owns the parts and wires them. The C functions of engine.h are its methods.
#ifndef DM_REMAP_CORE_ENGINE_HH
#define DM_REMAP_CORE_ENGINE_HH

#include "counters.hh"
#include "flush_state.hh"
#include "main_test.hh"
#include "map_store.hh"
#include "mover.hh"
#include "range_table.hh"
#include "request_queue.hh"
#include "slow_io.hh"

#include <dm_remap/breaks.hh>
#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

namespace dm_remap {

class Engine final {
public:
	// See engine.h for each of these.
	Error create(const dmr_engine_params &params, char *reason);
	void destroy();
	Error resume(char *reason);
	void presuspend() { mover_.pause(); }
	void presuspend_undo() { mover_.unpause(); }
	void postsuspend();

	// The healthy path, inline. The ranges before the index: whoever has released a range has published what he did under
	// it before, so that who does not see the range any more sees that.
	dmr_route route(dmr_op op, uint64_t sector, uint32_t sectors) const
	{
		bool empty = broken(Break::index_before_ranges) && store_.index().empty();

		race_point();
		bool taken = ranges_.any();

		race_point();
		if (!taken && (empty || store_.index().empty())) [[likely]]
			return { sector, sectors, DMR_WHERE_MAIN, 0 };
		return route_near(op, sector, sectors, taken);
	}
	dmr_device *member_device(uint32_t member) const { return members_.device(member); }
	bool has_member(const dmr_member_range &range) const { return members_.find(range) != MemberList::slots; }
	bool removing() const { return mover_.slot() != Mover::none; }
	bool wants_failed(dmr_op op, dmr_status status, bool optional);
	void enqueue(dmr_request *req) { queue_.push(req); }
	void spare_written(uint32_t member) { flush_state_.written(member); }
	void spare_fua_failed(uint32_t member) { flush_state_.fua_failed(members_, member); }
	bool flush_needs_worker() const { return !flush_state_.clean() && !broken(Break::no_spare_flush); }
	void enqueue_flush(dmr_request *req) { flush_queue_.push(req); }

	void status(TextWriter &out);
	int message(unsigned int argc, char **argv, TextWriter &out, char *reason);
	void snapshot(dmr_snapshot &out);
	const dmr_setup &setup() const { return assembly_->setup; }

	Error add_member(const dmr_member_range &range, char *reason);
	int remove_member(const dmr_member_range &range, char *reason);
	Error cancel_remove(const dmr_member_range &range, char *reason);

private:
	uint32_t in_use(uint32_t members);
	dmr_route route_near(dmr_op op, uint64_t sector, uint32_t sectors, bool taken) const;
	// engine.cc
	Error describe(char *reason);
	Error init_parts(char *reason);
	static void serve(void *context, dmr_request *req, uint32_t worker);
	static void serve_flush(void *context, dmr_request *req, uint32_t worker);
	static void end_all(dmr_request *first, dmr_status status); // linked by dmr_request_next()
	dmr_mode mode() const;
	void watch_pool();

	// engine_members.cc
	Error assemble(char *reason);
	Error probe_members(char *reason);
	Error place_members(char *reason);
	Error still_blank(char *reason);
	Error may_change(char *reason) const;
	bool names(const dmr_setup &own) const;
	void tell_reach();

	// admin.cc
	struct MemberName {
		char text[sizeof(dmr_device_info::name)];
	};
	MemberName member_name(uint32_t slot) const;
	const char *member_state(uint32_t slot) const;
	void message_spares(TextWriter &out);
	void message_status(TextWriter &out);
	void message_stats(TextWriter &out);
	void message_health(TextWriter &out);
	void message_cache_stats(TextWriter &out);
	void message_help(TextWriter &out);

	// Left by one table to the next of the mapped device.
	struct Persistent {
		CounterValues counters;
		uint32_t lost_flushes;	// members of which the user was not told that a flush of the engine's own failed
	};

	dmr_engine_params p_{};
	char name_[DMR_NAME_SIZE] = {};
	BlockSize block_size_;
	dmr_main_identity identity_{};
	dmr_assembly_verdict verdict_ = DMR_ASSEMBLY_LOAD;
	dmr_assembly *assembly_ = nullptr;
	dmr_probe *probes_ = nullptr;		// member_count of them, in the table's order
	MemberList members_;
	Persistent *persistent_ = nullptr;
	bool loaded_ = false;
	bool suspended_ = true;
	uint32_t pool_level_ = 0;		// of the warnings about the pool: 0, 1 a quarter left, 2 a tenth

	RangeTable ranges_;
	RequestQueue queue_;
	RequestQueue flush_queue_;
	FlushState flush_state_;
	Counters counters_;
	MapStore store_;
	MainTest main_test_;
	SlowIo slow_io_;
	Mover mover_;
	WorkerSpace *spaces_ = nullptr;		// max_workers of them
};

} // namespace dm_remap

#endif
