// SPDX-License-Identifier: GPL-2.0
/* Three roles are needed to build a device. The fourth, stats, may come and go at any time: stats_devices.c. */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "core/target/roles.h"

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
