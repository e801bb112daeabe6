// SPDX-License-Identifier: GPL-2.0-only
/* Clones are made for a device: 5.18. Before, bio_clone_fast(). */
#include <linux/bio.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(bio_alloc_clone);
#else
struct bio *probe(struct block_device *bdev, struct bio *bio, struct bio_set *set)
{
	return bio_alloc_clone(bdev, bio, GFP_NOIO, set);
}
#endif
