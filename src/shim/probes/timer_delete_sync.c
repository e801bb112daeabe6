// SPDX-License-Identifier: GPL-2.0-only
/* del_timer_sync() under its new name: 6.2, and backports; the old name is gone in 6.15. */
#include <linux/timer.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(timer_delete_sync);
#else
int probe(struct timer_list *timer) { return timer_delete_sync(timer); }
#endif
