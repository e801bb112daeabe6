// SPDX-License-Identifier: GPL-2.0
// The product's roles, as modules register them in the kernel.
#ifndef DMREMAP_ROLES_HH
#define DMREMAP_ROLES_HH

#include <dm_remap/metadata.h>
#include <dm_remap/reassembly.h>
#include <dm_remap/spare_pool.h>

extern "C" {
extern const dmr_metadata_ops dmr_metadata_operations;
extern const dmr_spare_pool_ops dmr_spare_pool_operations;
extern const dmr_reassembly_ops dmr_reassembly_operations;
}

namespace dm_remap::tool {

inline const dmr_metadata_ops &metadata_ops = dmr_metadata_operations;
inline const dmr_spare_pool_ops &spare_pool_ops = dmr_spare_pool_operations;
inline const dmr_reassembly_ops &reassembly_ops = dmr_reassembly_operations;

} // namespace dm_remap::tool

#endif
