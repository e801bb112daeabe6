// SPDX-License-Identifier: GPL-2.0-only
/* The header of get_unaligned_le64(): 6.12. Before, <asm/unaligned.h>. */
#ifdef DMR_PROBE_ABSENT
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

u64 probe(const void *p) { return get_unaligned_le64(p); }
