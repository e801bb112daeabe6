/* SPDX-License-Identifier: GPL-2.0 */
/* What the C side of core and the shim share: the kernel's meaning of the opaque handles of kernel_api.h. */
#ifndef DMR_SHIM_INSTANCE_H
#define DMR_SHIM_INSTANCE_H

#include <linux/bio.h>
#include <linux/ratelimit.h>
#include <linux/workqueue.h>

#include "dm_remap/gate.h"
#include "dm_remap/kernel_api.h"
#include "dm_remap/metadata.h"
#include "shim/compat.h"
#include "shim/inflight.h"

struct dmr_engine;

struct dmr_device {
	struct block_device *bdev;
	struct list_head patrolled;	/* in the list of patrol.c, if its disk has been entered through it */
};

struct dmr_instance {
	/* Read for every bio. */
	struct dmr_gate gate;
	struct dmr_inflight inflight;
	struct dmr_device main;
	struct dmr_engine *engine;

	struct dm_target *ti;
	struct ratelimit_state log_limits[DMR_LOG_LEVELS];
	unsigned long events;		/* bit per enum dmr_event_kind, to be sent by event_work */
	struct work_struct event_work;

	spinlock_t lock;		/* guards the rest */
	char last_name[DMR_NAME_SIZE];	/* of the mapped device when it was last asked for */
	enum dmr_log_level later_level;
	char later[160];		/* a line to be logged by event_work; empty: none */
};

int dmr_instance_init(struct dmr_instance *inst, struct dm_target *ti);
/*
 * The name of the mapped device now; of one that is being removed, the last one. Process context, under any mutex: that of
 * device-mapper, which it takes, is held over nothing but looking at a name or setting it.
 */
void dmr_instance_name(struct dmr_instance *inst, char name[DMR_NAME_SIZE]);
void dmr_instance_exit(struct dmr_instance *inst); /* sends what events are left; also of one that is all zero */

/*
 * Where a bio of ours is. Only the first three are counted in flight; end_io of an ENDED one, called once more by the
 * bio_endio() of dmr_request_end(), has nothing to do.
 */
enum dmr_request_state {
	DMR_REQUEST_ON_MAIN,
	DMR_REQUEST_ON_MAIN_FUA, /* there without its FUA: a flush follows */
	DMR_REQUEST_ON_SPARE,
	DMR_REQUEST_FLUSH,	/* sent to main alone */
	DMR_REQUEST_SLOW,	/* handed to the engine */
	DMR_REQUEST_ENDED,
};

/* Per-bio data. Drivers below advance the bio and strip its flags, hence the copies. */
struct dmr_request {
	struct bvec_iter iter;	/* the complete I/O; its sector is the target's */
	blk_opf_t opf;
	u32 main_moment;	/* ON_MAIN_FUA, and from then on */
	u8 state;		/* enum dmr_request_state */
	u8 epoch;
	u8 member;		/* ON_SPARE */
	blk_status_t failed;	/* SLOW: what main or that spare answered */
};

static inline struct bio *dmr_request_bio(const struct dmr_request *req)
{
	return dm_bio_from_per_bio_data((void *)req, sizeof(*req));
}

/* DMR_OP_FLUSH also for what is no I/O of ours at all: only bios with REQ_PREFLUSH are flushes. */
static inline enum dmr_op dmr_op_of(blk_opf_t opf)
{
	switch (opf & REQ_OP_MASK) {
	case REQ_OP_READ:
		return DMR_OP_READ;
	case REQ_OP_WRITE:
		return opf & REQ_PREFLUSH ? DMR_OP_FLUSH : DMR_OP_WRITE;
	case REQ_OP_WRITE_ZEROES:
		return DMR_OP_WRITE_ZEROES;
	case REQ_OP_DISCARD:
		return DMR_OP_DISCARD;
	default:
		return DMR_OP_FLUSH;
	}
}

#endif
