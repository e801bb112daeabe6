// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

#include <dm_remap/spare_pool.h>
#include <dm_remap/version.h>

extern const struct dmr_spare_pool_ops dmr_spare_pool_operations;

static struct dmr_spare_pool_ops operations;

static int __init dmr_spare_pool_init(void)
{
	operations = dmr_spare_pool_operations;
	operations.owner = THIS_MODULE;
	return dmr_register_spare_pool(&operations);
}

static void __exit dmr_spare_pool_exit(void)
{
	dmr_unregister_spare_pool(&operations);
}

module_init(dmr_spare_pool_init);
module_exit(dmr_spare_pool_exit);

MODULE_DESCRIPTION("dm-remap: spare pool");
MODULE_LICENSE("GPL");
MODULE_VERSION(DMR_VERSION);
