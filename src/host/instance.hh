// SPDX-License-Identifier: GPL-2.0
// The C side of one table's target as kernel_api.h sees it: a name for the log, events, the in-flight counts.
#ifndef DMR_HOST_INSTANCE_HH
#define DMR_HOST_INSTANCE_HH

#include "dm_remap/kernel_api.h"
#include "host/rcu.hh"
#include "host/scheduler.hh"
#include "host/world.hh"

#include <cstdint>
#include <string>

// The protocol is the kernel's own, over these primitives.
struct dmr_inflight {
	unsigned int epoch = 0, draining = 0;
	long counts[2] = {};
	dm_remap::host::WaitQueue idle;
	bool locked = false; // a drain is under way
	dm_remap::host::WaitQueue unlocked;
};

inline unsigned int dmr_if_load(const unsigned int *p) { return *p; }
inline unsigned int dmr_if_load_acquire(const unsigned int *p) { return *p; }
inline void dmr_if_store(unsigned int *p, unsigned int v) { *p = v; }
inline void dmr_if_store_release(unsigned int *p, unsigned int v) { *p = v; }
inline void dmr_if_section_begin() { dmr_rcu_read_lock(); }
inline void dmr_if_section_end() { dmr_rcu_read_unlock(); }
inline void dmr_if_inc(dmr_inflight *f, unsigned int epoch) { f->counts[epoch]++; }
inline void dmr_if_dec_release(dmr_inflight *f, unsigned int epoch) { f->counts[epoch]--; }
inline long dmr_if_sum_acquire(const dmr_inflight *f, unsigned int epoch) { return f->counts[epoch]; }
void dmr_if_grace();
void dmr_if_wake(dmr_inflight *f);
bool dmr_if_wait_idle(dmr_inflight *f, unsigned int epoch, uint64_t deadline_ns);

#include "shim/inflight_protocol.h"

struct dmr_instance final {
	// name: of the mapped device; what survives reloads is found by it.
	explicit dmr_instance(std::string device_name);
	~dmr_instance();
	dmr_instance(const dmr_instance &) = delete;
	dmr_instance &operator=(const dmr_instance &) = delete;

	const std::string name;
	uint64_t events[DMR_EVENT_COUNT] = {};
	dmr_inflight inflight;

	void *persistent = nullptr;
	const uint32_t boot; // in which it was made
};

namespace dm_remap::host {
using Instance = ::dmr_instance;
} // namespace dm_remap::host

#endif
