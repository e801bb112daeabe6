// SPDX-License-Identifier: GPL-2.0-only
/* A bio is allocated for a device and an operation: 5.18. */
#include <linux/bio.h>

struct bio *probe(struct block_device *bdev, struct bio_set *set)
{
#ifdef DMR_PROBE_ABSENT
	return bio_alloc_bioset(GFP_NOIO, 1, set);
#else
	return bio_alloc_bioset(bdev, 1, REQ_OP_READ, GFP_NOIO, set);
#endif
}
