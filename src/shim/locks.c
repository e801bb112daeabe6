// SPDX-License-Identifier: GPL-2.0
/* Each lock is a lockdep class of its own, so that no two of the engine's are taken for one. */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "dm_remap/kernel_api.h"

struct dmr_mutex {
	struct mutex lock;
	struct lock_class_key key;
};

struct dmr_spinlock {
	spinlock_t lock;
	struct lock_class_key key;
};

struct dmr_cond {
	wait_queue_head_t wait;
};

struct dmr_mutex *dmr_mutex_create(const char *name)
{
	struct dmr_mutex *m = dmr_alloc(sizeof(*m));

	if (m) {
		lockdep_register_key(&m->key);
		mutex_init(&m->lock);
		lockdep_set_class_and_name(&m->lock, &m->key, name);
	}
	return m;
}
EXPORT_SYMBOL_GPL(dmr_mutex_create);

void dmr_mutex_destroy(struct dmr_mutex *m)
{
	if (!m)
		return;
	mutex_destroy(&m->lock);
	lockdep_unregister_key(&m->key);
	dmr_free(m);
}
EXPORT_SYMBOL_GPL(dmr_mutex_destroy);

void dmr_mutex_lock(struct dmr_mutex *m)
{
	mutex_lock(&m->lock);
}
EXPORT_SYMBOL_GPL(dmr_mutex_lock);

void dmr_mutex_unlock(struct dmr_mutex *m)
{
	mutex_unlock(&m->lock);
}
EXPORT_SYMBOL_GPL(dmr_mutex_unlock);

struct dmr_spinlock *dmr_spinlock_create(const char *name)
{
	struct dmr_spinlock *l = dmr_alloc(sizeof(*l));

	if (l) {
		lockdep_register_key(&l->key);
		spin_lock_init(&l->lock);
		lockdep_set_class_and_name(&l->lock, &l->key, name);
	}
	return l;
}
EXPORT_SYMBOL_GPL(dmr_spinlock_create);

void dmr_spinlock_destroy(struct dmr_spinlock *l)
{
	if (!l)
		return;
	lockdep_unregister_key(&l->key);
	dmr_free(l);
}
EXPORT_SYMBOL_GPL(dmr_spinlock_destroy);

unsigned long dmr_spin_lock(struct dmr_spinlock *l)
{
	unsigned long flags;

	spin_lock_irqsave(&l->lock, flags);
	return flags;
}
EXPORT_SYMBOL_GPL(dmr_spin_lock);

void dmr_spin_unlock(struct dmr_spinlock *l, unsigned long flags)
{
	spin_unlock_irqrestore(&l->lock, flags);
}
EXPORT_SYMBOL_GPL(dmr_spin_unlock);

struct dmr_cond *dmr_cond_create(const char *name)
{
	struct dmr_cond *c = dmr_alloc(sizeof(*c));

	if (c)
		init_waitqueue_head(&c->wait);
	return c;
}
EXPORT_SYMBOL_GPL(dmr_cond_create);

void dmr_cond_destroy(struct dmr_cond *c)
{
	dmr_free(c);
}
EXPORT_SYMBOL_GPL(dmr_cond_destroy);

/* On the queue before the mutex is released: no wake that comes after the release is missed. */
void dmr_cond_wait(struct dmr_cond *c, struct dmr_mutex *m)
{
	DEFINE_WAIT(wait);

	prepare_to_wait(&c->wait, &wait, TASK_UNINTERRUPTIBLE);
	mutex_unlock(&m->lock);
	schedule();
	finish_wait(&c->wait, &wait);
	mutex_lock(&m->lock);
}
EXPORT_SYMBOL_GPL(dmr_cond_wait);

int dmr_cond_wait_until(struct dmr_cond *c, struct dmr_mutex *m, uint64_t deadline_ns)
{
	u64 now = ktime_get_ns();
	u64 left = deadline_ns > now ? nsecs_to_jiffies64(deadline_ns - now) + 1 : 0;
	DEFINE_WAIT(wait);

	prepare_to_wait(&c->wait, &wait, TASK_IDLE); /* one that waits for a time is no load */
	mutex_unlock(&m->lock);
	left = schedule_timeout(min_t(u64, left, MAX_JIFFY_OFFSET));
	finish_wait(&c->wait, &wait);
	mutex_lock(&m->lock);
	return left ? 0 : -ETIMEDOUT;
}
EXPORT_SYMBOL_GPL(dmr_cond_wait_until);

void dmr_cond_wake_all(struct dmr_cond *c)
{
	wake_up_all(&c->wait);
}
EXPORT_SYMBOL_GPL(dmr_cond_wake_all);
