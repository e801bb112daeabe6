// SPDX-License-Identifier: GPL-2.0-only
/* queue_limits has BLK_FEAT_* bits, write cache and FUA among them: 6.11. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FIELD(struct queue_limits, features);
#else
bool probe(struct queue_limits *limits) { return limits->features & BLK_FEAT_WRITE_CACHE; }
#endif
