// SPDX-License-Identifier: GPL-2.0-only
/* Does a block device know REQ_NOWAIT: 6.0. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_nowait);
#else
bool probe(struct block_device *bdev) { return bdev_nowait(bdev); }
#endif
