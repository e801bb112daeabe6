// SPDX-License-Identifier: GPL-2.0
/* What the stats module is told: which devices run, and what they have counted. */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/part_stat.h>
#include <linux/sched/mm.h>

#include "core/target/stats_devices.h"

/*
 * The lock is held over the calls into the stats module, and resume waits for it: no allocation under it may
 * wait for a suspended device.
 */
static DEFINE_MUTEX(dmr_stats_lock);
static const struct dmr_stats_ops *dmr_stats_ops;
static LIST_HEAD(dmr_stats_devices);

int dmr_register_stats(const struct dmr_stats_ops *ops)
{
	unsigned int noio = memalloc_noio_save();
	struct dmr_stats_device *device;
	int err = 0;

	mutex_lock(&dmr_stats_lock);
	if (ops->abi != DMR_STATS_ABI) {
		err = -EINVAL;
	} else if (dmr_stats_ops) {
		err = -EEXIST;
	} else {
		dmr_stats_ops = ops;
		list_for_each_entry(device, &dmr_stats_devices, list)
			ops->device_added(device, device->name, &device->cookie);
	}
	mutex_unlock(&dmr_stats_lock);
	memalloc_noio_restore(noio);
	return err;
}
EXPORT_SYMBOL_GPL(dmr_register_stats);

void dmr_unregister_stats(const struct dmr_stats_ops *ops)
{
	unsigned int noio = memalloc_noio_save();
	struct dmr_stats_device *device;

	mutex_lock(&dmr_stats_lock);
	if (dmr_stats_ops == ops) {
		list_for_each_entry(device, &dmr_stats_devices, list)
			ops->device_removed(device, device->cookie);
		dmr_stats_ops = NULL;
	}
	mutex_unlock(&dmr_stats_lock);
	memalloc_noio_restore(noio);
}
EXPORT_SYMBOL_GPL(dmr_unregister_stats);

static bool dmr_stats_further(const struct dmr_target *t)
{
	const struct mapped_device *md = dm_table_get_md(t->inst.ti->table);
	const struct dmr_stats_device *other;

	list_for_each_entry(other, &dmr_stats_devices, list)
		if (dm_table_get_md(other->target->inst.ti->table) == md)
			return true;
	return false;
}

static bool dmr_stats_name_taken(const char *name)
{
	const struct dmr_stats_device *other;

	list_for_each_entry(other, &dmr_stats_devices, list)
		if (!strcmp(other->name, name))
			return true;
	return false;
}

/*
 * The name of now: the device may have been renamed. Unique, also where a table has several targets, or where a device
 * that was renamed while it ran is still known by a name that another one has now.
 */
static void dmr_stats_name(struct dmr_stats_device *device, struct dmr_instance *inst)
{
	u64 begin = inst->ti->begin;
	char name[DMR_NAME_SIZE];
	unsigned int n;

	dmr_instance_name(inst, name);
	strscpy(device->name, name, sizeof(device->name));
	for (n = 1; dmr_stats_name_taken(device->name); n++) {
		if (n == 1)
			scnprintf(device->name, sizeof(device->name), "%.90s@%llu", name, begin);
		else
			scnprintf(device->name, sizeof(device->name), "%.90s@%llu.%u", name, begin, n);
	}
}

void dmr_stats_device_add(struct dmr_target *t)
{
	struct dmr_stats_device *device = &t->stats;

	mutex_lock(&dmr_stats_lock);
	if (list_empty(&device->list)) {
		device->target = t;
		device->further = dmr_stats_further(t);
		dmr_stats_name(device, &t->inst);
		list_add_tail(&device->list, &dmr_stats_devices);
		if (dmr_stats_ops)
			dmr_stats_ops->device_added(device, device->name, &device->cookie);
	}
	mutex_unlock(&dmr_stats_lock);
}

void dmr_stats_device_remove(struct dmr_target *t)
{
	struct dmr_stats_device *device = &t->stats;

	mutex_lock(&dmr_stats_lock);
	if (!list_empty(&device->list)) {
		list_del_init(&device->list);
		if (dmr_stats_ops)
			dmr_stats_ops->device_removed(device, device->cookie);
	}
	mutex_unlock(&dmr_stats_lock);
}

static void dmr_target_snapshot(struct dmr_target *t, struct dmr_snapshot *out)
{
	dmr_disk_stats *disk = dmr_disk_stats_of(dm_disk(dm_table_get_md(t->inst.ti->table)));
	char name[DMR_NAME_SIZE];

	memset(out, 0, sizeof(*out));
	dmr_engine_snapshot(t->inst.engine, out);
	dmr_instance_name(&t->inst, name);
	if (t->stats.further)
		scnprintf(out->name, sizeof(out->name), "%.90s@%llu", name, (u64)t->inst.ti->begin);
	else
		strscpy(out->name, name, sizeof(out->name));
	out->reads = part_stat_read(disk, ios[STAT_READ]);
	out->writes = part_stat_read(disk, ios[STAT_WRITE]);
	out->read_ns = part_stat_read(disk, nsecs[STAT_READ]);
	out->write_ns = part_stat_read(disk, nsecs[STAT_WRITE]);
}

/* Takes no lock of core: device_removed() waits for readers with the lock held. */
void dmr_stats_snapshot(struct dmr_stats_device *device, struct dmr_snapshot *out)
{
	dmr_target_snapshot(device->target, out);
}
EXPORT_SYMBOL_GPL(dmr_stats_snapshot);
