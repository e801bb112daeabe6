// SPDX-License-Identifier: GPL-2.0-only
/* Disks and partitions are block devices, rather than hd_structs that block devices refer to: 5.11. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
struct hd_struct *probe(struct gendisk *disk) { return &disk->part0; }
#else
struct block_device *probe(struct gendisk *disk) { return disk->part0; }
#endif
