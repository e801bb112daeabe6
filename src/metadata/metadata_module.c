// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

#include <dm_remap/metadata.h>
#include <dm_remap/version.h>

extern const struct dmr_metadata_ops dmr_metadata_operations;

static struct dmr_metadata_ops operations;

static int __init dmr_metadata_init(void)
{
	operations = dmr_metadata_operations;
	operations.owner = THIS_MODULE;
	return dmr_register_metadata(&operations);
}

static void __exit dmr_metadata_exit(void)
{
	dmr_unregister_metadata(&operations);
}

module_init(dmr_metadata_init);
module_exit(dmr_metadata_exit);

MODULE_DESCRIPTION("dm-remap: metadata");
MODULE_LICENSE("GPL");
MODULE_VERSION(DMR_VERSION);
