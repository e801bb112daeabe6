// SPDX-License-Identifier: GPL-2.0-only
/* dm can send flushes past the target; we never let it: 6.11. */
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FIELD(struct dm_target, flush_bypasses_map);
#else
bool probe(struct dm_target *ti) { return ti->flush_bypasses_map; }
#endif
