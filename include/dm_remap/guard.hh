// SPDX-License-Identifier: GPL-2.0
//
// What stands on main in the place of guarded blocks. docs/on-disk-format.md is the specification.
//
// Each sector of a guarded block, of 512 bytes whatever main's block is, holds one of these: by itself it says what the disk
// is, to programs and to people, and where it belongs. Nothing in it is what a filesystem, a volume manager or a
// partition table is known by: it begins and ends with bytes that are always the same, and what is random in it lies
// where no known format has a short signature.
#ifndef DM_REMAP_GUARD_HH
#define DM_REMAP_GUARD_HH

#include "format.hh"
#include "kernel_api.h"

namespace dm_remap::format {

inline constexpr char guard_magic[16] = {'D', 'M', 'R', 'E', 'M', 'A', 'P', ' ', 'G', 'U', 'A', 'R', 'D', ' ', '1', '\n'};

struct GuardSector {
	char magic[16];
	char text[352];		// one sentence for whoever looks at the disk; the rest of it is zero
	Le64 sector;		// of main, where this is
	uint8_t set[DMR_UUID_SIZE];
	uint8_t main[DMR_UUID_SIZE]; // dmr_setup::main_uuid
	uint8_t reserved[88];
	Le32 crc;		// CRC-32C of the 512 bytes, this field taken as 0
	uint8_t end[12];	// 0
};
static_assert(sizeof(GuardSector) == sector_bytes && alignof(GuardSector) == 1);
static_assert(offsetof(GuardSector, text) == 16 && offsetof(GuardSector, sector) == 368);
static_assert(offsetof(GuardSector, set) == 376 && offsetof(GuardSector, main) == 392);
static_assert(offsetof(GuardSector, crc) == 496 && offsetof(GuardSector, end) == 500);

inline uint32_t crc_of(const GuardSector &sector)
{
	constexpr uint8_t zero[sizeof(sector.crc)] = {};
	const auto *bytes = reinterpret_cast<const uint8_t *>(&sector);
	constexpr size_t at = offsetof(GuardSector, crc), behind = at + sizeof(sector.crc);
	uint32_t crc = dmr_crc32c(~0u, bytes, at);

	crc = dmr_crc32c(crc, zero, sizeof(zero));
	return ~dmr_crc32c(crc, bytes + behind, sizeof(sector) - behind);
}

// Whosesoever it is.
inline bool is_guard(const GuardSector &sector)
{
	return __builtin_memcmp(sector.magic, guard_magic, sizeof(sector.magic)) == 0 && sector.crc == crc_of(sector);
}

} // namespace dm_remap::format

#endif
