// SPDX-License-Identifier: GPL-2.0-only
/* CRC32C without a module of its own is __crc32c_le(): until 6.13. Later crc32c() is. */
#include <linux/crc32.h>
#include "probe.h"

#ifdef DMR_PROBE_ABSENT
DMR_NO_FUNCTION(__crc32c_le);
#else
u32 probe(u32 crc, const void *p, size_t n)
{
	return __crc32c_le(crc, p, n);
}
#endif
