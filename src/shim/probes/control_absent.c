// SPDX-License-Identifier: GPL-2.0-only
/* Control: what no kernel has must not be found. */
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(dmr_no_such_function);
DMR_NO_TYPE(dmr_no_such_type);
DMR_NO_FIELD(struct dm_target, dmr_no_such_field);
#else
int probe(struct target_type *t) { return dmr_no_such_function(t); }
#endif
