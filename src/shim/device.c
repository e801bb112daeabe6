// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/module.h>

#include "shim/device.h"
#include "shim/instance.h"

static_assert(DMR_STS_OK == (__force u8)BLK_STS_OK);
static_assert(DMR_STS_NOTSUPP == (__force u8)BLK_STS_NOTSUPP);
static_assert(DMR_STS_TIMEOUT == (__force u8)BLK_STS_TIMEOUT);
static_assert(DMR_STS_NOSPC == (__force u8)BLK_STS_NOSPC);
static_assert(DMR_STS_TRANSPORT == (__force u8)BLK_STS_TRANSPORT);
static_assert(DMR_STS_TARGET == (__force u8)BLK_STS_TARGET);
static_assert(DMR_STS_MEDIUM == (__force u8)BLK_STS_MEDIUM);
static_assert(DMR_STS_RESOURCE == (__force u8)BLK_STS_RESOURCE);
static_assert(DMR_STS_IOERR == (__force u8)BLK_STS_IOERR);
static_assert(sizeof(blk_status_t) == sizeof(dmr_status));

#if DMR_HAVE_GET_UNIQUE_ID
/* By falling usefulness: names that a disk keeps wherever it is plugged in. */
static const enum blk_unique_id dmr_id_types[] = { BLK_UID_NAA, BLK_UID_EUI64, BLK_UID_T10 };

static void dmr_disk_identify(struct gendisk *disk, char *out, size_t size)
{
	const struct block_device_operations *ops = disk->fops;
	unsigned int i;
	u8 id[16];

	/* A mapped device may pass on the name of what lies below it, which all that lie there share. */
	if (strstarts(disk->disk_name, "dm-"))
		return;
	for (i = 0; ops->get_unique_id && i < ARRAY_SIZE(dmr_id_types); i++) {
		int n = ops->get_unique_id(disk, id, dmr_id_types[i]);

		if (n > 0) {
			scnprintf(out, size, "wwid:%*phN", min_t(int, n, sizeof(id)), id);
			return;
		}
	}
}
#else
/* No disk can be asked here, so none has a name. */
static void dmr_disk_identify(struct gendisk *disk, char *out, size_t size)
{
}
#endif

/* Whoever copies a whole disk copies the UUIDs of its partitions: only the disk tells the copies apart. */
static void dmr_device_identify(struct block_device *bdev, struct dmr_device_info *out)
{
	dmr_disk_identify(bdev->bd_disk, out->disk, sizeof(out->disk));
	if (!bdev_is_partition(bdev))
		strscpy(out->identity, out->disk, sizeof(out->identity));
	else if (dmr_partition_info(bdev) && dmr_partition_info(bdev)->uuid[0])
		scnprintf(out->identity, sizeof(out->identity), "partuuid:%s", dmr_partition_info(bdev)->uuid);
	/* One that the kernel was told of by BLKPG (parted, partx) has no UUID, and this alone. */
	if (bdev_is_partition(bdev))
		scnprintf(out->place, sizeof(out->place), "start:%llu", (unsigned long long)get_start_sect(bdev));
}

void dmr_device_describe(struct dmr_device *dev, struct dmr_device_info *out)
{
	struct block_device *bdev = dev->bdev;

	memset(out, 0, sizeof(*out));
	out->sectors = bdev_nr_sectors(bdev);
	out->logical_block_bytes = bdev_logical_block_size(bdev);
	out->physical_block_bytes = bdev_physical_block_size(bdev);
	out->alignment_bytes = bdev_alignment_offset(bdev);
	out->read_only = bdev_read_only(bdev);
	out->discards = dmr_bdev_discards(bdev);
	scnprintf(out->name, sizeof(out->name), "%u:%u", MAJOR(bdev->bd_dev), MINOR(bdev->bd_dev));
	dmr_device_identify(bdev, out);
}
EXPORT_SYMBOL_GPL(dmr_device_describe);

bool dmr_device_flushes_for_fua(struct dmr_device *dev)
{
	return bdev_write_cache(dev->bdev) && !bdev_fua(dev->bdev);
}
EXPORT_SYMBOL_GPL(dmr_device_flushes_for_fua);

dmr_status dmr_bio_wait(struct bio *bio)
{
	dmr_status status;

	/* A request of several bios fails as a whole: what this one is told would be another's. */
	bio->bi_opf |= REQ_NOMERGE;
	submit_bio_wait(bio); /* reduces the status to an errno */
	status = (__force dmr_status)bio->bi_status;
	bio_uninit(bio);
	return status;
}

/* The buffer is contiguous, so one vector is enough; it and the bio on the stack, so that nothing can run out. */
static dmr_status dmr_device_io(struct dmr_device *dev, blk_opf_t opf, uint64_t sector, void *data, uint32_t sectors)
{
	struct bio_vec vec;
	struct bio bio;

	dmr_bio_init(&bio, dev->bdev, &vec, 1, opf);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, virt_to_page(data), sectors << SECTOR_SHIFT, offset_in_page(data));
	return dmr_bio_wait(&bio);
}

dmr_status dmr_device_read(struct dmr_device *dev, uint64_t sector, void *data, uint32_t sectors)
{
	return dmr_device_io(dev, REQ_OP_READ | REQ_META, sector, data, sectors);
}
EXPORT_SYMBOL_GPL(dmr_device_read);

dmr_status dmr_device_write(struct dmr_device *dev, uint64_t sector, const void *data, uint32_t sectors, uint32_t flags)
{
	blk_opf_t opf = REQ_OP_WRITE | REQ_SYNC | REQ_META | (flags & DMR_IO_FUA ? REQ_FUA : 0);

	return dmr_device_io(dev, opf, sector, (void *)data, sectors);
}
EXPORT_SYMBOL_GPL(dmr_device_write);

dmr_status dmr_device_flush(struct dmr_device *dev)
{
	struct bio bio;

	/* The block layer asks the same, and answers a flush so without asking the device. */
	if (!bdev_write_cache(dev->bdev))
		return DMR_STS_OK;
	dmr_bio_init(&bio, dev->bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	return dmr_bio_wait(&bio);
}
EXPORT_SYMBOL_GPL(dmr_device_flush);
