// SPDX-License-Identifier: GPL-2.0
// crc32c() of the kernel: the reflected Castagnoli polynomial, no inversion before or after.
#include "dm_remap/kernel_api.h"

#include <array>
#include <cstring>

namespace {

constexpr std::array<uint32_t, 256> make_table()
{
	std::array<uint32_t, 256> table = {};

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
		table[i] = crc;
	}
	return table;
}

constexpr auto table = make_table();

uint32_t by_table(uint32_t crc, const uint8_t *p, size_t n)
{
	while (n--)
		crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_hardware(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;

		std::memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = static_cast<uint32_t>(wide);
	while (n--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

} // namespace

uint32_t dmr_crc32c(uint32_t seed, const void *data, size_t n)
{
	auto *p = static_cast<const uint8_t *>(data);

#if defined(__x86_64__)
	static const bool hardware = __builtin_cpu_supports("sse4.2");
	if (hardware)
		return by_hardware(seed, p, n);
#endif
	return by_table(seed, p, n);
}
