// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "dm_remap/kernel_api.h"

struct dmr_worker {
	struct work_struct work;
	struct dmr_workers *set;
};

struct dmr_workers {
	struct workqueue_struct *queue;
	void (*run)(void *context, unsigned int worker);
	void *context;
	struct dmr_worker items[];
};

/* An allocation that started I/O could wait for this very worker. */
static void dmr_worker_run(struct work_struct *work)
{
	struct dmr_worker *item = container_of(work, struct dmr_worker, work);
	struct dmr_workers *w = item->set;
	unsigned int noio = memalloc_noio_save();

	w->run(w->context, item - w->items);
	memalloc_noio_restore(noio);
}

struct dmr_workers *dmr_workers_create(const char *name, unsigned int count,
				       void (*run)(void *context, unsigned int worker), void *context)
{
	struct dmr_workers *w = dmr_alloc(struct_size(w, items, count));
	unsigned int i;

	if (!w)
		return NULL;
	w->queue = alloc_workqueue("%s", WQ_MEM_RECLAIM | WQ_UNBOUND, count, name);
	if (!w->queue) {
		dmr_free(w);
		return NULL;
	}
	w->run = run;
	w->context = context;
	for (i = 0; i < count; i++) {
		w->items[i].set = w;
		INIT_WORK(&w->items[i].work, dmr_worker_run);
	}
	return w;
}
EXPORT_SYMBOL_GPL(dmr_workers_create);

/* A work item never runs twice at a time, and one queued while it runs is run once more. */
void dmr_worker_start(struct dmr_workers *w, unsigned int worker)
{
	queue_work(w->queue, &w->items[worker].work);
}
EXPORT_SYMBOL_GPL(dmr_worker_start);

void dmr_workers_drain(struct dmr_workers *w)
{
	flush_workqueue(w->queue);
}
EXPORT_SYMBOL_GPL(dmr_workers_drain);

void dmr_workers_destroy(struct dmr_workers *w)
{
	if (!w)
		return;
	destroy_workqueue(w->queue);
	dmr_free(w);
}
EXPORT_SYMBOL_GPL(dmr_workers_destroy);
