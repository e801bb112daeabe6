// SPDX-License-Identifier: GPL-2.0-only
/* A target may count what it submits itself: 6.1. */
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FIELD(struct dm_target, accounts_remapped_io);
#else
bool probe(struct dm_target *ti) { return ti->accounts_remapped_io; }
#endif
