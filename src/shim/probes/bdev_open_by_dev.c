// SPDX-License-Identifier: GPL-2.0-only
/* A block device is opened as a bdev_handle: 6.7 and 6.8 only. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_open_by_dev);
#else
struct bdev_handle *probe(void *holder)
{
	return bdev_open_by_dev(0, BLK_OPEN_READ, holder, NULL);
}
#endif
