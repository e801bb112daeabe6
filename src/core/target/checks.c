// SPDX-License-Identifier: GPL-2.0
#include "core/target/checks.h"

int dmr_refuse(char *reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(reason, DMR_REASON_SIZE, fmt, args);
	va_end(args);
	return -EINVAL;
}

int dmr_check_device(const char *role, const char *path, struct block_device *bdev, dmr_blk_mode_t mode, char *reason)
{
	if ((mode & DMR_BLK_WRITE) && bdev_read_only(bdev)) {
		dmr_refuse(reason, "%s %s is read-only: make it writable, or load a read-only table", role, path);
		return -EROFS;
	}
	if (bdev_is_zoned(bdev))
		return dmr_refuse(reason, "%s %s is a zoned device, which is not supported", role, path);
	return 0;
}

int dmr_check_main(struct dm_target *ti, const char *path, struct block_device *bdev, char *reason)
{
	unsigned int bytes = bdev_logical_block_size(bdev), block = bytes >> SECTOR_SHIFT;

	if (bytes != 512 && bytes != 4096)
		return dmr_refuse(reason, "main %s has logical blocks of %u bytes; 512 and 4096 are supported", path,
				  bytes);
	if (ti->len > bdev_nr_sectors(bdev))
		return dmr_refuse(reason, "main %s has %llu sectors, fewer than the %llu of the table: name the right main, "
				  "make it as large again, or give a length up to its own",
				  path, (u64)bdev_nr_sectors(bdev), (u64)ti->len);
	if (ti->begin & (block - 1))
		return dmr_refuse(reason,
				  "first sector %llu of the table is not a multiple of main's block of %u sectors",
				  (u64)ti->begin, block);
	if (ti->len & (block - 1))
		return dmr_refuse(reason, "length %llu of the table is not a multiple of main's block of %u sectors",
				  (u64)ti->len, block);
	return 0;
}

int dmr_check_spare(struct block_device *main, const struct dmr_table_member *m, struct block_device *bdev, char *reason)
{
	unsigned int bytes = bdev_logical_block_size(main), block = bytes >> SECTOR_SHIFT;
	u64 size = bdev_nr_sectors(bdev);

	if (bdev_logical_block_size(bdev) > bytes)
		return dmr_refuse(reason, "spare %s has logical blocks of %u bytes, larger than main's of %u", m->path,
				  bdev_logical_block_size(bdev), bytes);
	if (m->start & (block - 1))
		return dmr_refuse(reason, "start %llu on spare %s is not a multiple of main's block of %u sectors",
				  m->start, m->path, block);
	if (!m->sectors || m->sectors & (block - 1))
		return dmr_refuse(reason, "length %llu on spare %s is not a multiple of main's block of %u sectors",
				  m->sectors, m->path, block);
	if (m->start > size || m->sectors > size - m->start)
		return dmr_refuse(reason, "%llu sectors at %llu go beyond the end of spare %s, which has %llu",
				  m->sectors, m->start, m->path, size);
	return 0;
}
