// SPDX-License-Identifier: GPL-2.0-only
/* Operation and flags of a bio have a type: 6.0. */
#include <linux/blk_types.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_TYPE(blk_opf_t);
#else
blk_opf_t probe(void) { return REQ_OP_READ; }
#endif
