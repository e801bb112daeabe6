// SPDX-License-Identifier: GPL-2.0-only
/* Does a block device know FUA: 5.19. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_fua);
#else
bool probe(struct block_device *bdev) { return bdev_fua(bdev); }
#endif
