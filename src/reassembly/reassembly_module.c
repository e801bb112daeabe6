// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

#include <dm_remap/reassembly.h>
#include <dm_remap/version.h>

extern const struct dmr_reassembly_ops dmr_reassembly_operations;

static struct dmr_reassembly_ops operations;

static int __init dmr_reassembly_init(void)
{
	operations = dmr_reassembly_operations;
	operations.owner = THIS_MODULE;
	return dmr_register_reassembly(&operations);
}

static void __exit dmr_reassembly_exit(void)
{
	dmr_unregister_reassembly(&operations);
}

module_init(dmr_reassembly_init);
module_exit(dmr_reassembly_exit);

MODULE_DESCRIPTION("dm-remap: reassembly");
MODULE_LICENSE("GPL");
MODULE_VERSION(DMR_VERSION);
