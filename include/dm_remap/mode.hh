// SPDX-License-Identifier: GPL-2.0
// How a mode is called, in the status and in messages; docs/reference.md has what each means.
#ifndef DM_REMAP_MODE_HH
#define DM_REMAP_MODE_HH

#include <dm_remap/engine.h>

namespace dm_remap {

inline constexpr const char *mode_names[DMR_MODE_METADATA_FAILED + 1] = {
	"ok", "read_only", "spare_exhausted", "map_full", "main_read_only", "main_gone", "metadata_failed",
};

} // namespace dm_remap

#endif
