/* SPDX-License-Identifier: GPL-2.0 */
/* The devices that run, as the stats module sees them, which may come and go. Process context. */
#ifndef DMR_CORE_TARGET_STATS_DEVICES_H
#define DMR_CORE_TARGET_STATS_DEVICES_H

#include "core/target/state.h"

/* The device runs; the device no longer does, and no call for it is under way. */
void dmr_stats_device_add(struct dmr_target *t);
void dmr_stats_device_remove(struct dmr_target *t);

#endif
