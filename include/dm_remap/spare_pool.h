/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The spare-pool role: which spare block. Provided by dm-remap-spare-pool, used by core. Knows no I/O and no time.
 *
 * The caller serialises all calls on one handle. Process context; only create, add_member, reserve, mark_bad,
 * prepare_bad and allocate may allocate memory (and so block and fail with -ENOMEM); release too, on a missing member
 * while the map is loaded.
 */
#ifndef DM_REMAP_SPARE_POOL_H
#define DM_REMAP_SPARE_POOL_H

#include "kernel_api.h"
#include "record.h"

#if defined(__cplusplus)
extern "C" {
#endif

enum { DMR_SPARE_POOL_ABI = 4, DMR_POOL_MISSING_BYTES = 64 << 20 };

struct dmr_pool;

struct dmr_spare_extent {
	uint64_t block;		/* from the start of the member's range */
	uint32_t length;	/* blocks */
	uint32_t member;
};

struct dmr_pool_usage {
	uint64_t total;		/* blocks of the members' data areas */
	uint64_t used;		/* serving, or allocated for a recovery under way */
	uint64_t bad;		/* never to be used again; not in used */
	uint64_t free;		/* can be allocated: not used, not bad, on a member that is open */
};

struct dmr_spare_pool_ops {
	void *owner;
	uint32_t abi;

	int (*create)(struct dmr_pool **out);
	void (*destroy)(struct dmr_pool *pool);

	/*
	 * Blocks [first, end) of the member may be given out; it is open. One that is missing is never open. -EEXIST, -EINVAL.
	 *
	 * Nobody vouches for the size of a missing one. It takes memory by what is said of its blocks, at most
	 * DMR_POOL_MISSING_BYTES for all of them: beyond that reserve and mark_bad answer -E2BIG.
	 */
	int (*add_member)(struct dmr_pool *pool, uint32_t member, uint64_t first, uint64_t end, bool missing);

	/*
	 * The map is loaded. From now on nothing is reserved on a missing member and nothing there becomes bad (-EINVAL).
	 * -ENOMEM, -E2BIG: what was released there while it was loaded could not be noted.
	 */
	int (*load_done)(struct dmr_pool *pool);

	/* A closed member gives out nothing; all else about it goes on. Of an unknown member: nothing happens. */
	void (*set_open)(struct dmr_pool *pool, uint32_t member, bool open);

	/* Forget a member and its bad blocks. -EBUSY while any of its blocks is used, -EINVAL if there is no such member. */
	int (*remove_member)(struct dmr_pool *pool, uint32_t member);

	/*
	 * Up to `wanted` consecutive blocks: the first run that is free at or after the place where the last allocation
	 * ended (next fit; open members in order, first fit). May give fewer than wanted, never 0. -ENOSPC: none left.
	 */
	int (*allocate)(struct dmr_pool *pool, uint32_t wanted, struct dmr_spare_extent *out);

	/* Take exactly these at load. -EINVAL outside the data area, -EEXIST if one is taken or bad: the map is not to be believed. */
	int (*reserve)(struct dmr_pool *pool, const struct dmr_spare_extent *extent);

	/* Give back what was allocated or reserved. Everything in it must be in use. */
	void (*release)(struct dmr_pool *pool, const struct dmr_spare_extent *extent);

	/* Free or used blocks become bad, for good. -EINVAL outside the data area. Bad ones stay bad: 0. */
	int (*mark_bad)(struct dmr_pool *pool, const struct dmr_spare_extent *extent);

	/* The memory that mark_bad needs for these: afterwards it does not fail for want of it. -ENOMEM, -EINVAL as there. */
	int (*prepare_bad)(struct dmr_pool *pool, const struct dmr_spare_extent *extent);

	/* The first run of bad blocks of a member at or after `from`; false if there is none. */
	bool (*next_bad)(const struct dmr_pool *pool, uint32_t member, uint64_t from, struct dmr_spare_extent *out);

	/* Of one member, or of all with member DMR_MAX_MEMBERS. */
	void (*usage)(const struct dmr_pool *pool, uint32_t member, struct dmr_pool_usage *out);
};

int dmr_register_spare_pool(const struct dmr_spare_pool_ops *ops);
void dmr_unregister_spare_pool(const struct dmr_spare_pool_ops *ops);

#if defined(__cplusplus)
}
#endif
#endif
