/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ. Each DMR_HAVE_* comes from a compile probe in
 * src/shim/probes and is always defined, as 0 or 1: use #if, not #ifdef.
 * Version numbers are no help, stable kernels take API changes too.
 */
#ifndef DMR_SHIM_COMPAT_H
#define DMR_SHIM_COMPAT_H

#include <linux/blkdev.h>
#include <linux/crc32.h>
#include <linux/crc32c.h>
#include <linux/device-mapper.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "dmr_compat_generated.h"

/* What dm_table_get_mode() returns and dm_get_device() takes. */
#if DMR_HAVE_BLK_MODE_T
typedef blk_mode_t dmr_blk_mode_t;
#define DMR_BLK_READ BLK_OPEN_READ
#define DMR_BLK_WRITE BLK_OPEN_WRITE
#else
typedef fmode_t dmr_blk_mode_t;
#define DMR_BLK_READ FMODE_READ
#define DMR_BLK_WRITE FMODE_WRITE
#endif

/*
 * crc32c() without libcrc32c.ko and a driver of crypto's, which modules loaded by hand would not find. Table-driven
 * here: a commit is a few KiB.
 */
static inline u32 dmr_kernel_crc32c(u32 seed, const void *data, size_t n)
{
#if DMR_HAVE_CRC32C_LE
	return __crc32c_le(seed, data, n);
#else
	return crc32c(seed, data, n);
#endif
}

/* A block device that the module itself has opened, rather than dm for it. */
struct dmr_bdev {
	struct block_device *bdev;
#if DMR_HAVE_BDEV_FILE_OPEN_BY_DEV
	struct file *file;
#elif DMR_HAVE_BDEV_OPEN_BY_DEV
	struct bdev_handle *handle;
#else
	void *holder;
	dmr_blk_mode_t mode;
#endif
};

/*
 * Opens @number exclusively for @holder, which must not be NULL. May sleep.
 * 0 or a negative errno; what is opened is closed by dmr_bdev_close().
 */
static inline int dmr_bdev_open(struct dmr_bdev *dev, dev_t number, dmr_blk_mode_t mode, void *holder)
{
#if DMR_HAVE_BDEV_FILE_OPEN_BY_DEV
	dev->file = bdev_file_open_by_dev(number, mode, holder, NULL);
	if (IS_ERR(dev->file))
		return PTR_ERR(dev->file);
	dev->bdev = file_bdev(dev->file);
	return 0;
#elif DMR_HAVE_BDEV_OPEN_BY_DEV
	dev->handle = bdev_open_by_dev(number, mode, holder, NULL);
	if (IS_ERR(dev->handle))
		return PTR_ERR(dev->handle);
	dev->bdev = dev->handle->bdev;
	return 0;
#else
	dev->holder = holder;
	dev->mode = mode;
#if DMR_HAVE_BLK_HOLDER_OPS
	dev->bdev = blkdev_get_by_dev(number, mode, holder, NULL);
#else
	dev->mode |= FMODE_EXCL;
	dev->bdev = blkdev_get_by_dev(number, dev->mode, holder);
#endif
	return PTR_ERR_OR_ZERO(dev->bdev);
#endif
}

static inline void dmr_bdev_close(struct dmr_bdev *dev)
{
#if DMR_HAVE_BDEV_FILE_OPEN_BY_DEV
	/* Unlike fput(), gives up the claim at once. */
	bdev_fput(dev->file);
#elif DMR_HAVE_BDEV_OPEN_BY_DEV
	bdev_release(dev->handle);
#elif DMR_HAVE_BLK_HOLDER_OPS
	blkdev_put(dev->bdev, dev->holder);
#else
	blkdev_put(dev->bdev, dev->mode);
#endif
	dev->bdev = NULL;
}

#endif
