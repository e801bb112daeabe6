// SPDX-License-Identifier: GPL-2.0-only
/* Tables are measured: 5.15. */
#include <linux/device-mapper.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_TYPE(STATUSTYPE_IMA);
#else
status_type_t probe(void) { return STATUSTYPE_IMA; }
#endif
