// SPDX-License-Identifier: GPL-2.0-only
/* dm sets up integrity pools only on request: 6.12. */
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FIELD(struct dm_target, mempool_needs_integrity);
#else
bool probe(struct dm_target *ti) { return ti->mempool_needs_integrity; }
#endif
