// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/rcupdate.h>

#include <dm_remap/version.h>

#include "core/target/target.h"

static int __init dmr_core_init(void)
{
	return dm_register_target(&dmr_target_type);
}

/* The callbacks of dmr_free_rcu() are in this module. */
static void __exit dmr_core_exit(void)
{
	dm_unregister_target(&dmr_target_type);
	rcu_barrier();
}

module_init(dmr_core_init);
module_exit(dmr_core_exit);

MODULE_DESCRIPTION("dm-remap: core");
MODULE_LICENSE("GPL");
MODULE_VERSION(DMR_VERSION);
MODULE_SOFTDEP("post: dm-remap-metadata dm-remap-spare-pool dm-remap-reassembly dm-remap-stats");
