// SPDX-License-Identifier: GPL-2.0-only
/* A disk tells its WWID: 5.17. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FIELD(struct block_device_operations, get_unique_id);
#else
int probe(struct gendisk *disk, u8 id[16])
{
	return disk->fops->get_unique_id(disk, id, BLK_UID_NAA);
}
#endif
