/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reassembly role: who belongs together. Provided by dm-remap-reassembly, used by core.
 *
 * Decides from what was probed; reads beyond the probe only to name what it found on a foreign spare.
 * Process context; may block.
 */
#ifndef DM_REMAP_REASSEMBLY_H
#define DM_REMAP_REASSEMBLY_H

#include "metadata.h"

#if defined(__cplusplus)
extern "C" {
#endif

enum { DMR_REASSEMBLY_ABI = 5 };

struct dmr_assembly_member {
	const struct dmr_member_range *range; /* dev NULL: "-", one that is missing; then probe and info say nothing */
	const struct dmr_probe *probe;
	struct dmr_device_info info;
};

struct dmr_assembly_request {
	const struct dmr_main_identity *main;	/* as it is now */
	const char *main_place;			/* dmr_device_info::place of it */
	const char *name;			/* of the mapped device */
	const struct dmr_assembly_member *members; /* in the table's order */
	uint32_t member_count;
	/* The feature arguments. */
	uint64_t max_extents;			/* 0: not given */
	bool format;
	bool new_main;				/* main is another disk now, or a smaller one: what it is, is for the caller to record */
	bool degraded;				/* start without members that the others have recorded as dropped */
	bool force;				/* with degraded: without any that is missing */
	bool read_only;
};

struct dmr_assembly {
	/*
	 * LOAD: the set's, as the newest branch has it, with an entry of state JOINING for each blank spare that the
	 * table names beside the set's. FORMAT: a new one with new UUIDs.
	 */
	struct dmr_setup setup;
	uint8_t slot[DMR_MAX_MEMBERS];		/* by number in the table: index in setup.members, or DMR_NO_SLOT for "-" */
	bool main_is_new;			/* LOAD with new_main: this main is not known to be the one that was recorded */
};
enum { DMR_NO_SLOT = 255 };

enum dmr_assembly_verdict {
	DMR_ASSEMBLY_LOAD,	/* the members may be named in any order */
	DMR_ASSEMBLY_FORMAT,	/* setup is a new one with new UUIDs, to be formatted at first resume */
};

struct dmr_reassembly_ops {
	void *owner;
	uint32_t abi;

	/*
	 * 0 and a verdict, or -EINVAL with a reason that says what was found, where, and what to do. For FORMAT the caller
	 * still fills the layout (see dmr_metadata_ops::lay_out) and read_retries; for joining members nothing: the metadata
	 * lays them out.
	 */
	int (*assemble)(const struct dmr_assembly_request *request, enum dmr_assembly_verdict *verdict,
			struct dmr_assembly *out, char *reason);

	/*
	 * May this range become a further member of a set of this main (add_spare)? As assemble: it must be blank, or what an
	 * add_spare that was cut off has left, of whichever set.
	 */
	int (*admit)(const struct dmr_assembly_request *request, char *reason);
};

int dmr_register_reassembly(const struct dmr_reassembly_ops *ops);
void dmr_unregister_reassembly(const struct dmr_reassembly_ops *ops);

#if defined(__cplusplus)
}
#endif
#endif
