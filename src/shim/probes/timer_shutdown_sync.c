// SPDX-License-Identifier: GPL-2.0-only
/* Stops a timer for good: 6.2, and backports. */
#include <linux/timer.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(timer_shutdown_sync);
#else
int probe(struct timer_list *timer) { return timer_shutdown_sync(timer); }
#endif
