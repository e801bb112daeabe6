// SPDX-License-Identifier: GPL-2.0-only
/* from_timer() under its new name: 6.16. */
#include <linux/timer.h>

struct probe {
	struct timer_list timer;
};

#ifdef DMR_PROBE_ABSENT
struct probe *probe(struct timer_list *t)
{
	struct probe *p = from_timer(p, t, timer);

	return p;
}
#else
struct probe *probe(struct timer_list *t)
{
	struct probe *p = timer_container_of(p, t, timer);

	return p;
}
#endif
