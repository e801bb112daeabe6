// SPDX-License-Identifier: GPL-2.0
// Entries of the map as words.
#ifndef DMREMAP_ENTRY_TEXT_HH
#define DMREMAP_ENTRY_TEXT_HH

#include "core/index/extent_index.hh"

namespace dm_remap::tool {

constexpr const char *kind_text(ExtentKind kind)
{
	return kind == ExtentKind::mapped ? "mapped" : "pending";
}

} // namespace dm_remap::tool

#endif
