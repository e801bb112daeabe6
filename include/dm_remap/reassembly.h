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

enum { DMR_REASSEMBLY_ABI = 1 };

struct dmr_assembly_member {
	const struct dmr_member_range *range;
	const struct dmr_probe *probe;
	struct dmr_device_info info;
};

struct dmr_assembly_request {
	const struct dmr_main_identity *main;	/* as it is now */
	const char *name;			/* of the mapped device */
	const struct dmr_assembly_member *members; /* in the table's order */
	uint32_t member_count;
	bool format;				/* the feature argument */
	bool read_only;
};

enum dmr_assembly_verdict {
	DMR_ASSEMBLY_LOAD,	/* setup is the set's; members are in its order */
	DMR_ASSEMBLY_FORMAT,	/* setup is a new one with new UUIDs, to be formatted at first resume */
};

struct dmr_reassembly_ops {
	void *owner;
	uint32_t abi;

	/*
	 * 0 and a verdict, or -EINVAL with a reason that says what was found, where, and what to do. For FORMAT the caller
	 * still fills max_extents, data_start of the members and read_retries.
	 */
	int (*assemble)(const struct dmr_assembly_request *request, enum dmr_assembly_verdict *verdict,
			struct dmr_setup *setup, char *reason);
};

int dmr_register_reassembly(const struct dmr_reassembly_ops *ops);
void dmr_unregister_reassembly(const struct dmr_reassembly_ops *ops);

#if defined(__cplusplus)
}
#endif
#endif
