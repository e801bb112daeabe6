// SPDX-License-Identifier: GPL-2.0-only
/* A disk can be asked for its name: 5.17. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_TYPE(BLK_UID_NAA);
#else
int probe(const struct block_device_operations *ops, struct gendisk *disk, u8 *id)
{
	return ops->get_unique_id(disk, id, BLK_UID_NAA);
}
#endif
