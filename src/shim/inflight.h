/* SPDX-License-Identifier: GPL-2.0 */
/* What inflight_protocol.h is made of in the kernel. */
#ifndef DMR_SHIM_INFLIGHT_H
#define DMR_SHIM_INFLIGHT_H

#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>

struct dmr_inflight_counts {
	long in[2];
};

struct dmr_inflight {
	unsigned int epoch;
	unsigned int draining;
	struct dmr_inflight_counts __percpu *counts;
	struct mutex lock;	/* one drain at a time */
	wait_queue_head_t wait;
};

#define dmr_if_load(p) READ_ONCE(*(p))
#define dmr_if_load_acquire(p) smp_load_acquire(p)
#define dmr_if_store(p, v) WRITE_ONCE(*(p), v)
#define dmr_if_store_release(p, v) smp_store_release(p, v)

/* As good a reader for synchronize_rcu() as rcu_read_lock(), and cheaper where RCU is preemptible. */
#define dmr_if_section_begin() rcu_read_lock_sched()
#define dmr_if_section_end() rcu_read_unlock_sched()
#define dmr_if_grace() synchronize_rcu_expedited()

static inline void dmr_if_inc(struct dmr_inflight *f, unsigned int epoch)
{
	this_cpu_inc(f->counts->in[epoch]);
}

static inline void dmr_if_dec_release(struct dmr_inflight *f, unsigned int epoch)
{
	smp_mb__before_atomic();
	this_cpu_dec(f->counts->in[epoch]);
}

long dmr_if_sum_acquire(struct dmr_inflight *f, unsigned int epoch);
void dmr_if_wake(struct dmr_inflight *f);
bool dmr_if_wait_idle(struct dmr_inflight *f, unsigned int epoch, u64 deadline_ns);

int dmr_inflight_init(struct dmr_inflight *f);
void dmr_inflight_exit(struct dmr_inflight *f); /* nothing is in flight; also of one that is all zero */

#endif
