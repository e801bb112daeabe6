// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/timekeeping.h>

#include "dm_remap/kernel_api.h"
#include "shim/compat.h"

uint64_t dmr_now_ns(void)
{
	return ktime_get_ns();
}
EXPORT_SYMBOL_GPL(dmr_now_ns);

uint64_t dmr_wall_seconds(void)
{
	return ktime_get_real_seconds();
}
EXPORT_SYMBOL_GPL(dmr_wall_seconds);

void dmr_random_bytes(void *out, size_t n)
{
	get_random_bytes(out, n);
}
EXPORT_SYMBOL_GPL(dmr_random_bytes);

uint32_t dmr_crc32c(uint32_t seed, const void *data, size_t n)
{
	return dmr_kernel_crc32c(seed, data, n);
}
EXPORT_SYMBOL_GPL(dmr_crc32c);

int dmr_vformat(char *buf, size_t size, const char *fmt, __builtin_va_list args)
{
	return vscnprintf(buf, size, fmt, args);
}
EXPORT_SYMBOL_GPL(dmr_vformat);

int dmr_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
EXPORT_SYMBOL_GPL(dmr_format);
