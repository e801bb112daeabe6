// SPDX-License-Identifier: GPL-2.0
// What is written down anew: a set, or a further member of one.
#ifndef DM_REMAP_REASSEMBLY_NEW_SETUP_HH
#define DM_REMAP_REASSEMBLY_NEW_SETUP_HH

#include <dm_remap/reassembly.h>

namespace dm_remap::reassembly {

// A member of its own UUID; the metadata lays it out.
void make_entry(const dmr_assembly_member &member, dmr_member_state state, dmr_member_entry &entry);

// A set of all members of the request, in their order.
void make_setup(const dmr_assembly_request &request, dmr_setup &setup);

} // namespace dm_remap::reassembly

#endif
