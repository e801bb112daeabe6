// SPDX-License-Identifier: GPL-2.0-only
/* Size of a block device in bytes: 5.16. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_nr_bytes);
#else
loff_t probe(struct block_device *bdev) { return bdev_nr_bytes(bdev); }
#endif
