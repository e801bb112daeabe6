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

/* Of the table, or added by message; also one that was removed since, as its device stays open. */
struct dmr_member {
	struct dm_dev *dm;	/* opened for the table; NULL: missing, or added */
	struct dmr_bdev own;	/* added: opened by spares.c */
	struct dmr_device dev;
	struct dmr_member_range range; /* as the engine knows it; dev NULL: missing */
	char name[16];		/* as in the table line: <major>:<minor>, or "-" */

	/* Of claims.c, under its lock. */
	bool joined;
	bool left;		/* and its range is free again */
};

/* Tables are loaded again before that many spares have come and gone. */
enum { DMR_MEMBERS_EVER = 4 * DMR_MAX_MEMBERS };

struct dmr_target {
	struct dmr_instance inst;
	struct dm_dev *main;
	struct dmr_member members[DMR_MEMBERS_EVER];
	unsigned int member_count;	/* grows by release: status reads it under no lock of ours */
	u64 max_extents;		/* 0: not given */
	unsigned int read_retries;
	bool read_retries_given;
	bool degraded;
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
	bool alive;		/* the engine may be asked */
	bool changing;		/* a message adds or removes a spare */
};

/* ---- construct.c ---- */

int remap_ctr(struct dm_target *ti, unsigned int argc, char **argv);
void remap_dtr(struct dm_target *ti);

/* The reason, and -EINVAL. */
__printf(2, 3) int dmr_refuse(char *reason, const char *fmt, ...);
int dmr_check_device(const char *role, const char *path, struct block_device *bdev, dmr_blk_mode_t mode, char *reason);
int dmr_check_spare(struct block_device *main, const struct dmr_table_member *m, struct block_device *bdev, char *reason);

/* ---- spares.c: the messages about spares ---- */

int dmr_change_spares(struct dmr_target *t, const struct dmr_spare_message *msg, char *reason);

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
/* The engine is about to go: what its members use stays claimed until the release. Also of a table half built. */
void dmr_claims_freeze(struct dmr_target *t);
void dmr_claims_release(struct dmr_target *t); /* if anything was claimed */
/*
 * No other table of the mapped device is there, or comes, until dmr_claims_change_end(): it would find the set changed
 * at its resume, when there is no way back. -EBUSY with a reason.
 */
int dmr_claims_change_begin(struct dmr_target *t, char *reason);
void dmr_claims_change_end(struct dmr_target *t);
/* The member after the last one, filled in, becomes the last one; or no longer is. Within a change. */
int dmr_claim_member(struct dmr_target *t, char *reason);
void dmr_claim_member_undo(struct dmr_target *t);
void dmr_claim_member_joined(struct dmr_target *t, const struct dmr_setup *setup);
void dmr_claims_started(struct dmr_target *t);
void dmr_claims_served(struct dmr_target *t);
/* Does another table of the same mapped device run on these members? */
bool dmr_claims_members_live(struct dmr_target *t);
/* Has another table of the same mapped device served this main? Then also with which set. */
bool dmr_claims_main_live(struct dmr_target *t, u8 *set_uuid);

int dmr_home_get(struct dmr_target *t);
void dmr_home_put(struct dmr_target *t);

#endif
