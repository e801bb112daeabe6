// SPDX-License-Identifier: GPL-2.0
/* The role modules: who provides what. Three are needed to build a device; stats may come and go at any time. */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>

#include "core/target.h"

/* Every table of operations begins with these. */
struct dmr_role_ops {
	void *owner;
	uint32_t abi;
};

#define DMR_ASSERT_ROLE_OPS(type) \
	static_assert(offsetof(type, owner) == offsetof(struct dmr_role_ops, owner) && \
		      offsetof(type, abi) == offsetof(struct dmr_role_ops, abi))
DMR_ASSERT_ROLE_OPS(struct dmr_metadata_ops);
DMR_ASSERT_ROLE_OPS(struct dmr_spare_pool_ops);
DMR_ASSERT_ROLE_OPS(struct dmr_reassembly_ops);

struct dmr_role {
	const char *module;
	uint32_t abi;
	const struct dmr_role_ops *ops;
};

static struct dmr_role dmr_metadata_role = { "dm-remap-metadata", DMR_METADATA_ABI };
static struct dmr_role dmr_spare_pool_role = { "dm-remap-spare-pool", DMR_SPARE_POOL_ABI };
static struct dmr_role dmr_reassembly_role = { "dm-remap-reassembly", DMR_REASSEMBLY_ABI };
static DEFINE_MUTEX(dmr_roles_lock);

static int dmr_role_register(struct dmr_role *role, const void *operations)
{
	const struct dmr_role_ops *ops = operations;
	int err = 0;

	if (ops->abi != role->abi) {
		dmr_log(NULL, DMR_LOG_ERR, "%s has interface %u, this core %u: load modules of one build", role->module,
			ops->abi, role->abi);
		return -EINVAL;
	}
	mutex_lock(&dmr_roles_lock);
	if (role->ops)
		err = -EEXIST;
	else
		role->ops = ops;
	mutex_unlock(&dmr_roles_lock);
	return err;
}

static void dmr_role_unregister(struct dmr_role *role, const void *operations)
{
	mutex_lock(&dmr_roles_lock);
	if (role->ops == operations)
		role->ops = NULL;
	mutex_unlock(&dmr_roles_lock);
}

static const void *dmr_role_try(struct dmr_role *role)
{
	const struct dmr_role_ops *ops;

	mutex_lock(&dmr_roles_lock);
	ops = role->ops && try_module_get(role->ops->owner) ? role->ops : NULL;
	mutex_unlock(&dmr_roles_lock);
	return ops;
}

static const void *dmr_role_get(struct dmr_role *role, char *reason)
{
	const void *ops = dmr_role_try(role);

	if (!ops) {
		request_module("%s", role->module);
		ops = dmr_role_try(role);
	}
	if (!ops)
		scnprintf(reason, DMR_REASON_SIZE, "module %s is not loaded, and could not be: modprobe %s",
			  role->module, role->module);
	return ops;
}

int dmr_roles_get(struct dmr_roles *roles, char *reason)
{
	roles->metadata = dmr_role_get(&dmr_metadata_role, reason);
	if (roles->metadata)
		roles->pool = dmr_role_get(&dmr_spare_pool_role, reason);
	if (roles->pool)
		roles->reassembly = dmr_role_get(&dmr_reassembly_role, reason);
	return roles->reassembly ? 0 : -ENOENT;
}

void dmr_roles_put(struct dmr_roles *roles)
{
	if (roles->reassembly)
		module_put(roles->reassembly->owner);
	if (roles->pool)
		module_put(roles->pool->owner);
	if (roles->metadata)
		module_put(roles->metadata->owner);
}

#define DMR_ROLE(name) \
	int dmr_register_##name(const struct dmr_##name##_ops *ops) \
	{ \
		return dmr_role_register(&dmr_##name##_role, ops); \
	} \
	EXPORT_SYMBOL_GPL(dmr_register_##name); \
	void dmr_unregister_##name(const struct dmr_##name##_ops *ops) \
	{ \
		dmr_role_unregister(&dmr_##name##_role, ops); \
	} \
	EXPORT_SYMBOL_GPL(dmr_unregister_##name)

DMR_ROLE(metadata);
DMR_ROLE(spare_pool);
DMR_ROLE(reassembly);

/*
 * Stats. The lock is held over the calls into the stats module, and resume waits for it: no allocation under it may
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
static void dmr_stats_name(struct dmr_stats_device *device, const struct dmr_instance *inst)
{
	u64 begin = inst->ti->begin;
	char name[DMR_NAME_SIZE];
	unsigned int n;

	if (dm_copy_name_and_uuid(dm_table_get_md(inst->ti->table), name, NULL))
		strscpy(name, inst->name, sizeof(name));
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

/* Takes no lock: device_removed() waits for readers with the lock held. */
void dmr_stats_snapshot(struct dmr_stats_device *device, struct dmr_snapshot *out)
{
	dmr_target_snapshot(device->target, out);
}
EXPORT_SYMBOL_GPL(dmr_stats_snapshot);
