// SPDX-License-Identifier: GPL-2.0
/* The device-mapper target: carries bios to where the engine says. */
#include <linux/module.h>
#include <linux/sched/mm.h>

#include "core/target/claims.h"
#include "core/target/construct.h"
#include "core/target/spares.h"
#include "core/target/stats_devices.h"
#include "core/target/target.h"
#include "shim/device.h"
#include "shim/inflight_protocol.h"

static noinline int remap_map_flush(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio)
{
	req->iter = bio->bi_iter;
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
	req->failed = BLK_STS_OK;
	dmr_inflight_leave(&inst->inflight, req->epoch);
	dmr_engine_enqueue(inst->engine, req);
	return DM_MAPIO_SUBMITTED;
}

/* The bio is in flight. What it was is kept, as far as map has not done so. */
static __always_inline int remap_map_main(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio,
					  sector_t sector)
{
	bio->bi_iter.bi_sector = sector;
	req->iter = bio->bi_iter;
	req->state = DMR_REQUEST_ON_MAIN;
	bio_set_dev(bio, inst->main.bdev);
	return DM_MAPIO_REMAPPED;
}

/* The same. */
static noinline int remap_map_fua(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio, sector_t sector)
{
	int r = remap_map_main(inst, req, bio, sector);

	if (dmr_engine_flushes_behind(inst->engine, &req->main_moment)) {
		req->state = DMR_REQUEST_ON_MAIN_FUA;
		bio->bi_opf &= ~REQ_FUA;
	}
	return r;
}

/* Where the engine says. The bio is in flight since the section began that ends here. */
static noinline int remap_map_routed(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio, sector_t sector)
{
	struct dmr_route route = dmr_engine_route(inst->engine, dmr_op_of(req->opf), sector, bio_sectors(bio));

	dmr_if_section_end();
	if (unlikely(route.sectors < bio_sectors(bio)))
		dm_accept_partial_bio(bio, route.sectors);
	if (route.where == DMR_WHERE_MAIN) {
		if (unlikely(req->opf & REQ_FUA))
			return remap_map_fua(inst, req, bio, sector);
		return remap_map_main(inst, req, bio, sector);
	}
	req->iter = bio->bi_iter;
	req->iter.bi_sector = sector;
	bio->bi_iter.bi_sector = route.sector;
	if (route.where == DMR_WHERE_SPARE)
		return remap_map_spare(inst, req, bio, route.member);
	return remap_map_slow(inst, req);
}

/* Something is in the region. Else as above. */
static noinline int remap_map_near(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio, sector_t sector)
{
	if (!dmr_gate_near(&inst->gate, sector, bio_sectors(bio)))
		return remap_map_routed(inst, req, bio, sector);
	dmr_if_section_end();
	return remap_map_main(inst, req, bio, sector);
}

static noinline int remap_map_other(struct dmr_instance *inst, struct dmr_request *req, struct bio *bio, sector_t sector)
{
	if (unlikely(dmr_op_of(req->opf) == DMR_OP_FLUSH))
		return req->opf & REQ_PREFLUSH ? remap_map_flush(inst, req, bio) : DM_MAPIO_KILL;
	dmr_if_section_begin();
	req->epoch = dmr_inflight_enter(&inst->inflight);
	return remap_map_routed(inst, req, bio, sector);
}

static int remap_map(struct dm_target *ti, struct bio *bio)
{
	struct dmr_request *req = dm_per_bio_data(bio, sizeof(*req));
	struct dmr_instance *inst = ti->private;
	sector_t sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	blk_opf_t opf = bio->bi_opf;

	req->opf = opf;
	/* All but plain reads and writes, 0 and 1. */
	if (unlikely(opf & ~(blk_opf_t)REQ_OP_WRITE & (REQ_OP_MASK | REQ_PREFLUSH | REQ_FUA)))
		return remap_map_other(inst, req, bio, sector);

	dmr_if_section_begin();
	req->epoch = dmr_inflight_enter(&inst->inflight);
	/* As dmr_gate_open(), by parts: what is not needed while nothing is remapped is done after that is known, or elsewhere. */
	if (unlikely(dmr_gate_any(&inst->gate)) && !dmr_gate_far(&inst->gate, sector, bio_sectors(bio)))
		return remap_map_near(inst, req, bio, sector);
	dmr_if_section_end();
	return remap_map_main(inst, req, bio, sector);
}

/* Failed, or not on main alone. */
static noinline int remap_end_io_rest(struct dmr_instance *inst, struct dmr_request *req, blk_status_t status)
{
	bool optional = req->opf & (REQ_RAHEAD | REQ_FAILFAST_MASK);
	enum dmr_op op = dmr_op_of(req->opf);
	bool on_main = req->state != DMR_REQUEST_ON_SPARE;

	if (req->state == DMR_REQUEST_ENDED)
		return DM_ENDIO_DONE;
	/* Before the user is told, and before a drainer may take the write for done. */
	if (!on_main && op_is_write(bio_op(dmr_request_bio(req))))
		dmr_engine_spare_write_ended(inst->engine, req->member, (__force dmr_status)status,
					     req->opf & REQ_FUA ? DMR_IO_FUA : 0);
	if (req->state != DMR_REQUEST_FLUSH)
		dmr_inflight_leave(&inst->inflight, req->epoch);
	if (!status && req->state == DMR_REQUEST_ON_MAIN_FUA) {
		dmr_engine_enqueue_fua(inst->engine, req);
		return DM_ENDIO_INCOMPLETE;
	}
	if (!status || !dmr_engine_wants_failed(inst->engine, op, (__force dmr_status)status,
						op == DMR_OP_READ && optional))
		return DM_ENDIO_DONE;
	req->state = DMR_REQUEST_SLOW;
	req->failed = status;
	dmr_engine_enqueue(inst->engine, req);
	return DM_ENDIO_INCOMPLETE;
}

static noinline __noclone int remap_end_io_failed(struct dmr_instance *inst, struct bio *bio, const blk_status_t *status)
{
	return remap_end_io_rest(inst, dm_per_bio_data(bio, sizeof(struct dmr_request)), *status);
}

/* What is not the healthy path is left to others by a jump: for a call, registers would be kept each time. */
static int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *status)
{
	struct dmr_instance *inst = ti->private;
	struct dmr_request *req;

	if (unlikely(*status))
		return remap_end_io_failed(inst, bio, status);
	req = dm_per_bio_data(bio, sizeof(*req));
	if (unlikely(req->state != DMR_REQUEST_ON_MAIN))
		return remap_end_io_rest(inst, req, BLK_STS_OK);
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
	char reason[DMR_REASON_SIZE] = "", name[DMR_NAME_SIZE];
	int err;

	dmr_claims_started(t);
	dmr_instance_name(&t->inst, name);
	err = dmr_engine_resume(t->inst.engine, name, reason);
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
	struct dmr_target *t = ti->private;
	unsigned int noio = memalloc_noio_save();

	dmr_engine_begin(t->inst.engine);
	dmr_stats_device_add(ti->private);
	memalloc_noio_restore(noio);
}

/*
 * The members as a table line would name them now: those of the table, less those removed or forgotten by message, and
 * those added. Taken once: a job may remove one while the line is printed. There is always one, as the last cannot be
 * removed; but the last that was counted may have gone while those added since were not looked at.
 */
static unsigned int dmr_members_now(const struct dmr_target *t, const struct dmr_member **out)
{
	unsigned int i, n = 0;

	while (!n) {
		unsigned int count = smp_load_acquire(&t->member_count);
		unsigned int missing = dmr_engine_missing(t->inst.engine);

		for (i = 0; i < count && n < DMR_MAX_MEMBERS; i++) {
			const struct dmr_member *m = &t->members[i];

			if (m->range.dev ? dmr_engine_has_member(t->inst.engine, &m->range) : missing && missing--)
				out[n++] = m;
		}
	}
	return n;
}

static void remap_status(struct dm_target *ti, status_type_t type, unsigned int flags, char *result,
			 unsigned int maxlen)
{
	struct dmr_target *t = ti->private;
	const struct dmr_member *members[DMR_MAX_MEMBERS];
	unsigned int n = dmr_members_now(t, members), sz = 0, features, i;

	switch (type) {
	case STATUSTYPE_INFO:
		dmr_engine_status(t->inst.engine, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		features = 4 * (n - 1) + t->degraded + 2 * !!t->main_id[0] + 2 * !!t->max_extents +
			   2 * t->read_retries_given;
		DMEMIT("%s %s %llu %llu", t->main->name, members[0]->name, members[0]->range.start,
		       members[0]->range.sectors);
		if (features)
			DMEMIT(" %u", features);
		for (i = 1; i < n; i++)
			DMEMIT(" spare %s %llu %llu", members[i]->name, members[i]->range.start,
			       members[i]->range.sectors);
		if (t->degraded)
			DMEMIT(" degraded");
		if (t->main_id[0])
			DMEMIT(" main_id %s", t->main_id);
		if (t->max_extents)
			DMEMIT(" max_extents %llu", t->max_extents);
		if (t->read_retries_given)
			DMEMIT(" read_retries %u", t->read_retries);
		break;
#if DMR_HAVE_STATUSTYPE_IMA
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",main=%s", t->main->name);
		for (i = 0; i < n; i++)
			DMEMIT(",spare_%u=%s,spare_%u_start=%llu,spare_%u_sectors=%llu", i, members[i]->name, i,
			       members[i]->range.start, i, members[i]->range.sectors);
		DMEMIT(",degraded=%c,max_extents=%llu,read_retries=%u;", t->degraded ? 'y' : 'n', t->max_extents,
		       t->read_retries);
		break;
#endif
	}
}

static int remap_message(struct dm_target *ti, unsigned int argc, char **argv, char *result, unsigned int maxlen)
{
	struct dmr_instance *inst = ti->private;
	unsigned int noio = memalloc_noio_save();
	char reason[DMR_REASON_SIZE] = "";
	struct dmr_spare_message msg;
	int r;

	r = dmr_spare_message_parse(argc, argv, &msg, reason);
	if (r > 0)
		r = dmr_change_spares(container_of(inst, struct dmr_target, inst), &msg, reason);
	else if (r == 0)
		r = dmr_engine_message(inst->engine, argc, argv, result, maxlen, reason);
	if (r < 0)
		dmr_log(inst, DMR_LOG_ERR, "message refused: %s", reason);
	memalloc_noio_restore(noio);
	return r;
}

/* Those that device-mapper has opened for this table: see spares.c. */
static int remap_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct dmr_target *t = ti->private;
	int r = fn(ti, t->main, 0, ti->len, data);
	unsigned int i;

	for (i = 0; !r && i < t->member_count; i++)
		if (t->members[i].dm)
			r = fn(ti, t->members[i].dm, t->members[i].range.start, t->members[i].range.sectors, data);
	return r;
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
