// SPDX-License-Identifier: GPL-2.0-only
/* The I/O controllers have seen a bio if it has one of two flags, rather than BIO_TRACKED: 5.18. */
#include <linux/blk_types.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
int probe(void) { return BIO_TRACKED; }
DMR_NO_TYPE(BIO_QOS_THROTTLED);
#else
int probe(void) { return BIO_QOS_THROTTLED | BIO_QOS_MERGED; }
#endif
