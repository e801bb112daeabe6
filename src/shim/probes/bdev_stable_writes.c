// SPDX-License-Identifier: GPL-2.0-only
/* Must pages stay as they are while they are written: 5.19. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_stable_writes);
#else
bool probe(struct block_device *bdev) { return bdev_stable_writes(bdev); }
#endif
