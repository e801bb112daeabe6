// SPDX-License-Identifier: GPL-2.0-only
/* Open modes are blk_mode_t, in dm_get_device() too: 6.5. Before, fmode_t. */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_TYPE(blk_mode_t);
#else
int probe(struct dm_target *ti, struct dm_dev **dev)
{
	blk_mode_t mode = BLK_OPEN_READ | BLK_OPEN_WRITE;

	return dm_get_device(ti, "", mode, dev);
}
#endif
