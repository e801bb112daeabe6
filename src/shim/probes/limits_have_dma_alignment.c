// SPDX-License-Identifier: GPL-2.0-only
/* Alignment in memory is one of the queue's limits: 6.1. Before, devices do not pass it up. */
#include <linux/blkdev.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FIELD(struct queue_limits, dma_alignment);
#else
unsigned int probe(struct queue_limits *limits) { return limits->dma_alignment; }
#endif
