/* SPDX-License-Identifier: GPL-2.0 */
/* The C side of core: one target of one table, and what is shared between tables. */
#ifndef DMR_CORE_TARGET_H
#define DMR_CORE_TARGET_H

#include <linux/list.h>

#include "dm_remap/engine.h"
#include "shim/instance.h"

/* The role modules that a device needs, each held by a reference. */
struct dmr_roles {
	const struct dmr_metadata_ops *metadata;
	const struct dmr_spare_pool_ops *pool;
	const struct dmr_reassembly_ops *reassembly;
};

struct dmr_home;

struct dmr_stats_device {
	struct list_head list;	/* empty while the device does not run */
	struct dmr_target *target;
	char name[DMR_NAME_SIZE];
	void *cookie;		/* of the stats module */
};

struct dmr_member {
	struct dm_dev *dm;
	struct dmr_device dev;
	u64 start, sectors;
};

struct dmr_target {
	struct dmr_instance inst;
	struct dm_dev *main;
	struct dmr_member members[DMR_MAX_MEMBERS];
	unsigned int member_count;
	unsigned int read_retries;
	bool read_retries_given;
	bool running;		/* preresume has worked, and postsuspend has not come since */
	struct dmr_roles roles;
	struct dmr_home *home;
	struct dmr_stats_device stats;

	/* Of claims.c, under its lock. */
	struct list_head claims;
	u8 uuids[DMR_MAX_MEMBERS][DMR_UUID_SIZE];
	unsigned int uuid_count;
	u8 set_uuid[DMR_UUID_SIZE];
	bool started;		/* was resumed: from then on its members may change at any time */
	bool served;		/* and that worked: its set has the map of its main */
};

/* ---- construct.c ---- */

int remap_ctr(struct dm_target *ti, unsigned int argc, char **argv);
void remap_dtr(struct dm_target *ti);

/* ---- target.c ---- */

extern struct target_type dmr_target_type;

void dmr_target_snapshot(struct dmr_target *t, struct dmr_snapshot *out);

/* ---- registry.c; process context ---- */

/* Loads what is missing: from the constructor only. 0 or -ENOENT with a reason. */
int dmr_roles_get(struct dmr_roles *roles, char *reason);
void dmr_roles_put(struct dmr_roles *roles); /* of what was got, if anything */

/* The device runs; the device no longer does, and no call for it is under way. */
void dmr_stats_device_add(struct dmr_target *t);
void dmr_stats_device_remove(struct dmr_target *t);

/* ---- claims.c; process context ---- */

/* Main and every member's range. -EBUSY with a reason that names who has it. */
int dmr_claim_ranges(struct dmr_target *t, char *reason);
/* The members' UUIDs, from the engine: a copy of a member is refused. */
int dmr_claim_uuids(struct dmr_target *t, const struct dmr_setup *setup, char *reason);
void dmr_claims_release(struct dmr_target *t); /* if anything was claimed */
void dmr_claims_started(struct dmr_target *t);
void dmr_claims_served(struct dmr_target *t);
/* Does another table of the same mapped device run on these members? */
bool dmr_claims_members_live(struct dmr_target *t);
/* Has another table of the same mapped device served this main? Then also with which set. */
bool dmr_claims_main_live(struct dmr_target *t, u8 *set_uuid);

int dmr_home_get(struct dmr_target *t);
void dmr_home_put(struct dmr_target *t);

#endif
