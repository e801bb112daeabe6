// SPDX-License-Identifier: GPL-2.0-only
/* A block device says whether it has a volatile cache: 5.18. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_write_cache);
#else
bool probe(struct block_device *bdev) { return bdev_write_cache(bdev); }
#endif
