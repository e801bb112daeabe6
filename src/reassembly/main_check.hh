// SPDX-License-Identifier: GPL-2.0
// Is the main of the table the one that the set belongs to?
#ifndef DM_REMAP_REASSEMBLY_MAIN_CHECK_HH
#define DM_REMAP_REASSEMBLY_MAIN_CHECK_HH

#include "reassembly/refusal.hh"

#include <dm_remap/reassembly.h>

namespace dm_remap::reassembly {

// What two descriptions of a main say of each other. unsure: nothing but its size speaks for its being the same, or what told it then is
// not known now. place: as in dmr_assembly_request.
enum class MainMatch : uint8_t { same, unsure, copied, another };
MainMatch match_mains(const dmr_main_identity &known, const dmr_main_identity &now, const char *place);

// newest: the member whose setup is the set's. Others may have been away when main changed, and know the one of their time.
// EINVAL with the refusal written.
Error refuse_unless_main_fits(const dmr_assembly_request &request, const dmr_assembly_member &newest, Refusal &refusal);

// Does the table say that main is another one than was, and nothing shows that it is the same after all, grown or shrunk?
bool main_is_new(const dmr_assembly_request &request, const dmr_assembly_member &newest);

} // namespace dm_remap::reassembly

#endif
