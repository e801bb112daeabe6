// SPDX-License-Identifier: GPL-2.0
/* The device-mapper target: carries bios to where the engine says. */
#include <linux/module.h>
#include <linux/part_stat.h>
#include <linux/sched/mm.h>

#include "core/target.h"
#include "shim/device.h"

static noinline int remap_map_flush(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio)
{
	req->iter = bio->bi_iter;
	req->error = DMR_STS_OK;
	if (dmr_engine_flush_needs_worker(inst->engine)) {
		req->state = DMR_REQUEST_SLOW;
		dmr_engine_enqueue_flush(inst->engine, req);
		return DM_MAPIO_SUBMITTED;
	}
	req->state = DMR_REQUEST_FLUSH;
	bio_set_dev(bio, inst->main.bdev);
	return DM_MAPIO_REMAPPED;
}

/* The bio is in flight, cut, and has its sector on the spare. */
static noinline int remap_map_spare(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio,
				    unsigned int member)
{
	struct block_device *bdev = dmr_engine_member_device(inst->engine, member)->bdev;

	req->state = DMR_REQUEST_ON_SPARE;
	req->member = member;
	bio_set_dev(bio, bdev);
	if (unlikely(bio_op(bio) == REQ_OP_DISCARD && !dmr_bdev_discards(bdev))) {
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	return DM_MAPIO_REMAPPED;
}

static noinline int remap_map_slow(struct dmr_instance *inst, struct dmr_request *req)
{
	req->state = DMR_REQUEST_SLOW;
	req->error = DMR_STS_OK;
	dmr_inflight_leave(&inst->inflight, req->epoch);
	dmr_engine_enqueue(inst->engine, req);
	return DM_MAPIO_SUBMITTED;
}

static int remap_map(struct dm_target *ti, struct bio *bio)
{
	struct dmr_instance *inst = ti->private;
	struct dmr_request *req = dm_per_bio_data(bio, sizeof(*req));
	sector_t sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	enum dmr_op op = dmr_op_of(bio->bi_opf);
	struct dmr_route route;

	req->opf = bio->bi_opf;
	if (unlikely(op == DMR_OP_FLUSH))
		return bio->bi_opf & REQ_PREFLUSH ? remap_map_flush(inst, req, bio) : DM_MAPIO_KILL;

	dmr_if_section_begin();
	req->epoch = dmr_inflight_enter(&inst->inflight);
	route = dmr_engine_route(inst->engine, op, sector, bio_sectors(bio));
	dmr_if_section_end();

	if (unlikely(route.sectors < bio_sectors(bio)))
		dm_accept_partial_bio(bio, route.sectors);
	req->iter = bio->bi_iter;
	req->iter.bi_sector = sector;
	bio->bi_iter.bi_sector = route.sector;
	if (likely(route.where == DMR_WHERE_MAIN)) {
		req->state = DMR_REQUEST_ON_MAIN;
		bio_set_dev(bio, inst->main.bdev);
		return DM_MAPIO_REMAPPED;
	}
	if (route.where == DMR_WHERE_SPARE)
		return remap_map_spare(inst, req, bio, route.member);
	return remap_map_slow(inst, req);
}

/* Failed, or not on main. */
static noinline int remap_end_io_rest(struct dmr_instance *inst, struct dmr_request *req, blk_status_t status)
{
	bool optional = req->opf & (REQ_RAHEAD | REQ_FAILFAST_MASK);
	enum dmr_op op = dmr_op_of(req->opf);
	bool on_main = req->state != DMR_REQUEST_ON_SPARE;

	if (req->state == DMR_REQUEST_ENDED)
		return DM_ENDIO_DONE;
	/* Before the user is told, and before a drainer may take the write for done. */
	if (!status && !on_main && op_is_write(bio_op(dmr_request_bio(req))))
		dmr_engine_spare_written(inst->engine, req->member);
	if (req->state != DMR_REQUEST_FLUSH)
		dmr_inflight_leave(&inst->inflight, req->epoch);
	if (!status || !dmr_engine_wants_failed(inst->engine, op, (__force dmr_status)status,
						op == DMR_OP_READ && optional))
		return DM_ENDIO_DONE;
	req->state = DMR_REQUEST_SLOW;
	req->error = (__force dmr_status)status;
	dmr_engine_enqueue(inst->engine, req);
	return DM_ENDIO_INCOMPLETE;
}

static int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *status)
{
	struct dmr_instance *inst = ti->private;
	struct dmr_request *req = dm_per_bio_data(bio, sizeof(*req));

	if (unlikely(*status || req->state != DMR_REQUEST_ON_MAIN))
		return remap_end_io_rest(inst, req, *status);
	dmr_inflight_leave(&inst->inflight, req->epoch);
	return DM_ENDIO_DONE;
}

static void remap_presuspend(struct dm_target *ti)
{
	struct dmr_instance *inst = ti->private;

	dmr_engine_presuspend(inst->engine);
}

static void remap_presuspend_undo(struct dm_target *ti)
{
	struct dmr_instance *inst = ti->private;

	dmr_engine_presuspend_undo(inst->engine);
}

/* Memory that is freed by writing to this device cannot be waited for until the device is resumed. */
static void remap_postsuspend(struct dm_target *ti)
{
	struct dmr_target *t = ti->private;
	unsigned int noio = memalloc_noio_save();

	dmr_stats_device_remove(t);
	dmr_engine_postsuspend(t->inst.engine);
	t->running = false;
	memalloc_noio_restore(noio);
}

static int remap_preresume(struct dm_target *ti)
{
	struct dmr_target *t = ti->private;
	unsigned int noio = memalloc_noio_save();
	char reason[DMR_REASON_SIZE] = "";
	int err;

	dmr_claims_started(t);
	err = dmr_engine_resume(t->inst.engine, reason);
	if (err)
		dmr_log(&t->inst, DMR_LOG_ERR, "cannot be resumed: %s (%d)", reason, err);
	else
		dmr_claims_served(t);
	t->running = !err;
	memalloc_noio_restore(noio);
	return err;
}

static void remap_resume(struct dm_target *ti)
{
	unsigned int noio = memalloc_noio_save();

	dmr_stats_device_add(ti->private);
	memalloc_noio_restore(noio);
}

static void remap_status(struct dm_target *ti, status_type_t type, unsigned int flags, char *result,
			 unsigned int maxlen)
{
	struct dmr_target *t = ti->private;
	const struct dmr_member *m = t->members, *end = m + t->member_count;
	unsigned int features = 4 * (t->member_count - 1) + (t->read_retries_given ? 2 : 0);
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		dmr_engine_status(t->inst.engine, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s %s %llu %llu", t->main->name, m->dm->name, m->start, m->sectors);
		if (features)
			DMEMIT(" %u", features);
		while (++m < end)
			DMEMIT(" spare %s %llu %llu", m->dm->name, m->start, m->sectors);
		if (t->read_retries_given)
			DMEMIT(" read_retries %u", t->read_retries);
		break;
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",main=%s", t->main->name);
		for (; m < end; m++)
			DMEMIT(",spare_%d=%s,spare_%d_start=%llu,spare_%d_sectors=%llu", (int)(m - t->members),
			       m->dm->name, (int)(m - t->members), m->start, (int)(m - t->members), m->sectors);
		DMEMIT(",read_retries=%u;", t->read_retries);
		break;
	}
}

static int remap_message(struct dm_target *ti, unsigned int argc, char **argv, char *result, unsigned int maxlen)
{
	struct dmr_instance *inst = ti->private;
	unsigned int noio = memalloc_noio_save();
	char reason[DMR_REASON_SIZE] = "";
	int r;

	r = dmr_engine_message(inst->engine, argc, argv, result, maxlen, reason);
	if (r < 0)
		dmr_log(inst, DMR_LOG_ERR, "message refused: %s", reason);
	memalloc_noio_restore(noio);
	return r;
}

static int remap_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct dmr_target *t = ti->private;
	int r = fn(ti, t->main, 0, ti->len, data);
	unsigned int i;

	for (i = 0; !r && i < t->member_count; i++)
		r = fn(ti, t->members[i].dm, t->members[i].start, t->members[i].sectors, data);
	return r;
}

void dmr_target_snapshot(struct dmr_target *t, struct dmr_snapshot *out)
{
	struct block_device *disk = dm_disk(dm_table_get_md(t->inst.ti->table))->part0;

	memset(out, 0, sizeof(*out));
	dmr_engine_snapshot(t->inst.engine, out);
	strscpy(out->name, t->stats.name, sizeof(out->name));
	out->reads = part_stat_read(disk, ios[STAT_READ]);
	out->writes = part_stat_read(disk, ios[STAT_WRITE]);
	out->read_ns = part_stat_read(disk, nsecs[STAT_READ]);
	out->write_ns = part_stat_read(disk, nsecs[STAT_WRITE]);
}

/* Without prepare_ioctl, device-mapper refuses raw SCSI commands, which would pass the map by. */
struct target_type dmr_target_type = {
	.name = "remap",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = remap_ctr,
	.dtr = remap_dtr,
	.map = remap_map,
	.end_io = remap_end_io,
	.presuspend = remap_presuspend,
	.presuspend_undo = remap_presuspend_undo,
	.postsuspend = remap_postsuspend,
	.preresume = remap_preresume,
	.resume = remap_resume,
	.status = remap_status,
	.message = remap_message,
	.iterate_devices = remap_iterate_devices,
};
