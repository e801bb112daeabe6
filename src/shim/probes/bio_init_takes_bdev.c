// SPDX-License-Identifier: GPL-2.0-only
/* bio_init() sets device and operation too: 5.18. */
#include <linux/bio.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
void probe(struct bio *bio) { bio_init(bio, NULL, 0); }
#else
void probe(struct bio *bio, struct block_device *bdev) { bio_init(bio, bdev, NULL, 0, REQ_OP_READ); }
#endif
