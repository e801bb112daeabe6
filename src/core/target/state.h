/* SPDX-License-Identifier: GPL-2.0 */
/* One target of one table: what the files of this folder keep between them. */
#ifndef DMR_CORE_TARGET_STATE_H
#define DMR_CORE_TARGET_STATE_H

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
	char name[DMR_NAME_SIZE]; /* of its folder: that of the last resume */
	bool further;		/* not the first target of its table that runs */
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
	char main_id[DMR_IDENTITY_SIZE];	/* "": not given */
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

#endif
