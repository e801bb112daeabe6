// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dm_remap/kernel_api.h"

/*
 * kvzalloc() falls back to vmalloc only for GFP_KERNEL; the scope keeps it from starting I/O. Of small sizes
 * only powers of two are sure to be aligned to 16 (96 and 192 are not, with slab debugging).
 */
void *dmr_alloc(size_t bytes)
{
	unsigned int noio = memalloc_noio_save();
	void *p;

	if (bytes <= 256)
		bytes = roundup_pow_of_two(max_t(size_t, bytes, 16));
	p = kvzalloc(bytes, GFP_KERNEL | __GFP_NOWARN);
	memalloc_noio_restore(noio);
	return p;
}
EXPORT_SYMBOL_GPL(dmr_alloc);

void dmr_free(void *p)
{
	kvfree(p);
}
EXPORT_SYMBOL_GPL(dmr_free);

static void dmr_free_after_grace(struct rcu_head *head)
{
	kvfree(head);
}

/* Core waits for these callbacks when it is unloaded (rcu_barrier()). */
void dmr_free_rcu(void *p)
{
	BUILD_BUG_ON(sizeof(struct rcu_head) > 16);
	if (p)
		call_rcu(p, dmr_free_after_grace);
}
EXPORT_SYMBOL_GPL(dmr_free_rcu);

void dmr_rcu_synchronize(void)
{
	synchronize_rcu_expedited();
}
EXPORT_SYMBOL_GPL(dmr_rcu_synchronize);

void dmr_rcu_read_lock(void)
{
	rcu_read_lock();
}
EXPORT_SYMBOL_GPL(dmr_rcu_read_lock);

void dmr_rcu_read_unlock(void)
{
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(dmr_rcu_read_unlock);

void *dmr_io_buffer_alloc(size_t bytes)
{
	/* Who must not start I/O runs in a scope that says so; without it fragmented memory is compacted for us. */
	return alloc_pages_exact(bytes, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
}
EXPORT_SYMBOL_GPL(dmr_io_buffer_alloc);

void dmr_io_buffer_free(void *p, size_t bytes)
{
	if (p)
		free_pages_exact(p, bytes);
}
EXPORT_SYMBOL_GPL(dmr_io_buffer_free);
