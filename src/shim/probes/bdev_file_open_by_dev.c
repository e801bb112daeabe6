// SPDX-License-Identifier: GPL-2.0-only
/* A block device is opened as a file: 6.9. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bdev_file_open_by_dev);
#else
struct file *probe(void *holder)
{
	return bdev_file_open_by_dev(0, BLK_OPEN_READ, holder, NULL);
}
#endif
