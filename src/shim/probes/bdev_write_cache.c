// SPDX-License-Identifier: GPL-2.0-only
/* Has a block device a volatile cache: 5.19. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_write_cache);
#else
bool probe(struct block_device *bdev) { return bdev_write_cache(bdev); }
#endif
