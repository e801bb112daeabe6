// SPDX-License-Identifier: GPL-2.0-only
/* Size of a block device: 5.16. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_nr_sectors);
#else
sector_t probe(struct block_device *bdev) { return bdev_nr_sectors(bdev); }
#endif
