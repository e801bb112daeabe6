/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The engine behind the target: C++ inside core, called by the C side (src/core/target.c, or the host's stand-in).
 * All deciding is done behind these functions; the C side carries bios.
 */
#ifndef DM_REMAP_ENGINE_H
#define DM_REMAP_ENGINE_H

#include "gate.h"
#include "kernel_api.h"
#include "metadata.h"
#include "reassembly.h"
#include "spare_pool.h"
#include "stats.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* ---- the table line ---- */

enum { DMR_READ_RETRIES_DEFAULT = 3, DMR_READ_RETRIES_MAX = 100 };

struct dmr_table_member {
	const char *path;	/* points into argv; NULL for "-", a missing one */
	uint64_t start, sectors; /* as given, also of a missing one */
};

struct dmr_table {
	const char *main_path;	/* points into argv */
	struct dmr_table_member members[DMR_MAX_MEMBERS];
	uint32_t member_count;
	uint64_t max_extents;		/* 0: not given */
	const char *main_id;		/* points into argv; NULL: not given */
	uint32_t read_retries;
	bool read_retries_given;
	bool format;
	bool new_main;
	bool degraded;
	bool force;
};

enum dmr_spare_change {
	DMR_SPARE_ADD,		/* add_spare <dev> [<start> <sectors>] */
	DMR_SPARE_REMOVE,	/* remove_spare <dev> [force] */
	DMR_SPARE_CANCEL,	/* remove_spare <dev> cancel */
	DMR_SPARE_FORGET,	/* forget_spare <number> [force] */
};

/* A message about spares. */
struct dmr_spare_message {
	enum dmr_spare_change change;
	const char *path;	/* points into argv; NULL: forget_spare */
	uint64_t start, sectors; /* add_spare; sectors 0: to the end of the device */
	uint32_t number;	/* forget_spare */
	bool force;		/* remove_spare, forget_spare */
};

/*
 * `<main> <spare> <spare_start> <spare_sectors> [<#feature_args> <feature_arg>...]`. 0, or -EINVAL with a reason that
 * names the argument and the value. Touches nothing. any.
 */
int dmr_table_parse(unsigned int argc, char **argv, struct dmr_table *out, char *reason);

/*
 * 1: argv is one of these messages, and out is filled; 0: it is another one; -EINVAL with a reason that names the
 * argument and the value. any.
 */
int dmr_spare_message_parse(unsigned int argc, char **argv, struct dmr_spare_message *out, char *reason);

/* The message list [<from> [<count>]]. */
struct dmr_list_message {
	uint64_t from;		/* a sector of main */
	uint64_t count;		/* extents */
};

/* As dmr_spare_message_parse(). any. */
int dmr_list_message_parse(unsigned int argc, char **argv, struct dmr_list_message *out, char *reason);

/* The messages remap <sector> [<count>], unremap <sector> [<count>], retry_pending and stop_job. */
enum dmr_hand_kind {
	DMR_HAND_REMAP,
	DMR_HAND_UNREMAP,
	DMR_HAND_RETRY,
	DMR_HAND_STOP,
};

struct dmr_hand_message {
	enum dmr_hand_kind kind;
	uint64_t sector;	/* of main */
	uint64_t count;		/* sectors, at least 1; the end is no larger than any device; 0 where the message has none */
};

/* As dmr_spare_message_parse(). any. */
int dmr_hand_message_parse(unsigned int argc, char **argv, struct dmr_hand_message *out, char *reason);

/* The messages scrub start|stop|pause|resume|status and scrub rate <sectors per second>. */
enum dmr_scrub_kind {
	DMR_SCRUB_START,
	DMR_SCRUB_STOP,
	DMR_SCRUB_PAUSE,
	DMR_SCRUB_RESUME,
	DMR_SCRUB_STATUS,
	DMR_SCRUB_RATE,
};

struct dmr_scrub_message {
	enum dmr_scrub_kind kind;
	uint32_t rate;		/* sectors per second, 0: no limit; 0 where the message has none */
};

/* As dmr_spare_message_parse(). any. */
int dmr_scrub_message_parse(unsigned int argc, char **argv, struct dmr_scrub_message *out, char *reason);
/* The messages guard <sector> <count> [<sector> <count>...] and unguard. */
enum { DMR_GUARD_RANGES = 32 };

struct dmr_guard_message {
	bool off;		/* unguard: all of main, and no range */
	uint32_t count;		/* ranges, at least 1 */
	struct {
		uint64_t sector, count;	/* of main; at least 1 sector; the end is no larger than any device */
	} ranges[DMR_GUARD_RANGES];
};

/* As dmr_spare_message_parse(). any. */
int dmr_guard_message_parse(unsigned int argc, char **argv, struct dmr_guard_message *out, char *reason);

/* ---- life ---- */

struct dmr_engine;

/* The ladder: a later mode is worse; an engine never leaves DMR_MODE_METADATA_FAILED. */
enum dmr_mode {
	DMR_MODE_OK,
	DMR_MODE_READ_ONLY,		/* the table is: nothing is written */
	DMR_MODE_SPARE_EXHAUSTED,
	DMR_MODE_MAP_FULL,
	DMR_MODE_MAIN_READ_ONLY,	/* main refused every trial write at the last test */
	DMR_MODE_MAIN_GONE,		/* main answered nothing at the last test */
	DMR_MODE_METADATA_FAILED,	/* no more remaps; existing ones are served */
};

struct dmr_engine_params {
	struct dmr_instance *inst;
	struct dmr_device *main;
	uint64_t sectors;		/* length of the target */
	struct dmr_member_range members[DMR_MAX_MEMBERS]; /* in the table's order; dev NULL: "-" */
	uint32_t member_count;
	uint64_t max_extents;		/* 0: not given */
	const char *main_id;		/* what the table calls main's disk; copied; NULL: nothing */
	uint32_t read_retries;
	uint32_t max_workers;		/* recoveries at the same time, 1..DMR_MAX_WORKERS */
	bool format;
	bool new_main;			/* main is not the one that was recorded, and is to be from now on */
	bool degraded;
	bool force;
	bool read_only;
	bool members_live;		/* another table of this mapped device runs on the members now */
	bool main_live;			/* another table of this mapped device has served this main, with the set: */
	uint8_t live_set[DMR_UUID_SIZE];
	const char *name;		/* of the mapped device; copied */
	const struct dmr_metadata_ops *metadata;
	const struct dmr_spare_pool_ops *pool;
	const struct dmr_reassembly_ops *reassembly;
	struct dmr_gate *gate;		/* the engine's until it is destroyed; all zero */
};

enum { DMR_MAX_WORKERS = 32 };

/*
 * The constructor's part: allocate all, read every member, refuse what cannot be believed. Writes nothing.
 * Negative errno with a reason. process, may block.
 */
int dmr_engine_create(const struct dmr_engine_params *params, struct dmr_engine **out, char *reason);

/* The set and member UUIDs, for core's registry of claims; valid after create. */
const struct dmr_setup *dmr_engine_setup(const struct dmr_engine *e);

/*
 * preresume: the first call loads the newest state (or formats); later ones find it loaded. What of main, of the mapped
 * device's name (as it is now) and of the options has changed is recorded in the set. process, may block.
 */
int dmr_engine_resume(struct dmr_engine *e, const char *name, char *reason);

/*
 * resume: all targets of the table have come through their preresume, so that a suspend will come before the destructor. What works
 * by itself begins, or goes on, and messages are taken. process, may block.
 */
void dmr_engine_begin(struct dmr_engine *e);

/*
 * presuspend: movers stop and release their ranges; presuspend_undo (and the next resume) starts them again.
 * postsuspend: no I/O of users is under way; afterwards the engine issues none. process, may block.
 */
void dmr_engine_presuspend(struct dmr_engine *e);
void dmr_engine_presuspend_undo(struct dmr_engine *e);
void dmr_engine_postsuspend(struct dmr_engine *e);

void dmr_engine_destroy(struct dmr_engine *e); /* process, may block; NULL is allowed */

/* ---- the I/O path: never blocks, never allocates ---- */

enum dmr_where {
	DMR_WHERE_MAIN,
	DMR_WHERE_SPARE,
	DMR_WHERE_SLOW,		/* hand it to dmr_engine_enqueue() */
};

struct dmr_route {
	uint64_t sector;	/* on the device, absolute */
	uint32_t sectors;	/* how many of those asked for this answer covers, at least one block */
	uint16_t where;		/* enum dmr_where */
	uint16_t member;	/* with SPARE: the member's slot in the set */
};

/*
 * Where [sector, sector + sectors) of the target is served. op tells whether data moves: a discard of pending blocks
 * goes to main. Called inside an RCU section in which the caller has entered its in-flight epoch first. Whom dmr_gate_open() has
 * told that all of it is main's need not call. any.
 */
struct dmr_route dmr_engine_route(const struct dmr_engine *e, enum dmr_op op, uint64_t sector, uint32_t sectors);

/* A member's device as route names it. any. */
struct dmr_device *dmr_engine_member_device(const struct dmr_engine *e, uint32_t member);

/*
 * What to do with a failed I/O, by the table of design.md section 4: true: give it to dmr_engine_enqueue(); false:
 * pass its status up. optional: read-ahead, or a read marked failfast. any.
 */
bool dmr_engine_wants_failed(struct dmr_engine *e, enum dmr_op op, dmr_status status, bool optional);

/* Take the request over; dmr_request_end() is called for it from a worker. any. */
void dmr_engine_enqueue(struct dmr_engine *e, struct dmr_request *req);

/*
 * Of a write with FUA that goes to main. True: main has no FUA, and what fails has to be known apart: send it without, with
 * *moment in the request's info, and if main takes it give it to dmr_engine_enqueue_fua(), which takes it over; it ends when
 * main was flushed. any.
 */
bool dmr_engine_flushes_behind(const struct dmr_engine *e, uint32_t *moment);
void dmr_engine_enqueue_fua(struct dmr_engine *e, struct dmr_request *req);

/*
 * Anything that changes data of this member (a write, a discard) has ended with this status, and its user is not told
 * yet. flags: DMR_IO_FUA if it was sent so. any.
 */
void dmr_engine_spare_write_ended(struct dmr_engine *e, uint32_t member, dmr_status status, uint32_t flags);

/* Must this flush go to dmr_engine_enqueue_flush(), or may the caller send it to main alone? any. */
bool dmr_engine_flush_needs_worker(const struct dmr_engine *e);
void dmr_engine_enqueue_flush(struct dmr_engine *e, struct dmr_request *req);

/* ---- administration: process ---- */

/* `dmsetup status` (INFO) and the part of the table line after the devices. Return the length written. any. */
int dmr_engine_status(struct dmr_engine *e, char *buf, size_t size);

/*
 * 1: the answer is in buf; 0: done, nothing to say; negative errno with a reason. buf may be too small: then what
 * fits is there and dm asks again with a larger one.
 */
int dmr_engine_message(struct dmr_engine *e, unsigned int argc, char **argv, char *buf, size_t size, char *reason);

/*
 * A range that is not yet a member, on a device that the C side keeps open until the engine is destroyed: it joins the
 * set, durably. 0, or a negative errno with a reason and nothing changed: -EBUSY suspended or another such change is under
 * way, -EROFS a read-only table, -EINVAL not blank or not fit, -ENOSPC, -EIO. process, may block.
 */
int dmr_engine_add_member(struct dmr_engine *e, const struct dmr_member_range *range, char *reason);
/*
 * 0: it is no member any more; 1: a job has begun to move its blocks to the others, status tells how far it is, and an
 * event its end; negative errno with a reason, and nothing changed. The device stays open. process, may block.
 */
int dmr_engine_remove_member(struct dmr_engine *e, const struct dmr_member_range *range, bool force, char *reason);
/* Stop that job; what it has moved stays moved. -ENOENT: there is none. process, may block. */
int dmr_engine_cancel_remove(struct dmr_engine *e, const struct dmr_member_range *range, char *reason);
/* Is that job under way (also one that waits for a resume)? any. */
bool dmr_engine_removing(const struct dmr_engine *e);
/*
 * Let go of the member in this slot, which is missing, or was dropped: what lives there is lost, and fails from now on until it
 * is written. -ENOENT; -EBUSY: it takes part, or blocks live there and `force` is not given, or I/O to it is still
 * under way (what is lost stays lost then; ask again). Else as remove. process, may block.
 */
int dmr_engine_forget_member(struct dmr_engine *e, uint32_t slot, bool force, char *reason);
/* Is this range a member now? any. */
bool dmr_engine_has_member(const struct dmr_engine *e, const struct dmr_member_range *range);
/* How many members are missing now? any. */
uint32_t dmr_engine_missing(const struct dmr_engine *e);

/*
 * All but the name, which may change at any time, and what the block layer counts (reads, writes, read_ns, write_ns):
 * these stay empty and 0. process, may block.
 */
void dmr_engine_snapshot(struct dmr_engine *e, struct dmr_snapshot *out);

#if defined(__cplusplus)
}
#endif
#endif
