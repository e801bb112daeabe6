/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DMR_SHIM_DEVICE_H
#define DMR_SHIM_DEVICE_H

#include <linux/bio.h>

#include "dm_remap/kernel_api.h"
#include "shim/compat.h"

/* Submit, wait, undo bio_init(). Process context, not from within map or end_io. */
dmr_status dmr_bio_wait(struct bio *bio);

static inline bool dmr_bdev_discards(struct block_device *bdev)
{
#if DMR_HAVE_BDEV_MAX_DISCARD_SECTORS
	return bdev_max_discard_sectors(bdev) != 0;
#else
	return blk_queue_discard(bdev_get_queue(bdev));
#endif
}

#endif
