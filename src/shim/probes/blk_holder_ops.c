// SPDX-License-Identifier: GPL-2.0-only
/* Who opens a block device passes blk_holder_ops: 6.5. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
struct blk_holder_ops {
	int unused;
};
#else
void (*probe(struct blk_holder_ops *ops))(struct block_device *, bool) { return ops->mark_dead; }
#endif
