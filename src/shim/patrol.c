// SPDX-License-Identifier: GPL-2.0
/* What the patrol asks of disks. */
#include <linux/ioprio.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/part_stat.h>
#include <linux/slab.h>

#include "shim/device.h"
#include "shim/instance.h"

#define DMR_PAGE_SECTORS (PAGE_SIZE >> SECTOR_SHIFT)

/* Pages one by one: a piece of this size is not to be had where memory is fragmented. */
struct dmr_scratch {
	unsigned short pages;
	struct bio_vec vecs[];	/* each has its page for good */
};

struct dmr_scratch *dmr_scratch_alloc(uint32_t sectors)
{
	unsigned short pages = DIV_ROUND_UP(sectors, DMR_PAGE_SECTORS);
	struct dmr_scratch *scratch = kzalloc(struct_size(scratch, vecs, pages), GFP_NOIO | __GFP_NOWARN);

	if (!scratch)
		return NULL;
	for (; scratch->pages < pages; scratch->pages++) {
		struct page *page = alloc_page(GFP_NOIO | __GFP_NOWARN);

		if (!page) {
			dmr_scratch_free(scratch);
			return NULL;
		}
		scratch->vecs[scratch->pages].bv_page = page;
	}
	return scratch;
}
EXPORT_SYMBOL_GPL(dmr_scratch_alloc);

void dmr_scratch_free(struct dmr_scratch *scratch)
{
	if (!scratch)
		return;
	while (scratch->pages)
		__free_page(scratch->vecs[--scratch->pages].bv_page);
	kfree(scratch);
}
EXPORT_SYMBOL_GPL(dmr_scratch_free);

dmr_status dmr_device_check(struct dmr_device *dev, uint64_t sector, uint32_t sectors, struct dmr_scratch *scratch)
{
	unsigned short i;
	struct bio bio;

	dmr_bio_init(&bio, dev->bdev, scratch->vecs, scratch->pages, REQ_OP_READ);
	bio.bi_ioprio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
	bio.bi_iter.bi_sector = sector;
	for (i = 0; sectors; i++) {
		unsigned int part = min_t(uint32_t, sectors, DMR_PAGE_SECTORS);

		__bio_add_page(&bio, scratch->vecs[i].bv_page, part << SECTOR_SHIFT, 0);
		sectors -= part;
	}
	return dmr_bio_wait(&bio);
}
EXPORT_SYMBOL_GPL(dmr_device_check);

uint64_t dmr_disk_activity(struct dmr_device *dev)
{
	dmr_disk_stats *disk = dmr_disk_stats_of(dev->bdev->bd_disk);

	return part_stat_read_accum(disk, sectors);
}
EXPORT_SYMBOL_GPL(dmr_disk_activity);

static DEFINE_MUTEX(dmr_patrol_lock);
static LIST_HEAD(dmr_patrolled);

bool dmr_disk_enter(struct dmr_device *dev)
{
	struct dmr_device *other;
	bool free = true;

	mutex_lock(&dmr_patrol_lock);
	list_for_each_entry(other, &dmr_patrolled, patrolled)
		free &= other->bdev->bd_disk != dev->bdev->bd_disk;
	if (free)
		list_add(&dev->patrolled, &dmr_patrolled);
	mutex_unlock(&dmr_patrol_lock);
	return free;
}
EXPORT_SYMBOL_GPL(dmr_disk_enter);

void dmr_disk_leave(struct dmr_device *dev)
{
	mutex_lock(&dmr_patrol_lock);
	list_del(&dev->patrolled);
	mutex_unlock(&dmr_patrol_lock);
}
EXPORT_SYMBOL_GPL(dmr_disk_leave);
