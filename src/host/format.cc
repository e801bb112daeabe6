// SPDX-License-Identifier: GPL-2.0
// Text of bounded length, for every implementation of kernel_api.h outside of a kernel.
#include "dm_remap/kernel_api.h"

#include <cstdarg>
#include <cstdio>

int dmr_vformat(char *buf, size_t size, const char *fmt, va_list args)
{
	if (!size)
		return 0;
	const int n = std::vsnprintf(buf, size, fmt, args);
	return n < 0 ? 0 : static_cast<size_t>(n) < size ? n : static_cast<int>(size - 1);
}

int dmr_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	const int n = dmr_vformat(buf, size, fmt, args);
	va_end(args);
	return n;
}
