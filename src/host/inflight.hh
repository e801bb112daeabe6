// SPDX-License-Identifier: GPL-2.0
// What src/shim/inflight_protocol.h, which is the kernel's own, is made of in the simulated world.
#ifndef DMR_HOST_INFLIGHT_HH
#define DMR_HOST_INFLIGHT_HH

#include "dm_remap/kernel_api.h"
#include "host/scheduler.hh"

#include <cstdint>

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

#endif
