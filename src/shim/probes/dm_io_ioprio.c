// SPDX-License-Identifier: GPL-2.0-only
/* dm_io() takes an I/O priority: 6.9, and stable kernels from 6.1.83 and 6.6.23. */
#include <linux/dm-io.h>

int probe(struct dm_io_request *req, struct dm_io_region *region, unsigned long *bits)
{
#ifdef DMR_PROBE_ABSENT
	return dm_io(req, 1, region, bits);
#else
	return dm_io(req, 1, region, bits, 0);
#endif
}
