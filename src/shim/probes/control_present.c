// SPDX-License-Identifier: GPL-2.0-only
/* Control: something every kernel has must be found. */
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(dm_register_target);
#else
int probe(struct target_type *t) { return dm_register_target(t); }
#endif
