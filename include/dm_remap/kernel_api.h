/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one door between the C++ engine and the world that runs it.
 *
 * The engine is straight-line code that blocks. Everything it needs from its surroundings is a function of
 * this header; src/shim/ implements it over Linux, src/host/ over fibers and simulated disks.
 *
 * Contexts named below:
 *   process   may sleep; a worker, the constructor, preresume, postsuspend, a message
 *   any       also from softirq and hard interrupt (map, end_io)
 * "May block" marks the points at which the simulator may run something else, fail the call or cut the power.
 *
 * Units: a sector is 512 bytes, always. Times are nanoseconds of a monotonic clock unless named wall.
 * Ownership: a handle returned by *_create or *_alloc belongs to the caller, who gives it back exactly once.
 */
#ifndef DM_REMAP_KERNEL_API_H
#define DM_REMAP_KERNEL_API_H

#if defined(__cplusplus)
#include <cstddef>
#include <cstdint>
extern "C" {
#else
#include <linux/types.h>
#endif

#define DMR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum { DMR_SECTOR_SIZE = 512 };

/*
 * Status of an I/O. The numbers are those of blk_status_t (the shim asserts it at compile time), so that a
 * status the engine has no opinion about passes through it untouched.
 */
typedef uint8_t dmr_status;
enum {
	DMR_STS_OK = 0,
	DMR_STS_NOTSUPP = 1,
	DMR_STS_TIMEOUT = 2,
	DMR_STS_NOSPC = 3,
	DMR_STS_TRANSPORT = 4,
	DMR_STS_TARGET = 5,
	DMR_STS_MEDIUM = 7,
	DMR_STS_RESOURCE = 9,
	DMR_STS_IOERR = 10,
};

enum dmr_op {
	DMR_OP_READ,
	DMR_OP_WRITE,
	DMR_OP_WRITE_ZEROES,
	DMR_OP_DISCARD,
	DMR_OP_FLUSH,
};

enum { DMR_IO_FUA = 1u << 0 };

/* ---- instance: one table's target, the C side of an engine ---- */

struct dmr_instance;

enum dmr_log_level { DMR_LOG_ERR, DMR_LOG_WARN, DMR_LOG_INFO, DMR_LOG_LEVELS /* how many there are */ };

/*
 * One line to the kernel log, prefixed with the name that the device has now. Rate-limited per instance and level. inst may be NULL.
 * process: asking for the name takes a mutex.
 */
void dmr_log(struct dmr_instance *inst, enum dmr_log_level level, const char *fmt, ...) DMR_PRINTF(3, 4);
/*
 * The same from where that may not be done: the line, cut off at 160 bytes, leaves from the work item of events. Of several
 * before that item ran it is the first. any.
 */
void dmr_log_later(struct dmr_instance *inst, enum dmr_log_level level, const char *fmt, ...) DMR_PRINTF(3, 4);

/* As the kernel's scnprintf: returns the characters written, without the NUL, never more than size - 1. any. */
int dmr_format(char *buf, size_t size, const char *fmt, ...) DMR_PRINTF(3, 4);
/* The same with a va_list, under the name that needs no header. any. */
int dmr_vformat(char *buf, size_t size, const char *fmt, __builtin_va_list args) DMR_PRINTF(3, 0);

enum dmr_event_kind {
	DMR_EVENT_FIRST_REMAP,
	DMR_EVENT_SPARE_LOW,		/* a quarter, then a tenth of the pool is left */
	DMR_EVENT_SPARE_EXHAUSTED,
	DMR_EVENT_MAP_FULL,		/* max_extents reached */
	DMR_EVENT_PENDING,
	DMR_EVENT_MEMBER_FAILED,	/* a member's metadata can no longer be written: it was dropped */
	DMR_EVENT_MEMBER_REMOVED,	/* the job of remove_spare has ended, well or not */
	DMR_EVENT_JOB_ENDED,		/* remap, unremap, retry_pending, guard or unguard, well or not */
	DMR_EVENT_SCRUB_BEGUN,		/* a pass of the patrol, from the beginning of main */
	DMR_EVENT_SCRUB_ENDED,		/* that pass: complete, stopped, or paused for a reason that the log tells */
	DMR_EVENT_MAIN_GONE,
	DMR_EVENT_MAIN_READ_ONLY,
	DMR_EVENT_FLUSH_FAILED,
	DMR_EVENT_COUNT
};

/*
 * Wake `dmsetup wait` and send a uevent. Returns at once: both leave from a work item that no I/O waits for.
 * Several of one kind before that item ran are sent as one. any.
 */
void dmr_event(struct dmr_instance *inst, enum dmr_event_kind kind);

/*
 * Wait until every I/O that map had sent out before this call has completed or entered the slow path.
 * The caller has published its taken range first. -ETIMEDOUT past deadline_ns (of dmr_now_ns()). process, may block.
 */
int dmr_drain(struct dmr_instance *inst, uint64_t deadline_ns);

/*
 * Memory that survives table reloads: zeroed when the first table of this target asks for it, the same for every later
 * one of the same mapped device, freed with the last. Two tables may have it at the same time. Each call gives the size
 * of the first; NULL for want of memory, or if more is asked for than then. process, may block.
 */
void *dmr_instance_persistent(struct dmr_instance *inst, size_t size);

/* ---- memory ---- */

/* Zeroed, aligned to 16. NULL when there is none. Never starts I/O (NOIO). process, may block. */
void *dmr_alloc(size_t bytes);
void dmr_free(void *p); /* process; NULL is allowed */
/*
 * dmr_free() once no reader that may hold p is left. The first 16 bytes of p must not be needed by readers any
 * more than as garbage: they are overwritten at once. any.
 */
void dmr_free_rcu(void *p);
/* Wait until every reader that is inside a section now is out. process, may block. */
void dmr_rcu_synchronize(void);
/* A reader section for workers that look something up; map is called inside one. Nests; no blocking call within. any. */
void dmr_rcu_read_lock(void);
void dmr_rcu_read_unlock(void);

/* Page-aligned memory for I/O of up to 128 KiB, zeroed. NULL when there is none. process, may block. */
void *dmr_io_buffer_alloc(size_t bytes);
void dmr_io_buffer_free(void *p, size_t bytes);

/* ---- time, chance, checksums ---- */

uint64_t dmr_now_ns(void);		/* any */
uint64_t dmr_wall_seconds(void);	/* seconds since 1970; any */
void dmr_random_bytes(void *out, size_t n); /* unpredictable; process */
uint32_t dmr_crc32c(uint32_t seed, const void *data, size_t n); /* as the kernel's crc32c(): no final inversion; any */

/* ---- locks; creation: process, may fail with NULL ---- */

struct dmr_mutex;
struct dmr_mutex *dmr_mutex_create(const char *name);
void dmr_mutex_destroy(struct dmr_mutex *m);
void dmr_mutex_lock(struct dmr_mutex *m); /* process, may block */
void dmr_mutex_unlock(struct dmr_mutex *m);

struct dmr_spinlock;
struct dmr_spinlock *dmr_spinlock_create(const char *name);
void dmr_spinlock_destroy(struct dmr_spinlock *l);
unsigned long dmr_spin_lock(struct dmr_spinlock *l); /* interrupts off, returns what unlock needs; any */
void dmr_spin_unlock(struct dmr_spinlock *l, unsigned long flags);

struct dmr_cond;
struct dmr_cond *dmr_cond_create(const char *name);
void dmr_cond_destroy(struct dmr_cond *c);
/* Release m, sleep until a wake that came after the release, take m again. No spurious-wake guarantee. process, may block. */
void dmr_cond_wait(struct dmr_cond *c, struct dmr_mutex *m);
/* As dmr_cond_wait(), and at deadline_ns (of dmr_now_ns()) without a wake: -ETIMEDOUT then. process, may block. */
int dmr_cond_wait_until(struct dmr_cond *c, struct dmr_mutex *m, uint64_t deadline_ns);
void dmr_cond_wake_all(struct dmr_cond *c); /* any */

/* ---- workers ---- */

/*
 * A set of `count` workers, each a work item of its own on one reclaim workqueue. The surroundings may run as few
 * as one of them at a time: no worker may wait for one that has not started.
 */
struct dmr_workers;
struct dmr_workers *dmr_workers_create(const char *name, unsigned int count,
				       void (*run)(void *context, unsigned int worker), void *context);
/* Have run(context, worker) called. If it is running already it is called once more after it returns. any. */
void dmr_worker_start(struct dmr_workers *w, unsigned int worker);
/* Wait until all that was started before has returned. process, may block. */
void dmr_workers_drain(struct dmr_workers *w);
void dmr_workers_destroy(struct dmr_workers *w); /* drains; process, may block */

/* ---- devices: owned by the C side, which outlives the engine ---- */

struct dmr_device;

enum { DMR_IDENTITY_SIZE = 96 };

struct dmr_device_info {
	uint64_t sectors;
	uint32_t logical_block_bytes;
	uint32_t physical_block_bytes;
	int32_t alignment_bytes;		/* where its first whole physical block begins; negative: nobody knows */
	bool read_only;
	bool discards;
	char name[32];				/* "8:16", as dmsetup prints it */
	char identity[DMR_IDENTITY_SIZE];	/* "partuuid:..." of a partition, "wwid:..." of a whole disk; "" where there is none */
	char disk[DMR_IDENTITY_SIZE];		/* WWID of the disk that it is, or is a part of; "" where there is none */
	char place[32];				/* of a partition: "start:" and the sector of its disk at which it begins; else "" */
};
void dmr_device_describe(struct dmr_device *dev, struct dmr_device_info *out); /* process */

/*
 * Has the device a volatile cache and no FUA? A write with FUA is then a write and a flush, and one that fails may have been
 * the flush, which costs more than its own data. any.
 */
bool dmr_device_flushes_for_fua(struct dmr_device *dev);

/*
 * I/O of the engine's own. data comes from dmr_io_buffer_alloc(), sector and sectors are multiples of the device's
 * logical block. All return when the I/O has ended; none is joined with other I/O in one command, which would fail as a
 * whole, so that a status is that of these sectors. process, may block.
 */
dmr_status dmr_device_read(struct dmr_device *dev, uint64_t sector, void *data, uint32_t sectors);
dmr_status dmr_device_write(struct dmr_device *dev, uint64_t sector, const void *data, uint32_t sectors, uint32_t flags);
dmr_status dmr_device_flush(struct dmr_device *dev);

/* ---- patrol: reads of all of a disk that nobody waits for ---- */

/* Memory for what is read and not looked at, not all in one piece. */
struct dmr_scratch;
struct dmr_scratch *dmr_scratch_alloc(uint32_t sectors); /* up to 2048; NULL when there is none; process, may block */
void dmr_scratch_free(struct dmr_scratch *scratch); /* process; NULL is allowed */
/*
 * Read these sectors, as many as the scratch has at most, for the status alone: in several commands if the disk takes no
 * such large one, none of them joined with other I/O, and of idle priority, for schedulers that have one. process, may block.
 */
dmr_status dmr_device_check(struct dmr_device *dev, uint64_t sector, uint32_t sectors, struct dmr_scratch *scratch);
/*
 * Sectors that the whole disk of this device has read, written and discarded, for whomever. Always the same where the
 * kernel does not count them (queue/iostats). any.
 */
uint64_t dmr_disk_activity(struct dmr_device *dev);
/*
 * The disk of this device is the caller's to patrol until dmr_disk_leave(). False: it is another's, who may patrol another
 * partition of it. process.
 */
bool dmr_disk_enter(struct dmr_device *dev);
void dmr_disk_leave(struct dmr_device *dev);

/* ---- requests: an I/O of the device's users that has entered the slow path ---- */

struct dmr_request;

struct dmr_request_info {
	enum dmr_op op;
	uint64_t sector;	/* of the target, hence of main */
	uint32_t sectors;	/* 0 for a flush */
	uint32_t flags;		/* DMR_IO_FUA */
	uint32_t main_moment;	/* as dmr_engine_flushes_behind() has told it */
	dmr_status failed;	/* what main or a spare answered to all of it, perhaps joined with other I/O; OK: neither was asked */
};
/* The original, complete I/O, whatever has been tried of it since. any. */
void dmr_request_describe(const struct dmr_request *req, struct dmr_request_info *out);

/* A request is on at most one list at a time; this is its link. any. */
struct dmr_request *dmr_request_next(const struct dmr_request *req);
void dmr_request_set_next(struct dmr_request *req, struct dmr_request *next);

/*
 * Do [offset, offset + sectors) of the request (relative to its start, in sectors) on dev at `sector`: a read fills
 * that part of its data, a write sends it, a write-zeroes writes zeroes. A discard is passed on; a device
 * without discards answers OK. Not joined with other I/O either. Never fails for want of memory. process, may block.
 */
dmr_status dmr_request_io(struct dmr_request *req, uint32_t offset, uint32_t sectors, struct dmr_device *dev,
			  uint64_t sector, uint32_t flags);

/* Give the request back to its owner with this status; the handle is dead. process. */
void dmr_request_end(struct dmr_request *req, dmr_status status);

#if defined(__cplusplus)
}
#endif
#endif
