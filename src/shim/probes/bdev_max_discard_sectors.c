// SPDX-License-Identifier: GPL-2.0-only
/* Discard limit of a block device: 5.19. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_max_discard_sectors);
#else
unsigned int probe(struct block_device *bdev) { return bdev_max_discard_sectors(bdev); }
#endif
