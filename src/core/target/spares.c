// SPDX-License-Identifier: GPL-2.0
/*
 * The messages about spares.
 *
 * device-mapper's list of a table's devices may not change outside the constructor, so a spare that is added is opened
 * here, with the very holder that device-mapper passes: block/bdev.c, bd_may_claim(), lets the holder of a device
 * claim it again (with the same holder operations: dm.c, open_table_device(), passes none), so that a later table of the
 * mapped device can name it, and it keeps out all others. The holder is private to dm.c, but stands in each block device
 * that it has opened, such as main. The device stays open until the table goes, also after remove_spare.
 *
 * Until such a table is loaded, `dmsetup deps` does not show the device, and iterate_devices does not call it out, as
 * device-mapper takes only members of its list there: for the limits of a table that is bound (hence dmr_check_limits()
 * here), for persistent reservations and for zones. I/O and flushes find the device through the engine.
 */
#include "core/target/checks.h"
#include "core/target/claims.h"
#include "core/target/spares.h"

/* As dm_get_device() reads it. By number nothing is looked up, in no directory. */
static int dmr_find_device(const char *path, dev_t *dev)
{
	unsigned int major, minor;
	char dummy;

	if (sscanf(path, "%u:%u%c", &major, &minor, &dummy) != 2)
		return dmr_lookup_bdev(path, dev);
	*dev = MKDEV(major, minor);
	return MAJOR(*dev) == major && MINOR(*dev) == minor ? 0 : -EOVERFLOW;
}

static int dmr_open_spare(struct dmr_target *t, struct dmr_member *m, const char *path, char *reason)
{
	struct dm_target *ti = t->inst.ti;
	dmr_blk_mode_t mode = dm_table_get_mode(ti->table);
	dev_t dev;
	int err = dmr_find_device(path, &dev);

	if (!err && dev == disk_devt(dm_disk(dm_table_get_md(ti->table))))
		return dmr_refuse(reason, "spare %s is this device itself", path);
	if (!err)
		err = dmr_bdev_open(&m->own, dev, mode, t->main->bdev->bd_holder);
	if (err) {
		dmr_refuse(reason, "spare %s cannot be opened (%pe)%s", path, ERR_PTR(err),
			   err == -EBUSY ? ": it is mounted, or part of another device" : "");
		return err;
	}
	m->dev.bdev = m->own.bdev;
	format_dev_t(m->name, dev);
	err = dmr_check_device("spare", path, m->dev.bdev, mode, reason);
	if (err)
		dmr_bdev_close(&m->own);
	return err;
}

/* The first limit of the live device that a table with this spare would have tighter, or NULL. */
static noinline_for_stack const char *dmr_tightened(struct gendisk *live, struct block_device *spare, u64 start)
{
	const struct queue_limits *was = &live->queue->limits;
	struct queue_limits is = *was;

	blk_stack_limits(&is, &bdev_get_queue(spare)->limits, get_start_sect(spare) + start);
#define DMR_LIMIT(field) do { if (is.field != was->field) return #field; } while (0)
	DMR_LIMIT(logical_block_size);
	DMR_LIMIT(max_hw_sectors);
	DMR_LIMIT(max_sectors);
	DMR_LIMIT(max_segments);
	DMR_LIMIT(max_segment_size);
	DMR_LIMIT(seg_boundary_mask);
	DMR_LIMIT(virt_boundary_mask);
#if DMR_HAVE_LIMITS_HAVE_DMA_ALIGNMENT
	DMR_LIMIT(dma_alignment);
#endif
	DMR_LIMIT(chunk_sectors);
	DMR_LIMIT(max_write_zeroes_sectors);
#undef DMR_LIMIT
	if (dmr_disk_stable_writes(spare->bd_disk) && !dmr_disk_stable_writes(live))
		return "stable_writes";
	if (dmr_disk_nowait(live) && !dmr_disk_nowait(spare->bd_disk))
		return "nowait";
	return NULL;
}

/* Users of the live device have read its limits: they cannot change before a table is bound. */
static int dmr_check_limits(struct dmr_target *t, const struct dmr_member *m, const char *path, char *reason)
{
	struct gendisk *live = dm_disk(dm_table_get_md(t->inst.ti->table));
	const char *limit = dmr_tightened(live, m->dev.bdev, m->range.start);

	if (!limit)
		return 0;
	return dmr_refuse(reason, "spare %s would tighten the device's limits (%s): load a table that names it", path,
			  limit);
}

static int dmr_fit_spare(struct dmr_target *t, struct dmr_member *m, const struct dmr_spare_message *msg, char *reason)
{
	u64 block = bdev_logical_block_size(t->main->bdev) >> SECTOR_SHIFT, size = bdev_nr_sectors(m->dev.bdev);
	struct dmr_table_member range = { .path = msg->path, .start = msg->start, .sectors = msg->sectors };
	int err;

	if (!range.sectors && range.start < size)
		range.sectors = round_down(size - range.start, block);
	m->range = (struct dmr_member_range){ .dev = &m->dev, .start = range.start, .sectors = range.sectors };
	err = dmr_check_spare(t->main->bdev, &range, m->dev.bdev, reason);
	if (!err)
		err = dmr_check_limits(t, m, msg->path, reason);
	return err;
}

/* An engine that fails half-way and keeps the member keeps the device too. */
static int dmr_join_spare(struct dmr_target *t, struct dmr_member *m, char *reason)
{
	int err = dmr_claim_member(t, reason);

	if (!err) {
		err = dmr_engine_add_member(t->inst.engine, &m->range, reason);
		if (dmr_engine_has_member(t->inst.engine, &m->range)) {
			dmr_claim_member_joined(t, dmr_engine_setup(t->inst.engine));
			return err;
		}
		dmr_claim_member_undo(t);
	}
	dmr_bdev_close(&m->own);
	return err;
}

static int dmr_add_spare(struct dmr_target *t, const struct dmr_spare_message *msg, char *reason)
{
	struct dmr_member *m;
	int err;

	if (t->member_count == ARRAY_SIZE(t->members)) {
		dmr_refuse(reason, "%u spares have come and gone since the table was loaded: load it again first",
			   t->member_count);
		return -ENOSPC;
	}
	m = &t->members[t->member_count];
	memset(m, 0, sizeof(*m));
	err = dmr_open_spare(t, m, msg->path, reason);
	if (err)
		return err;
	err = dmr_fit_spare(t, m, msg, reason);
	if (err) {
		dmr_bdev_close(&m->own);
		return err;
	}
	err = dmr_join_spare(t, m, reason);
	if (!err)
		dmr_log(&t->inst, DMR_LOG_INFO, "spare %s is added, %llu sectors from sector %llu on", m->name,
			m->range.sectors, m->range.start);
	return err;
}

/* Of several ranges of one device the last of the table's order; asked again, the one before. */
static const struct dmr_member *dmr_find_spare(struct dmr_target *t, dev_t dev)
{
	unsigned int i = smp_load_acquire(&t->member_count);

	while (i--) {
		const struct dmr_member *m = &t->members[i];

		if (m->range.dev && m->dev.bdev->bd_dev == dev && dmr_engine_has_member(t->inst.engine, &m->range))
			return m;
	}
	return NULL;
}

static int dmr_remove_spare(struct dmr_target *t, const struct dmr_spare_message *msg, char *reason)
{
	const struct dmr_member *m;
	dev_t dev;
	int r = dmr_find_device(msg->path, &dev);

	if (r) {
		dmr_refuse(reason, "spare %s is not found (%pe): name it as <major>:<minor>, as 'dmsetup table' does",
			   msg->path, ERR_PTR(r));
		return r;
	}
	m = dmr_find_spare(t, dev);
	if (!m) {
		dmr_refuse(reason, "%s (%u:%u) is no spare of this device; 'status' lists them", msg->path, MAJOR(dev),
			   MINOR(dev));
		return -ENOENT;
	}
	if (msg->change == DMR_SPARE_CANCEL)
		return dmr_engine_cancel_remove(t->inst.engine, &m->range, reason);
	r = dmr_engine_remove_member(t->inst.engine, &m->range, msg->force, reason);
	if (r < 0)
		return r;
	dmr_log(&t->inst, DMR_LOG_INFO, "spare %s %s", m->name,
		r ? "is being removed: its blocks move to the others" : "is removed");
	return 0;
}

static int dmr_forget_spare(struct dmr_target *t, const struct dmr_spare_message *msg, char *reason)
{
	int err = dmr_engine_forget_member(t->inst.engine, msg->number, msg->force, reason);

	if (!err)
		dmr_claims_members_left(t, dmr_engine_setup(t->inst.engine));
	return err;
}

static int dmr_change_spare(struct dmr_target *t, const struct dmr_spare_message *msg, char *reason)
{
	switch (msg->change) {
	case DMR_SPARE_ADD:
		return dmr_add_spare(t, msg, reason);
	case DMR_SPARE_FORGET:
		return dmr_forget_spare(t, msg, reason);
	default:
		return dmr_remove_spare(t, msg, reason);
	}
}

/* On a suspended device nothing is looked up: the directory may be on it. One message at a time fills a member in. */
int dmr_change_spares(struct dmr_target *t, const struct dmr_spare_message *msg, char *reason)
{
	int err;

	if (dm_suspended(t->inst.ti)) {
		dmr_refuse(reason, "the device is suspended; resume it first");
		return -EBUSY;
	}
	err = dmr_claims_change_begin(t, reason);
	if (err)
		return err;
	err = dmr_change_spare(t, msg, reason);
	dmr_claims_change_end(t);
	return err;
}
