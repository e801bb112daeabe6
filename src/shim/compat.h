/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ. Each DMR_HAVE_* comes from a compile probe in
 * src/shim/probes and is always defined, as 0 or 1: use #if, not #ifdef.
 * Version numbers are no help, stable kernels take API changes too.
 */
#ifndef DMR_SHIM_COMPAT_H
#define DMR_SHIM_COMPAT_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/crc32.h>
#include <linux/crc32c.h>
#include <linux/device-mapper.h>
#include <linux/file.h>
#include <linux/fs.h>
#if defined(CONFIG_X86_64)
#include <asm/cpufeature.h>
#endif

#include "dmr_compat_generated.h"

/* First, what older kernels lack, under the name and with the meaning that it has in newer ones. */

#if !DMR_HAVE_BLK_OPF_T
typedef unsigned int blk_opf_t;
#endif

#if !DMR_HAVE_BDEV_NR_SECTORS
static inline sector_t bdev_nr_sectors(struct block_device *bdev)
{
	return i_size_read(bdev->bd_inode) >> SECTOR_SHIFT;
}
#endif

#if !DMR_HAVE_BDEV_WRITE_CACHE
static inline bool bdev_write_cache(struct block_device *bdev)
{
	return test_bit(QUEUE_FLAG_WC, &bdev_get_queue(bdev)->queue_flags);
}
#endif

#if !DMR_HAVE_BDEV_FUA
static inline bool bdev_fua(struct block_device *bdev)
{
	return test_bit(QUEUE_FLAG_FUA, &bdev_get_queue(bdev)->queue_flags);
}
#endif

#if !DMR_HAVE_PART0_IS_BDEV
static inline struct block_device *bdev_whole(struct block_device *bdev)
{
	return bdev->bd_contains;
}
#endif

/* Then, what they do in another way. */

/* What keeps the I/O statistics of a whole disk. */
#if DMR_HAVE_PART0_IS_BDEV
typedef struct block_device dmr_disk_stats;
static inline dmr_disk_stats *dmr_disk_stats_of(struct gendisk *disk)
{
	return disk->part0;
}
#else
typedef struct hd_struct dmr_disk_stats;
static inline dmr_disk_stats *dmr_disk_stats_of(struct gendisk *disk)
{
	return &disk->part0;
}
#endif

/* UUID and name in the partition table, or NULL. */
static inline const struct partition_meta_info *dmr_partition_info(struct block_device *bdev)
{
#if DMR_HAVE_PART0_IS_BDEV
	return bdev->bd_meta_info;
#else
	return bdev->bd_part->info;
#endif
}

static inline bool dmr_disk_stable_writes(struct gendisk *disk)
{
#if DMR_HAVE_BDEV_STABLE_WRITES
	return bdev_stable_writes(disk->part0);
#else
	return blk_queue_stable_writes(disk->queue);
#endif
}

static inline bool dmr_disk_nowait(struct gendisk *disk)
{
#if DMR_HAVE_BDEV_NOWAIT
	return bdev_nowait(disk->part0);
#else
	return blk_queue_nowait(disk->queue);
#endif
}

/* The number of the device that has this path. 0 or a negative errno. */
static inline int dmr_lookup_bdev(const char *path, dev_t *number)
{
#if DMR_HAVE_LOOKUP_BDEV_GIVES_NUMBER
	return lookup_bdev(path, number);
#else
	struct block_device *bdev = lookup_bdev(path);

	if (IS_ERR(bdev))
		return PTR_ERR(bdev);
	*number = bdev->bd_dev;
	bdput(bdev);
	return 0;
#endif
}

static inline void dmr_bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *vecs, unsigned short count,
				blk_opf_t opf)
{
#if DMR_HAVE_BIO_INIT_TAKES_BDEV
	bio_init(bio, bdev, vecs, count, opf);
#else
	bio_init(bio, vecs, count);
	bio_set_dev(bio, bdev);
	bio->bi_opf = opf;
#endif
}

/* Controllers of I/O have been told of the end of this bio: they will not be told once more. */
static inline void dmr_bio_end_told(struct bio *bio)
{
#if DMR_HAVE_BIO_QOS_THROTTLED
	bio_clear_flag(bio, BIO_QOS_THROTTLED);
	bio_clear_flag(bio, BIO_QOS_MERGED);
#else
	bio_clear_flag(bio, BIO_TRACKED);
#endif
}

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
 * here, which for both copies of a record takes a quarter of all instructions of a remap: processors that have one for it do
 * without. It needs no register of the FPU.
 */
static inline u32 dmr_kernel_crc32c(u32 seed, const void *data, size_t n)
{
#if DMR_HAVE_CRC32C_LE && defined(CONFIG_X86_64)
	if (boot_cpu_has(X86_FEATURE_XMM4_2)) {
		const u8 *p = data;
		u64 crc = seed;

		for (; n >= 64; n -= 64, p += 64)
			asm("crc32q (%1), %0\n\tcrc32q 8(%1), %0\n\tcrc32q 16(%1), %0\n\tcrc32q 24(%1), %0\n\t"
			    "crc32q 32(%1), %0\n\tcrc32q 40(%1), %0\n\tcrc32q 48(%1), %0\n\tcrc32q 56(%1), %0"
			    : "+&r"(crc) : "r"(p), "m"(*(const u64 (*)[8])p));
		for (; n >= 8; n -= 8, p += 8)
			asm("crc32q %1, %0" : "+r"(crc) : "m"(*(const u64 *)p));
		for (; n; n--, p++)
			asm("crc32b %1, %k0" : "+r"(crc) : "m"(*p));
		return crc;
	}
#endif
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
