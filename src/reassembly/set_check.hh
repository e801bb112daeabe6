// SPDX-License-Identifier: GPL-2.0
// Several spares together: are they one set, whole, and named in its order?
#ifndef DM_REMAP_REASSEMBLY_SET_CHECK_HH
#define DM_REMAP_REASSEMBLY_SET_CHECK_HH

#include "reassembly/refusal.hh"

#include <dm_remap/reassembly.h>

#include <span>

namespace dm_remap::reassembly {

// All members have passed check_member() as Standing::member. The newest setup among them, or EINVAL with the refusal
// written.
Result<const dmr_setup *> check_set(std::span<const dmr_assembly_member> members, Refusal &refusal);

} // namespace dm_remap::reassembly

#endif
