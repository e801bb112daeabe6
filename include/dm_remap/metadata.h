/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The metadata role: what is durable. Provided by dm-remap-metadata, used by core.
 *
 * Every function is called from process context and may block; the caller serialises all calls on one handle.
 * Nothing here knows what a record means; order and durability are its whole business.
 */
#ifndef DM_REMAP_METADATA_H
#define DM_REMAP_METADATA_H

#include "kernel_api.h"
#include "record.h"

#if defined(__cplusplus)
extern "C" {
#endif

enum { DMR_METADATA_ABI = 7, DMR_UUID_SIZE = 16, DMR_NAME_SIZE = 128, DMR_MAX_ANCESTORS = 32 };

/* What a reader of a set must know: one that does not know them all refuses it. Bits. */
enum {
	DMR_FEATURE_LOST = 1 << 0,	/* there may be records of kind DMR_RECORD_LOST */
	DMR_FEATURE_GUARD = 1 << 1,	/* there may be records with DMR_RECORD_GUARDED, and guard blocks on main */
	DMR_FEATURES_KNOWN = DMR_FEATURE_LOST | DMR_FEATURE_GUARD,
};

/* A pool member as the table names it: a range of a device. */
struct dmr_member_range {
	struct dmr_device *dev;
	uint64_t start;		/* sectors, on dev */
	uint64_t sectors;
};

/*
 * Which disk main is; compared at every start. Each text is "" where it is not known, and compared where it is known then
 * and now. A disk and its copy differ in the last two, a partition and its copy in these alone.
 */
struct dmr_main_identity {
	uint64_t sectors;	/* in a setup: of main when a table last used more of it than ever */
	uint32_t block_bytes;
	uint32_t reserved;
	char identity[DMR_IDENTITY_SIZE]; /* PARTUUID of a partition, or else its place; WWID of a whole disk */
	char disk[DMR_IDENTITY_SIZE];	/* WWID of the disk that main is, or is a part of */
	char id[DMR_IDENTITY_SIZE];	/* what the table line calls that disk */
};

enum dmr_patrol_state {
	DMR_PATROL_NONE,	/* no pass is under way */
	DMR_PATROL_RUNNING,
	DMR_PATROL_PAUSED,
};

/* How far the patrol has come; all zero where there was none yet. */
struct dmr_patrol_record {
	uint64_t at;		/* sectors of main: all before it was read in the pass that is under way */
	uint64_t begun;		/* of the pass that is under way, or else of the last complete one; wall seconds; 0: there was none */
	uint64_t ended;		/* of the last complete pass; wall seconds; 0: there was none */
	uint32_t rate;		/* sectors per second at most; 0: as fast as it gets on */
	uint32_t state;		/* enum dmr_patrol_state */
};

enum dmr_member_state {
	DMR_MEMBER_ABSENT,	/* a free slot of the list */
	DMR_MEMBER_ACTIVE,
	DMR_MEMBER_DROPPED,	/* its metadata is behind; its spare blocks still serve */
	/*
	 * To be added: nothing lives on it. On disk only in the superblock of the member itself, until those of the others
	 * name it: one that no other superblock names was never part of the set.
	 */
	DMR_MEMBER_JOINING,
};

struct dmr_member_entry {
	uint8_t uuid[DMR_UUID_SIZE];
	uint64_t sectors;	/* of its range */
	uint64_t data_start;	/* sectors from the start of its range to the first spare block */
	uint32_t state;		/* enum dmr_member_state */
	uint32_t unit_bytes;	/* stride of its metadata units; 0 in a setup that was never opened */
	char identity[DMR_IDENTITY_SIZE];
};

/* The setup record: who belongs together. It is in the superblock of every member. */
struct dmr_setup {
	uint8_t set_uuid[DMR_UUID_SIZE];
	/*
	 * Changes whenever an active member is left behind: dropped, removed, or missing at a start. What had the branch
	 * before is then the newest ancestor. A member of an ancestor's branch is stale: all that it knows, the set knows
	 * too. Members of two branches of which neither descends from the other went separate ways. See lineage.hh.
	 */
	uint8_t branch[DMR_UUID_SIZE];
	uint8_t ancestors[DMR_MAX_ANCESTORS][DMR_UUID_SIZE]; /* newest first; the oldest are forgotten */
	uint32_t ancestor_count;
	uint64_t generation;		/* of the superblock's last change; counted apart from the commits */
	uint64_t created;		/* wall seconds */
	uint64_t features;		/* DMR_FEATURE_*; once in use they stay */
	uint64_t max_extents;		/* all records that a checkpoint must hold, together */
	struct dmr_main_identity main;
	uint8_t main_uuid[DMR_UUID_SIZE]; /* in main's guard blocks, drawn before the first; zero before that; then it stays */
	char name[DMR_NAME_SIZE];	/* of the mapped device when it was last resumed */
	uint32_t member_count;		/* slots in use, absent ones among them; a slot's number never changes */
	uint32_t own_index;		/* which member holds this superblock */
	uint32_t read_retries;		/* of the table that was last started */
	struct dmr_patrol_record patrol;
	/* In units, of a copy, a slot, a half. Fixed by formatting for all members; 0 in a setup that was never opened. */
	uint32_t copy_units, checkpoint_units, log_half_units;
	uint32_t reserved;
	struct dmr_member_entry members[DMR_MAX_MEMBERS];
};

enum dmr_probe_verdict {
	/* Reserved area, first and last MiB of the range are zero, but for traces of a formatting that was cut off. */
	DMR_PROBE_BLANK,
	DMR_PROBE_MEMBER,	/* a superblock verifies; setup is filled */
	DMR_PROBE_FOREIGN,	/* something else is there */
	DMR_PROBE_DAMAGED,	/* our magic, but no copy of the superblock verifies */
	DMR_PROBE_AMBIGUOUS,	/* superblocks of two members verify: neither can be called the one in use */
	DMR_PROBE_UNSUPPORTED,	/* ours, of a version that this module does not know */
};

struct dmr_probe {
	enum dmr_probe_verdict verdict;
	struct dmr_setup setup;		/* valid if MEMBER */
	uint64_t first_nonzero_sector;	/* of the range, valid if FOREIGN */
	bool copy_lost;			/* MEMBER, but one copy of the superblock does not verify, or is behind */
	/*
	 * MEMBER, and its formatting was cut off just before its end: all is there, and nothing was ever stored. In a
	 * set of several it may be that a member has not come that far and is BLANK: if no member lacks this mark,
	 * format all anew.
	 */
	bool formatting;
};

/* Why a probe, an open or a load refused: a sentence for the administrator. */
enum { DMR_REASON_SIZE = 256 };

struct dmr_metadata;

struct dmr_metadata_params {
	struct dmr_instance *inst;
	/*
	 * member_count of them, in the order of setup->members; copied. dev NULL for one that is not there: if the setup
	 * has it active it is dropped, in a new branch, before anything else is written.
	 */
	const struct dmr_member_range *members;
	uint32_t member_count;
	bool read_only;		/* nothing is ever written */
	const struct dmr_setup *setup;	/* own_index is ignored; copied */
};

struct dmr_load_report {
	uint64_t generation;	/* of the last record believed */
	uint64_t records;	/* replayed from the log */
	uint64_t checkpoint_entries;
	uint32_t stale;		/* bit per member that is there and was not believed: it is behind, or joining */
	/*
	 * A copy is torn, rotten or behind. Unless the table is read-only, write a checkpoint before any I/O is served:
	 * until then what was loaded may rest on one copy alone, and append answers -EINVAL. The same if a member has
	 * to be dropped, brought up to date, or taken in: that checkpoint does it.
	 */
	bool needs_checkpoint;
};

/* Takes the believed records in order. A negative errno stops the load, which returns it. */
typedef int (*dmr_record_sink)(void *context, const struct dmr_record *record);

/* The current state for a checkpoint: fills up to max records, returns how many, 0 at the end. Restarted by rewind. */
struct dmr_record_source {
	void *context;
	void (*rewind)(void *context);
	uint32_t (*next)(void *context, struct dmr_record *out, uint32_t max);
	uint64_t count;		/* records in all */
};

struct dmr_metadata_ops {
	void *owner;		/* struct module */
	uint32_t abi;		/* DMR_METADATA_ABI */

	/* Read-only. -EIO with a reason if the area cannot be read. */
	int (*probe)(const struct dmr_member_range *range, struct dmr_probe *out, char *reason);

	/*
	 * One layout for a new set, that every member can hold. Fills max_extents, copy_units, checkpoint_units,
	 * log_half_units, and data_start and unit_bytes of the members. setup->member_count and main.block_bytes are
	 * set. max_extents 0 asks for the default, which a small range lowers. -ENOSPC with a reason if a range is too
	 * small, -EINVAL for a max_extents or a start that no range could have. Pure arithmetic.
	 */
	int (*lay_out)(const struct dmr_member_range *members, uint64_t max_extents, struct dmr_setup *setup, char *reason);

	/*
	 * Allocates only: all that later calls need. setup->max_extents and data_start of the members are set. One
	 * whose layout is still 0 is laid out here, and must come to the same data_start (-EINVAL with a reason).
	 */
	int (*open)(const struct dmr_metadata_params *params, struct dmr_metadata **out, char *reason);
	void (*close)(struct dmr_metadata *md); /* writes nothing */

	/*
	 * Write superblocks, empty checkpoints and log to every active member, durably: the superblocks last.
	 * Afterwards appends may follow. Cut off at any moment it leaves what it found, or what probe calls BLANK, or
	 * all of it (over content that was not blank, also what probe calls FOREIGN).
	 */
	int (*format)(struct dmr_metadata *md, char *reason);

	/*
	 * Find the newest state that verifies and hand it to sink. May be called again, from the start. Writes nothing.
	 * Negative errno with a reason: -EUCLEAN for damage (what is lost, where), -ESTALE if a member was formatted
	 * anew since the setup was read. A superblock that was updated since then takes the place of the setup given to
	 * open.
	 */
	int (*load)(struct dmr_metadata *md, dmr_record_sink sink, void *context, struct dmr_load_report *report,
		    char *reason);

	/*
	 * Append records, at most records_per_commit() of them, as one generation; all copies durable on return, on
	 * every member that is healthy then. A member that fails is dropped: the others record that, durably, before this
	 * returns 0 (see healthy). -EIO: no member is left, whether the records will be found by a later load is
	 * unknown, and nothing can be appended any more. -ENOSPC: the log half is full; checkpoint first.
	 */
	int (*append)(struct dmr_metadata *md, const struct dmr_record *records, uint32_t count);
	uint32_t (*records_per_commit)(const struct dmr_metadata *md);
	bool (*wants_checkpoint)(const struct dmr_metadata *md);
	/*
	 * Durable on return; members that fail are dropped as by append. On an error the old checkpoint and log still
	 * hold, but nothing can be appended any more. -ENOSPC: source->count exceeds setup->max_extents; then nothing was
	 * written and appends may go on. May rewind source twice. Also does what a load or add_member left to be done: mends
	 * superblocks of which a copy was lost, drops missing members, brings stale and joining ones up to date (two
	 * checkpoints) and only then names them active, in their own superblocks last.
	 */
	int (*checkpoint)(struct dmr_metadata *md, const struct dmr_record_source *source);

	uint64_t (*generation)(const struct dmr_metadata *md);

	/* The setup as the superblocks have it, layout included. Until the next call on md. */
	const struct dmr_setup *(*setup)(const struct dmr_metadata *md);

	/* Bit per member that takes part: commits go to it. One that goes missing here was dropped. any. */
	uint32_t (*healthy)(const struct dmr_metadata *md);

	/*
	 * Bit per member of which a flush has failed since the last call, also as part of a write with FUA: what others had
	 * written there may be gone. Of other writes that fail nothing but themselves is lost.
	 */
	uint32_t (*take_lost)(struct dmr_metadata *md);

	/*
	 * Replace name, main's size, identity and UUID, read_retries and patrol by those of setup, in the superblock of every healthy member,
	 * durably; its generation rises by one. From then on, and not before, records may speak of blocks up to the new size.
	 * It may be a smaller one when two checkpoints were written since the last record of a block beyond it was replaced:
	 * no load comes across that one then. The rest stays: -EINVAL if it differs, if a superblock cannot say it, or before
	 * format or load. Errors as with append.
	 */
	int (*update_setup)(struct dmr_metadata *md, const struct dmr_setup *setup);

	/* The patrol's part of that alone, while the rest may be changing. Errors as with append. */
	int (*keep_patrol)(struct dmr_metadata *md, const struct dmr_patrol_record *patrol);

	/*
	 * From now on the set uses these features as well: durably in the superblock of every healthy member, before anything
	 * of them is written. Nothing is written if they are in use. Errors as with append.
	 */
	int (*use_features)(struct dmr_metadata *md, uint64_t features);

	/*
	 * A further member, into the first absent slot or a new one: lays its area out with the set's layout and writes
	 * all but what a checkpoint completes: call checkpoint() next, appends answer -EINVAL until then. `entry` gives
	 * uuid and identity; the rest is filled in. The caller has seen that the range may be overwritten. *index:
	 * its slot. -ENOSPC with a reason: 16 members, or the range cannot hold the area of this set; -EIO with a reason:
	 * it cannot be written; then the set is as before.
	 */
	int (*add_member)(struct dmr_metadata *md, const struct dmr_member_range *range, const struct dmr_member_entry *entry,
			  uint32_t *index, char *reason);

	/*
	 * Its slot becomes absent, in a new branch, durably on the others; then its superblocks are wiped, as far as it
	 * takes writes. No record of the set speaks of it any more (bad blocks apart, which are forgotten with it).
	 * -EBUSY: no other member is healthy. Errors as with append. Call checkpoint() next, as records of its bad
	 * blocks must not be found by a load.
	 */
	int (*remove_member)(struct dmr_metadata *md, uint32_t index);

	/*
	 * As remove_member, but what the member holds stays as it is: it goes on in the branch that the others have left.
	 */
	int (*forget_member)(struct dmr_metadata *md, uint32_t index);
};

int dmr_register_metadata(const struct dmr_metadata_ops *ops);
void dmr_unregister_metadata(const struct dmr_metadata_ops *ops);

#if defined(__cplusplus)
}
#endif
#endif
