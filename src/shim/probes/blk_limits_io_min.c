// SPDX-License-Identifier: GPL-2.0-only
/* A function changes io_min in queue_limits: gone in 6.12, where the field is set. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(blk_limits_io_min);
#else
void probe(struct queue_limits *limits) { blk_limits_io_min(limits, 4096); }
#endif
