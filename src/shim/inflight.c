// SPDX-License-Identifier: GPL-2.0
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched.h>

#include "shim/inflight.h"

long dmr_if_sum_acquire(struct dmr_inflight *f, unsigned int epoch)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(f->counts, cpu)->in[epoch]);
	smp_mb(); /* pairs with the one in dmr_if_dec_release() */
	return sum;
}

void dmr_if_wake(struct dmr_inflight *f)
{
	wake_up(&f->wait);
}

bool dmr_if_wait_idle(struct dmr_inflight *f, unsigned int epoch, u64 deadline_ns)
{
	u64 now = ktime_get_ns();
	u64 left = deadline_ns > now ? deadline_ns - now : 0;
	u64 jiffies_left = left ? nsecs_to_jiffies64(left) + 1 : 0;

	return wait_event_timeout(f->wait, !dmr_if_sum_acquire(f, epoch), min_t(u64, jiffies_left, MAX_JIFFY_OFFSET));
}

int dmr_inflight_init(struct dmr_inflight *f)
{
	f->counts = alloc_percpu(struct dmr_inflight_counts);
	if (!f->counts)
		return -ENOMEM;
	mutex_init(&f->lock);
	init_waitqueue_head(&f->wait);
	return 0;
}

void dmr_inflight_exit(struct dmr_inflight *f)
{
	free_percpu(f->counts);
}
