// SPDX-License-Identifier: GPL-2.0-only
/* A target can split secure erase: 5.18. */
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FIELD(struct dm_target, num_secure_erase_bios);
#else
unsigned int probe(struct dm_target *ti) { return ti->num_secure_erase_bios; }
#endif
