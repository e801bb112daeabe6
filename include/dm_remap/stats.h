/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stats role: /sys/kernel/dm_remap. Provided by dm-remap-stats, which may come and go while devices run.
 *
 * Core numbers come from dmr_snapshot() at the moment of reading; nothing is pushed, and the healthy path counts
 * nothing of its own: reads, writes and their times are the block layer's accounting of the mapped device.
 */
#ifndef DM_REMAP_STATS_H
#define DM_REMAP_STATS_H

#include "metadata.h"

#if defined(__cplusplus)
extern "C" {
#endif

enum { DMR_STATS_ABI = 3 };

/* What is known of one device at one moment. Counters count since the device was created, across table reloads. */
struct dmr_snapshot {
	char name[DMR_NAME_SIZE];		/* the mapped device's at that moment; a table's second target has @<first sector> behind it */
	uint64_t reads, writes;			/* completed, block layer */
	uint64_t read_ns, write_ns;		/* their summed duration, block layer */
	uint64_t read_errors, write_errors;	/* failed I/Os that main or a spare reported */
	uint64_t remaps;			/* blocks remapped */
	uint64_t rescued;			/* of these: read only after retries, and saved on a spare */
	uint64_t moved;				/* blocks moved from one spare to another */
	uint64_t remaps_last_hour;		/* blocks, in the last 60 minutes */
	uint64_t errors_last_hour;
	uint64_t unrecovered;			/* I/Os that were failed to the user */
	uint64_t untested;			/* blocks sent to a spare without a trial, past the budget */
	uint64_t pending_hits;			/* slow-path I/Os at pending blocks or taken ranges */
	uint64_t commits, checkpoints;
	uint64_t last_remap_time, last_error_time; /* wall seconds, 0 for never */
	uint64_t extents, max_extents;		/* map entries, pending ones too */
	uint64_t active_mappings;		/* extents served by a spare */
	uint64_t remapped_sectors, pending_sectors;
	uint64_t lost_sectors;			/* nobody has their data: their spare was given up, or main; not written since */
	uint64_t spare_sectors_total, spare_sectors_used, spare_sectors_bad;
	uint64_t spare_sectors_free;		/* on members that take new blocks */
	uint64_t generation;
	uint64_t main_sectors;
	uint32_t health;			/* 0..100, see health.hh */
	uint32_t mode;				/* enum dmr_mode of engine.h */
};

struct dmr_stats_device;	/* core's: a device that runs */

struct dmr_stats_ops {
	void *owner;
	uint32_t abi;
	/*
	 * A device appears (resume) or goes (postsuspend), or was there when stats registered. Process context,
	 * serialised by core, which lets no allocation in them wait for I/O (memalloc_noio). *cookie is stats' own word
	 * per device, NULL until device_added sets it. device_removed waits for readers inside dmr_stats_snapshot().
	 */
	void (*device_added)(struct dmr_stats_device *device, const char *name, void **cookie);
	void (*device_removed)(struct dmr_stats_device *device, void *cookie);
};

/*
 * Both process, may block; register calls device_added for every device that runs; unregister calls device_removed for
 * every device that was added, and returns when no call into ops is under way.
 */
int dmr_register_stats(const struct dmr_stats_ops *ops);
void dmr_unregister_stats(const struct dmr_stats_ops *ops);

/*
 * Valid between device_added and the return of device_removed; also while these are called, hence it takes no lock that
 * core holds around them. process, may block.
 */
void dmr_stats_snapshot(struct dmr_stats_device *device, struct dmr_snapshot *out);

/* ---- C++ of the stats module, called by its C side; pure functions, any context ---- */

/*
 * Prometheus text of these devices. Of what does not fit (size includes a NUL), whole metrics are left out, from the
 * end of the list in docs/statistics.md, and dm_remap_omitted_metrics tells how many. Returns the length written.
 */
int dmr_stats_prometheus(const struct dmr_snapshot *devices, uint32_t count, char *buf, size_t size);
/*
 * No two of them have one name afterwards: devices may change names between two snapshots, and a name may look like that of
 * another one's second target.
 */
void dmr_stats_tell_apart(struct dmr_snapshot *devices, uint32_t count);
/* The value of a sysfs attribute and a newline. Returns the length written, or -ENOENT for an unknown attribute. */
int dmr_stats_value(const char *attribute, const struct dmr_snapshot *s, char *buf, size_t size);
/* Counts add up, times and mode are the latest and worst, health is the lowest (100 of no devices); name is empty. */
void dmr_stats_sum(const struct dmr_snapshot *devices, uint32_t count, struct dmr_snapshot *out);

#if defined(__cplusplus)
}
#endif
#endif
