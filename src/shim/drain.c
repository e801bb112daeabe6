// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "dm_remap/kernel_api.h"
#include "shim/instance.h"

/* Over the primitives of shim/inflight.h. */
#include "shim/inflight_protocol.h"

int dmr_drain(struct dmr_instance *inst, uint64_t deadline_ns)
{
	struct dmr_inflight *f = &inst->inflight;
	bool idle;

	mutex_lock(&f->lock);
	idle = dmr_inflight_drain_one(f, deadline_ns);
	mutex_unlock(&f->lock);
	return idle ? 0 : -ETIMEDOUT;
}
EXPORT_SYMBOL_GPL(dmr_drain);
