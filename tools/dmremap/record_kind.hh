// SPDX-License-Identifier: GPL-2.0
// Entries of the map as records.
#ifndef DMREMAP_RECORD_KIND_HH
#define DMREMAP_RECORD_KIND_HH

#include "core/index/extent_index.hh"

#include <dm_remap/record.h>

namespace dm_remap::tool {

// Of an extent that a checkpoint can hold; and back, of a record about blocks of main that are not just main's again.
constexpr uint8_t record_kind(ExtentKind kind)
{
	return kind == ExtentKind::mapped ? DMR_RECORD_MAP : kind == ExtentKind::lost ? DMR_RECORD_LOST : DMR_RECORD_PENDING;
}
constexpr ExtentKind extent_kind(uint8_t record)
{
	return record == DMR_RECORD_MAP ? ExtentKind::mapped : record == DMR_RECORD_LOST ? ExtentKind::lost : ExtentKind::pending;
}
constexpr uint16_t record_flags(const Extent &extent)
{
	return extent.guarded ? DMR_RECORD_GUARDED : 0;
}
constexpr bool is_guarded(const dmr_record &record)
{
	return record.flags & DMR_RECORD_GUARDED;
}

} // namespace dm_remap::tool

#endif
